from api.schemas import alias_example, answer_example, answer_schema, problems, schema_of
from common.model.question import Alias, Question

QUESTION = Question(
    name="highest",
    sql="SELECT 1",
    help="",
    example={"number": 27, "value": "9232"},
    extra=lambda rows: {"part": bool(rows)},
    aliases=(Alias("highest", lambda rows: {"longest": rows[0]["number"]}),),
)


def test_a_schema_is_read_off_an_example():
    assert schema_of({"a": 1, "b": [True], "t": "2026-11-01T12:00:00.1Z", "w": "x"}) == {
        "type": "object",
        "required": ["a", "b", "t", "w"],
        "properties": {
            "a": {"type": "integer"},
            "b": {"type": "array", "items": {"type": "boolean"}},
            "t": {"type": "string", "format": "date-time"},
            "w": {"type": "string"},
        },
    }


def test_a_number_may_be_null_and_an_integer_in_a_text_says_why_it_is_one():
    assert schema_of(1.5) == {"type": ["number", "null"]}
    assert "2^53" in schema_of("9232")["description"]


def test_an_answer_has_rows_columns_whether_it_was_computed_the_next_page_and_what_the_question_adds():
    assert answer_example(QUESTION)["part"] is True
    assert set(answer_schema(QUESTION)["required"]) == {"part", "rows", "columns", "computed", "next"}
    assert answer_schema(QUESTION)["properties"]["rows"]["items"]["required"] == ["number", "value"]


def test_the_example_of_a_short_path_is_what_it_makes_of_the_example_row():
    assert alias_example(QUESTION, QUESTION.aliases[0]) == {"longest": 27}


def test_error_answers_are_problems():
    told = problems(422, 503)
    assert set(told) == {422, 503}
    assert list(told[422]["content"]) == ["application/problem+json"]
