import pytest

from common.model.question import Paged, Parameter, Question

QUESTION = Question(
    name="part",
    sql="SELECT n FROM {table} WHERE x = {x:UInt8} AND kind = {kind:String} AND n > { after : UInt64 } LIMIT 3",
    help="",
    about={
        "x": Parameter("", 1, 10),
        "kind": Parameter("", choices=("a", "b")),
        "after": Parameter("", low=0, default=0),
    },
    paged=Paged("n", "after", 3),
)


def test_its_parameters_are_those_of_the_sql_in_order():
    assert QUESTION.parameters == {"x": "UInt8", "kind": "String", "after": "UInt64"}


def test_what_has_a_default_need_not_be_given():
    assert QUESTION.defaults == {"after": 0}


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("x", 1, ""),
        ("x", 10, ""),
        ("x", 0, "from 1 to 10"),
        ("x", 11, "from 1 to 10"),
        ("kind", "a", ""),
        ("kind", "c", "one of a, b"),
        ("after", -1, "at least 0"),
        ("after", 2**70, ""),
    ],
)
def test_a_value_that_is_not_allowed_is_told_with_what_is(name, value, problem):
    assert QUESTION.problem(name, value) == problem


def test_a_full_page_has_a_next_one_that_begins_after_its_last_row():
    assert QUESTION.next_page([{"n": 1}, {"n": 2}, {"n": 7}]) == {"after": 7}


def test_a_page_with_fewer_rows_is_the_last():
    assert QUESTION.next_page([{"n": 1}, {"n": 2}]) is None
