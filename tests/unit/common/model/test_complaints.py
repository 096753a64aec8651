"""No reason holds a value of the message: each of these messages carries a secret, and none of it may be told."""

import datetime
import decimal
import enum
import uuid
from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from common.model.codec import Codec
from common.model.complaints import reason_of_decoding, told
from common.model.reasons import Kind

SECRET = "alice@example.org"
NUMBER = 271828
A_SECRET = f'"{SECRET}"'


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    n: int = 0


class Cat(msgspec.Struct, tag="cat"):
    n: int


class Dog(msgspec.Struct, tag="dog"):
    n: int


class One(msgspec.Struct, tag=1):
    n: int


class Pair(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    n: int
    m: int


class Quoting(msgspec.Struct):
    n: int | str

    def __post_init__(self):
        raise ValueError(f"{self.n} is none of ours")


class Formatting(msgspec.Struct):
    n: int | str

    def __post_init__(self):
        raise TypeError("not a name: %s" % self.n)  # noqa: UP031


class Lying(msgspec.Struct):
    n: int | str

    def __post_init__(self):
        raise msgspec.ValidationError(f"Expected `int` >= {self.n} - at `$.{self.n}`")


class Missing(msgspec.Struct):
    n: int | str

    def __post_init__(self):
        {}[self.n]


class Parsing(msgspec.Struct):
    n: int | str

    def __post_init__(self):
        int(self.n + "x" if isinstance(self.n, str) else f"{self.n}x")


class Strange(msgspec.Struct):
    n: int | str

    def __post_init__(self):
        raise ValueError(self.n, self.n)


NASTY = {
    "a number for a text": (str, str(NUMBER), Kind.WRONG_TYPE),
    "a text for a number": (int, A_SECRET, Kind.WRONG_TYPE),
    "a text for one of two": (int | None, A_SECRET, Kind.WRONG_TYPE),
    "too small": (Annotated[int, Meta(ge=10**9)], str(NUMBER), Kind.OUT_OF_RANGE),
    "too large": (Annotated[float, Meta(lt=1.5)], str(NUMBER), Kind.OUT_OF_RANGE),
    "no multiple": (Annotated[int, Meta(multiple_of=5)], str(NUMBER), Kind.OUT_OF_RANGE),
    "too many digits": (int, f"{NUMBER}" * 1000, Kind.OUT_OF_RANGE),
    "too short": (Annotated[str, Meta(min_length=99)], A_SECRET, Kind.OUT_OF_RANGE),
    "too long": (Annotated[str, Meta(max_length=2)], A_SECRET, Kind.OUT_OF_RANGE),
    "another pattern": (Annotated[str, Meta(pattern=r"^\d - at `\$.x`$")], A_SECRET, Kind.NOT_ALLOWED),
    "a list that is too long": (
        Annotated[list[int], Meta(max_length=1)],
        f"[1, {NUMBER}]",
        Kind.OUT_OF_RANGE,
    ),
    "a tuple of another length": (tuple[int, int], f"[{NUMBER}]", Kind.OUT_OF_RANGE),
    "no Enum": (Colour, A_SECRET, Kind.NOT_ALLOWED),
    "no Enum of numbers": (Level, str(NUMBER), Kind.NOT_ALLOWED),
    "no literal": (Literal["a", "b"], A_SECRET, Kind.NOT_ALLOWED),
    "a key that is no Enum": (dict[Colour, int], f"{{{A_SECRET}: 1}}", Kind.NOT_ALLOWED),
    "a key that is no number": (dict[int, int], f"{{{A_SECRET}: 1}}", Kind.WRONG_TYPE),
    "a value under a secret key": (dict[str, int], f"{{{A_SECRET}: {A_SECRET}}}", Kind.WRONG_TYPE),
    "an unknown field": (Strict, f"{{{A_SECRET}: 1}}", Kind.UNKNOWN_FIELD),
    "an unknown field that looks like a place": (Strict, f'{{"x - at `$.{SECRET}": 1}}', Kind.UNKNOWN_FIELD),
    "a missing field": (Cat, f'{{"type": "cat", "x": {A_SECRET}}}', Kind.MISSING_FIELD),
    "an unknown tag": (Cat | Dog, f'{{"type": {A_SECRET}}}', Kind.NOT_ALLOWED),
    "a tag that looks like a place": (Cat | Dog, f'{{"type": "- at `$.{SECRET}`"}}', Kind.NOT_ALLOWED),
    "an unknown number for a tag": (One, f'{{"type": {NUMBER}}}', Kind.NOT_ALLOWED),
    "an array that is too short": (Pair, f"[{NUMBER}]", Kind.OUT_OF_RANGE),
    "an array that is too long": (Pair, f"[1, 2, {NUMBER}]", Kind.OUT_OF_RANGE),
    "no time": (datetime.datetime, A_SECRET, Kind.NOT_ALLOWED),
    "a time without a zone": (
        Annotated[datetime.datetime, Meta(tz=True)],
        '"2026-01-01T00:00:00"',
        Kind.NOT_ALLOWED,
    ),
    "no date": (datetime.date, A_SECRET, Kind.NOT_ALLOWED),
    "no duration": (datetime.timedelta, A_SECRET, Kind.NOT_ALLOWED),
    "no decimal": (decimal.Decimal, A_SECRET, Kind.NOT_ALLOWED),
    "no UUID": (uuid.UUID, A_SECRET, Kind.NOT_ALLOWED),
    "no base64": (bytes, A_SECRET, Kind.NOT_ALLOWED),
    "not JSON behind it": (str, A_SECRET + "]", Kind.NOT_JSON),
    "half of it": (str, A_SECRET[:-1], Kind.NOT_JSON),
    "a text with the value": (Quoting, f'{{"n": {A_SECRET}}}', Kind.REFUSED),
    "a number in a text": (Quoting, f'{{"n": {NUMBER}}}', Kind.REFUSED),
    "a formatted text": (Formatting, f'{{"n": {A_SECRET}}}', Kind.REFUSED),
    "a text that looks like one of msgspec": (Lying, f'{{"n": {NUMBER}}}', Kind.REFUSED),
    "a place that is none": (Lying, f'{{"n": {A_SECRET}}}', Kind.REFUSED),
    "a key that is missing": (Missing, f'{{"n": {A_SECRET}}}', Kind.STREAM_FAILED),
    "what Python says of a number": (Parsing, f'{{"n": {A_SECRET}}}', Kind.REFUSED),
    "an exception with two values": (Strange, f'{{"n": {A_SECRET}}}', Kind.REFUSED),
}

nasty_messages = pytest.mark.parametrize(
    ("field", "value", "kind"), [pytest.param(*case, id=name) for name, case in NASTY.items()]
)


def reason_of(event, text):
    (reason,) = Codec(event).decode([text.encode()]).bad.values()
    return reason


def holding(field):
    return msgspec.defstruct("Holding", [("f", field)])


@nasty_messages
def test_a_reason_tells_the_kind_and_nothing_of_the_value(field, value, kind):
    reason = reason_of(holding(field), f'{{"f": {value}}}')
    assert reason.kind is kind
    assert SECRET not in str(reason)
    assert str(NUMBER) not in str(reason)
    assert len(str(reason)) < 150


@pytest.mark.parametrize("event", [Strict, Quoting, Formatting, Lying, Missing, Parsing, Strange])
@pytest.mark.parametrize("text", ['{"n": "SECRET", "- at `$.SECRET": 1}', '{"n": "x - at `$.SECRET`"}'])
def test_nor_does_it_at_the_root_of_a_message(event, text):
    assert SECRET not in str(reason_of(event, text.replace("SECRET", SECRET)))


@pytest.mark.parametrize(
    ("field", "value", "told_of_it"),
    [
        (int, '"x"', "wrong type: expected `int`, got `str` - at `$.f`"),
        (list[int], '[1, "x"]', "wrong type: expected `int`, got `str` - at `$.f[1]`"),
        (dict[str, int], '{"a": "x"}', "wrong type: expected `int`, got `str` - at `$.f[...]`"),
        (dict[int, int], '{"a": 1}', "wrong type: expected `int`, got `str` - at `key` in `$.f`"),
        (Annotated[int, Meta(ge=5)], "4", "out of range: expected `int` >= 5 - at `$.f`"),
        (
            Annotated[str, Meta(pattern="^x$")],
            '"y"',
            "not an allowed value: does not match its pattern - at `$.f`",
        ),
        (Colour, '"blue"', "not an allowed value: at `$.f`"),
        (Cat, '{"type": "cat"}', "missing field: `n` - at `$.f`"),
        (uuid.UUID, '"x"', "not an allowed value: invalid UUID - at `$.f`"),
        (Quoting, '{"n": 1}', "refused by the event type: ValueError - at `$.f`"),
    ],
)
def test_kind_and_place_are_told(field, value, told_of_it):
    assert str(reason_of(holding(field), f'{{"f": {value}}}')) == told_of_it


@pytest.mark.parametrize("text", ["Quite new: `SECRET`", "Expected `SECRET`, got `int`", "SECRET >= 1"])
def test_words_that_are_not_known_are_not_told(text):
    error = raised_by(lambda: msgspec.json.decode(b"1", type=str)).with_traceback(None)
    error.args = (text.replace("SECRET", SECRET) + " - at `$.f`",)
    assert str(reason_of_decoding(error)) == "refused by the event type: at `$.f`"


class Careful(msgspec.Struct):
    n: int

    def __post_init__(self):
        if self.n < 0:
            raise ValueError("n is negative")


def test_a_constant_text_of_the_event_type_is_told():
    assert str(reason_of(Careful, '{"n": -1}')) == "refused by the event type: n is negative (ValueError)"
    nested = reason_of(holding(list[Careful]), '{"f": [{"n": -1}]}')
    assert str(nested) == "refused by the event type: n is negative (ValueError) - at `$.f[0]`"


def raised_by(function):
    try:
        function()
    except Exception as error:
        return error
    return None


def quoting_in_itself():
    raise KeyError("a constant")


def test_what_is_told_of_an_exception_is_its_type_and_a_constant_text():
    assert told(raised_by(quoting_in_itself)) == "a constant (KeyError)"
    assert told(raised_by(lambda: int("12x"))) == "ValueError"
    assert told(raised_by(lambda: 1 // 0)) == "ZeroDivisionError"
    assert told(ValueError("never raised")) == "ValueError"
