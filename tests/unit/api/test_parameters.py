import inspect

import pytest
from pydantic import TypeAdapter, ValidationError

from api.parameters import Kind, bounds, described, kind_of, signature
from common.model.question import Parameter, Question

QUESTION = Question(
    name="q",
    sql="SELECT {x:UInt128}, {after:UInt8}, {rate:Float64}, {kind:String}, {name:String}, {at:DateTime64(3)}",
    help="",
    about={
        "x": Parameter("a value", 1, 2**128 - 1),
        "after": Parameter("", default=0),
        "rate": Parameter("", -1.5, 1.5),
        "kind": Parameter("", choices=("a", "b")),
    },
)


def value_of(name, text):
    return TypeAdapter(signature(QUESTION, set()).parameters[name].annotation).validate_python(text)


@pytest.mark.parametrize(
    ("clickhouse_type", "kind"),
    [
        ("UInt8", Kind.INTEGER),
        ("Int256", Kind.INTEGER),
        ("Float32", Kind.NUMBER),
        ("String", Kind.TEXT),
        ("DateTime64(3, 'UTC')", Kind.TIME),
        ("Array(UInt8)", Kind.OTHER),
        ("UUID", Kind.OTHER),
    ],
)
def test_a_type_is_of_a_kind(clickhouse_type, kind):
    assert kind_of(clickhouse_type) is kind


@pytest.mark.parametrize(
    ("clickhouse_type", "told", "found"),
    [
        ("UInt8", Parameter(""), (0, 255)),
        ("Int8", Parameter(""), (-128, 127)),
        ("UInt8", Parameter("", 1, 1000), (1, 255)),
        ("Float64", Parameter("", 1, 2), (1, 2)),
    ],
)
def test_a_range_is_what_is_told_within_what_the_type_holds(clickhouse_type, told, found):
    assert bounds(clickhouse_type, told) == found


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("x", "1", 1),
        ("x", str(2**128 - 1), 2**128 - 1),
        ("after", "255", 255),
        ("rate", "-1.5", -1.5),
        ("kind", "a", "a"),
    ],
)
def test_what_is_allowed_is_read(name, text, value):
    assert value_of(name, text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x", "0"),
        ("x", str(2**128)),
        ("x", "1" * 5000),
        ("x", "1_0"),
        ("x", "1.0"),
        ("x", " 1"),
        ("x", "+1"),
        ("x", "٣"),
        ("x", ""),
        ("x", "1' OR 1"),
        ("after", "256"),
        ("after", "-1"),
        ("rate", "nan"),
        ("rate", "inf"),
        ("rate", "1.6"),
        ("kind", "c"),
        ("name", "n" * 1001),
    ],
)
def test_what_is_not_allowed_is_refused(name, text):
    with pytest.raises(ValidationError):
        value_of(name, text)


def test_only_what_has_a_default_may_be_left_out():
    wanted = signature(QUESTION, set()).parameters
    assert [name for name, each in wanted.items() if each.default is not inspect.Parameter.empty] == ["after"]


def test_what_is_in_the_path_has_no_default():
    assert signature(QUESTION, {"after"}).parameters["after"].default is inspect.Parameter.empty


def test_a_form_is_told_all_it_needs_and_no_integer_that_browsers_round():
    told = {each["name"]: each for each in described(QUESTION)}
    assert told["x"] == {
        "name": "x",
        "kind": "integer",
        "type": "UInt128",
        "help": "a value",
        "required": True,
        "default": None,
        "minimum": 1,
        "maximum": str(2**128 - 1),
        "choices": None,
    }
    assert told["kind"]["choices"] == ["a", "b"]
    assert told["after"]["required"] is False
