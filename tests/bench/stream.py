"""The measured stream: one small event, one row.

{"number": 1000000000017, "step": 17, "value": 1234, "timestamp": 1795000000}
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from common.columns import one_row_each
from common.stream import Feed, Stream, Table

Whole = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Point(msgspec.Struct, gc=False):
    """Four numbers: 67 bytes of JSON."""

    number: Whole
    step: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    value: Whole
    timestamp: Annotated[int, Meta(ge=0, le=2**32 - 1)]


class NoOptions(msgspec.Struct):
    """The benchmark fills its topic itself."""


POINTS = Table(
    name="bench_points",
    rows=one_row_each(number="u8", step="u4", value="u8", timestamp="u4"),
    ddl="""
CREATE TABLE IF NOT EXISTS {table} (
    number UInt64,
    step UInt32,
    value UInt64,
    timestamp DateTime,
    {address}
) ENGINE = MergeTree ORDER BY (number, step) {settings}
""",
)

STREAM = Stream(
    name="bench",
    version=1,
    options=NoOptions,
    generate=lambda rng, options, now_s: iter(()),
    feeds=(Feed(topic="bench.points", event=Point, tables=(POINTS,)),),
)
TOPIC = STREAM.feeds[0].topic


def message(index: int) -> bytes:
    """The index-th message, 67 bytes: a foreign producer's bytes, not our encoder's."""
    return b'{"number":%d,"step":%d,"value":%d,"timestamp":%d}' % (
        10**12 + index,
        index % 1000,
        10**11 + index * 3 % 10**11,
        1_795_000_000,
    )
