"""Every column of every stream through the real wire: what is sent is what ClickHouse gives back, value for value."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
import pytest

from common.clickhouse_io.client import connect
from common.clickhouse_io.schema import Schema
from common.clickhouse_io.store import Store
from common.model.codec import encode
from common.model.ddl import inserted_columns
from common.model.derive import Column, table
from common.model.stream import Feed
from common.settings.config import Settings
from consumer.rows import Made, join_blocks
from tests.support.columns import counted, plain, sent_and_told
from tests.support.every_type import CASES, feed_of, messages
from tests.unit.common.streams.extremes import extreme_events
from tests.unit.common.streams.test_every_stream import ALL, events_of

ALL_STREAMS = [
    pytest.param(stream, feed, id=f"{name}-{feed.topic}")
    for name, stream in ALL.items()
    for feed in stream.feeds
]
EXACT_NUMBERS = {"output_format_json_quote_64bit_integers": 0}


class Stored(NamedTuple):
    """What became of messages."""

    told: Sequence[Made]
    bad: int


@pytest.fixture
def settings(stack):
    return Settings.from_env(stack.environment()).clickhouse


@pytest.fixture
def sql(settings):
    client = connect(settings)
    yield client.execute
    client.disconnect()


@pytest.fixture
def store_in_two_pieces(settings, sql):
    """Puts messages into the tables of a feed, as a sink does with a batch that came in two pieces.

    Gives the rows that the stream makes of those that pass the check, a piece each, and how many do not.
    """
    schema, store = Schema(settings), Store(settings)
    made: list[str] = []

    def store_them(feed, values):
        for each in feed.tables:
            sql(f"DROP TABLE IF EXISTS `{each.name}` SYNC")
            made.append(each.name)
        schema.create(feed.tables)
        schema.check(feed.tables)
        offsets, cut = np.arange(len(values)), len(values) // 3
        parts = slice(None, cut), slice(cut, None)
        sent, told = zip(*(sent_and_told(feed, values[part], offsets[part]) for part in parts), strict=True)
        for name in sent[0].blocks:
            block = join_blocks([piece.blocks[name] for piece in sent])
            assert store.insert(name, block, token="two pieces", query_id=f"{name} in two pieces")
        return Stored(told, sum(len(piece.bad) for piece in sent))

    yield store_them
    store.close()
    schema.close()
    for name in made:
        sql(f"DROP TABLE IF EXISTS `{name}` SYNC")


def shown(sql, name, column):
    """A column, or what SQL makes of it, as JSON in the order of messages and rows; numbers as texts."""
    rows = sql(f"SELECT toJSONString({column}) FROM `{name}` ORDER BY _off, _row", settings=EXACT_NUMBERS)
    return [None if text is None else json.loads(text, parse_int=str, parse_float=str) for (text,) in rows]


def is_same(sent: Any, found: Any, width: type) -> bool:
    """Whether a value is what was sent, a float bit by bit."""
    if isinstance(sent, list):
        return len(sent) == len(found) and all(map(is_same, sent, found, [width] * len(sent)))
    if isinstance(sent, dict):
        return sent.keys() == found.keys() and all(is_same(sent[key], found[key], width) for key in sent)
    if isinstance(sent, float):
        return width(sent).tobytes() == width(found).tobytes()
    if isinstance(sent, bool | str | None):
        return type(sent) is type(found) and sent == found
    return type(sent)(found) == sent


def test_every_value_of_every_type_comes_back_as_it_was_sent(sql, store_in_two_pieces):
    feed = feed_of(*CASES)
    assert store_in_two_pieces(feed, messages()).bad == 0
    wrong = []
    for case in CASES:
        width = np.float32 if "Float32" in case.kind else np.float64
        for number, found in enumerate(shown(sql, "every_type", case.name)):
            sent = case.wanted[number % len(case.wanted)]
            if not is_same(sent, found, width):
                wrong.append((case.kind, case.hint, sent, found))
    assert wrong == []


@pytest.mark.parametrize(("stream", "feed"), ALL_STREAMS)
def test_every_extreme_that_the_events_of_a_stream_allow_comes_back_as_it_was_sent(
    sql, store_in_two_pieces, stream, feed
):
    usual = events_of(stream, feed)
    values = list(map(encode, [*usual, *extreme_events(feed.event, usual[:3])]))
    stored = store_in_two_pieces(feed, values)
    assert len(values) - stored.bad > len(usual)  # some of the extremes fit the columns, too
    for made in feed.tables:
        for column, kind in inserted_columns(made).items():
            sent = [value for piece in stored.told for value in plain(kind, piece.blocks[made.name][column])]
            found = shown(sql, made.name, counted(kind, column))
            width = np.float32 if "Float32" in kind else np.float64
            assert len(found) == len(sent)
            assert all(map(is_same, sent, found, [width] * len(sent))), column


NAMES = [
    "select",
    "from",
    "a.b",
    "it's",
    'say "x"',
    "two words",
    "CamelCase",
    "Ünï",
    "🌊",
    "back`tick",
    "br{ace}s",
    "%s",
]


class Renamed(msgspec.Struct, gc=False, rename="camel"):
    order_id: int
    from_: Annotated[str, Column(name="from")]


def test_a_thousand_columns_with_names_of_any_kind_are_made_filled_and_read(sql, store_in_two_pieces):
    fields = [(f"f{number}", Annotated[int, Column(name=name)]) for number, name in enumerate(NAMES)]
    fields += [(f"c{number}", Annotated[int | None, Column("Nullable(UInt16)")]) for number in range(1_000)]
    event = msgspec.defstruct("Wide", fields, gc=False)
    feed = Feed(topic="wide", event=event, tables=(table(event, name="wide", order_by="`it's`"),))
    values = [{name: number * at for number, (name, _) in enumerate(fields)} for at in (-1, 1, 0)]
    values = [
        {name: abs(value) if name[0] == "c" else value for name, value in each.items()} for each in values
    ]
    values.append(values[0] | {"c999": None})
    assert store_in_two_pieces(feed, list(map(encode, values))).bad == 0
    columns = [*NAMES, *(f"c{number}" for number in range(1_000))]
    quoted = ", ".join("`" + column.replace("`", "\\`") + "`" for column in columns)
    assert sql(f"SELECT {quoted} FROM wide ORDER BY _off") == [tuple(each.values()) for each in values]


def test_events_that_are_spelled_otherwise_in_json_fill_columns_called_as_their_fields(
    sql, store_in_two_pieces
):
    feed = Feed(topic="renamed", event=Renamed, tables=(table(Renamed, name="renamed", order_by="order_id"),))
    values = [b'{"orderId": %d, "from": "a"}' % number for number in range(3)]
    assert store_in_two_pieces(feed, values).bad == 0
    assert sql("SELECT order_id, `from` FROM renamed ORDER BY _off") == [(number, "a") for number in range(3)]
