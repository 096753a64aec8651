"""What odd JSON makes of a derived table: a row that holds just what was said, or a dead letter that says where."""

from typing import Annotated

import msgspec
import numpy as np
import pytest
from msgspec import Meta

from common.clickhouse_io.encoding import EncodingCheck
from common.model.derive import Column, table
from common.model.stream import Feed
from consumer.rows import RowMaker


class Odd(msgspec.Struct, gc=False):
    n: Annotated[int, Meta(ge=0)] = 0
    small: Annotated[int, Column("Int8")] = 0
    f: float = 0.0
    t: str = ""
    tags: dict[str, int] = {}
    items: list[int] = []


class Strict(msgspec.Struct, gc=False):
    n: int


def made_of(event, *values):
    feed = Feed(topic="odd", event=event, tables=(table(event, name="odd", order_by="tuple()"),))
    return RowMaker(feed, 7, check=EncodingCheck(feed.tables)).make(values, np.arange(len(values)))


@pytest.mark.parametrize(
    ("value", "column", "stored"),
    [
        (b"{}", "n", [0]),
        (b'{"n": 18446744073709551615}', "n", [2**64 - 1]),
        (b'{"n": 1, "n": 2}', "n", [2]),
        (b'{"tags": {"a": 1, "a": 2}}', "tags", [{"a": 2}]),
        (b'{"f": 1}', "f", [1.0]),
        (b'{"unknown": {"n": 5}, "n": 6}', "n", [6]),
        (b' [ {"n": 1} , {} ] ', "n", [1, 0]),
        (b'{"t": "\\u0000\\ud83c\\udf0a"}', "t", ["\0🌊"]),
        (b'{"n": -0}', "n", [0]),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_message_that_can_be_read_is_stored_as_msgspec_reads_it_the_last_of_equal_keys_wins(
    value, column, stored
):
    assert made_of(Odd, value).blocks["odd"][column].tolist() == stored


def test_a_negative_zero_keeps_its_sign():
    assert np.signbit(made_of(Odd, b'{"f": -0.0}').blocks["odd"]["f"]).tolist() == [True]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b'{"n": "of another type", "n": 2}', "at `$.n`"),
        (b'{"n": "1"}', "wrong type: expected `int`, got `str` - at `$.n`"),
        (b'{"n": 1.0}', "wrong type: expected `int`, got `float` - at `$.n`"),
        (b'{"n": 1e2}', "wrong type: expected `int`, got `float` - at `$.n`"),
        (b'{"n": true}', "wrong type: expected `int`, got `bool` - at `$.n`"),
        (b'{"n": 18446744073709551616}', "table odd, column n, UInt64: out of range"),
        (b'{"small": 128}', "table odd, column small, Int8: out of range"),
        (b'{"items": [9223372036854775808]}', "table odd, column items, Array(Int64): out of range"),
        (b'{"items": [1, "2"]}', "wrong type: expected `int`, got `str` - at `$.items[1]`"),
        (b'{"items": [1, null]}', "wrong type: expected `int`, got `null` - at `$.items[1]`"),
        (b'{"f": "1.5"}', "wrong type: expected `float`, got `str` - at `$.f`"),
        (b'{"f": 1e400}', "out of range"),
        (b'[{"n": 1}, 2, "x", null, [], {}]', "at `$[1]`"),
        (b"[[{}]]", "at `$[0]`"),
        (b"1", "wrong type"),
        (b"null", "wrong type"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_message_that_says_something_else_is_dead_as_a_whole(value, says):
    made = made_of(Odd, value)
    assert says in str(made.bad[0])
    assert made.blocks == {}


def test_an_empty_object_lacks_the_fields_that_have_no_default():
    made = made_of(Strict, b"{}", b'{"n": 1}')
    assert str(made.bad[0]) == "missing field: `n`"
    assert made.blocks["odd"]["n"].tolist() == [1]
