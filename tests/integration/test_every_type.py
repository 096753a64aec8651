"""Every column of every stream through the real wire: what is sent is what ClickHouse gives back, value for value."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
import numpy as np
import pytest

from common.clickhouse_io.client import connect
from common.clickhouse_io.encoding import EncodingCheck
from common.clickhouse_io.schema import Schema
from common.clickhouse_io.store import Store
from common.model.codec import encode
from common.model.conversions import NULL, VALUE, split
from common.model.ddl import inserted_columns
from common.model.derive import Column, table
from common.model.numbers import SCALED
from common.model.stream import Feed
from common.settings.config import Settings
from common.streams import STREAMS
from consumer.rows import RowMaker, join_blocks
from tests.support.every_type import CASES, feed_of, messages
from tests.unit.common.streams.extremes import extreme_events
from tests.unit.common.streams.test_every_stream import events_of

ALL_STREAMS = [
    pytest.param(stream, feed, id=f"{name}-{feed.topic}")
    for name, stream in STREAMS.items()
    for feed in stream.feeds
]
EXACT_NUMBERS = {"output_format_json_quote_64bit_integers": 0}


@pytest.fixture
def settings(stack):
    return Settings.from_env(stack.environment()).clickhouse


@pytest.fixture
def sql(settings):
    client = connect(settings)
    yield client.execute
    client.disconnect()


def store_in_two_pieces(settings, sql, feed, values):
    """Put messages into the feed's tables, as a sink does with a batch that came in two pieces."""
    schema, store = Schema(settings), Store(settings)
    for made in feed.tables:
        sql(f"DROP TABLE IF EXISTS `{made.name}` SYNC")
    schema.create(feed.tables)
    schema.check(feed.tables)
    maker = RowMaker(feed, 7, check=EncodingCheck(feed.tables))
    offsets, cut = np.arange(len(values)), len(values) // 3
    pieces = [maker.make(values[part], offsets[part]) for part in (slice(None, cut), slice(cut, None))]
    assert [piece.bad for piece in pieces] == [{}, {}]
    for made in feed.tables:
        block = join_blocks([piece.blocks[made.name] for piece in pieces])
        assert store.insert(made.name, block, token="two pieces", query_id=f"{made.name} in two pieces")
    store.close()
    schema.close()
    return pieces


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


def test_every_value_of_every_type_comes_back_as_it_was_sent(settings, sql):
    feed = feed_of(*CASES)
    store_in_two_pieces(settings, sql, feed, messages())
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
    settings, sql, stream, feed
):
    usual = events_of(stream, feed)
    values = list(map(encode, [*usual, *extreme_events(feed.event, usual[:3])]))
    pieces = store_in_two_pieces(settings, sql, feed, values)
    for made in feed.tables:
        for column, kind in inserted_columns(made).items():
            sent = [value for piece in pieces for value in plain(kind, piece.blocks[made.name][column])]
            found = shown(sql, made.name, counted(kind, column))
            width = np.float32 if "Float32" in kind else np.float64
            assert len(found) == len(sent)
            assert all(map(is_same, sent, found, [width] * len(sent))), column


def plain(kind: str, column: np.ndarray) -> list[Any]:
    """The values of a column as Python has them; times as they are counted. A UInt128 is pairs of halves."""
    if column.dtype.names == (NULL, VALUE):
        values = plain(split(kind)[1][0], column[VALUE])
        return [None if is_null else value for is_null, value in zip(column[NULL], values, strict=True)]
    if column.dtype.names == (SCALED,):
        return [Decimal(digits).scaleb(-int(split(kind)[1][-1])) for digits in column[SCALED].tolist()]
    if column.ndim == 2:
        return [low + (high << 64) for low, high in column.tolist()]
    return [str(value) if isinstance(value, UUID) else value for value in column.tolist()]


def counted(kind: str, column: str) -> str:
    """A column in SQL; of what is counted on the wire, its numbers."""
    name, arguments = split(kind)
    if name == "Nullable":
        return counted(arguments[0], column)
    of = {"DateTime64": "Int64", "DateTime": "UInt32", "Date32": "Int32", "Date": "UInt16", "IPv4": "UInt32"}
    return f"reinterpret(`{column}`, '{of[name]}')" if name in of else f"`{column}`"


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


def test_a_thousand_columns_with_names_of_any_kind_are_made_filled_and_read(settings, sql):
    fields = [(f"f{number}", Annotated[int, Column(name=name)]) for number, name in enumerate(NAMES)]
    fields += [(f"c{number}", Annotated[int | None, Column("Nullable(UInt16)")]) for number in range(1_000)]
    event = msgspec.defstruct("Wide", fields, gc=False)
    feed = Feed(topic="wide", event=event, tables=(table(event, name="wide", order_by="`it's`"),))
    values = [{name: number * at for number, (name, _) in enumerate(fields)} for at in (-1, 1, 0)]
    values = [
        {name: abs(value) if name[0] == "c" else value for name, value in each.items()} for each in values
    ]
    values.append(values[0] | {"c999": None})
    store_in_two_pieces(settings, sql, feed, list(map(encode, values)))
    columns = [*NAMES, *(f"c{number}" for number in range(1_000))]
    quoted = ", ".join("`" + column.replace("`", "\\`") + "`" for column in columns)
    assert sql(f"SELECT {quoted} FROM wide ORDER BY _off") == [tuple(each.values()) for each in values]


def test_events_that_are_spelled_otherwise_in_json_fill_columns_called_as_their_fields(settings, sql):
    feed = Feed(topic="renamed", event=Renamed, tables=(table(Renamed, name="renamed", order_by="order_id"),))
    values = [b'{"orderId": %d, "from": "a"}' % number for number in range(3)]
    store_in_two_pieces(settings, sql, feed, values)
    assert sql("SELECT order_id, `from` FROM renamed ORDER BY _off") == [(number, "a") for number in range(3)]
