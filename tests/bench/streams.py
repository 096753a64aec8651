"""What is measured with: four kinds of messages, made the same at every run. Workers and sections know them by name.

small: 67 bytes, four numbers, one row. wide: 754 bytes, ten fields, six of them random hex. readings: 146 bytes of
devices, seven types of columns. collatz: one walk a message, about 325 rows. The bytes of all but `collatz` are a
foreign producer's, not our encoder's.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated

import msgspec
from msgspec import Meta

from common.model.codec import encode
from common.model.columns import one_row_each
from common.model.stream import Emission, Feed, Stream, Table
from common.streams import collatz
from tests.bench.readings import READINGS, Reading, readings

Whole = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Small = Annotated[int, Meta(ge=0, le=2**32 - 1)]
SECOND = 1_795_000_000
WIDE_BYTES = 754
HEX_FIELDS = {"host": 16, "session": 32, "trace": 64, "agent": 120, "referrer": 160, "body": 215}


class Point(msgspec.Struct, gc=False):
    """Four numbers: 67 bytes of JSON."""

    number: Whole
    step: Small
    value: Whole
    timestamp: Small


class Visit(msgspec.Struct, gc=False):
    """Ten fields: 754 bytes of JSON."""

    id: Whole
    timestamp: Small
    account: Small
    amount: float
    host: str
    session: str
    trace: str
    agent: str
    referrer: str
    body: str


class NoOptions(msgspec.Struct):
    """The benchmark fills its topics itself."""


def stamped(rng: random.Random, options: NoOptions, now_s: Callable[[], float]) -> Iterator[Emission]:
    """Points without end; `value` is the producer's clock in microseconds."""
    number = 0
    while True:
        yield Emission("bench.small", None, Point(number, 0, int(now_s() * 1e6), SECOND))
        number += 1


POINTS = Table(
    name="bench_small",
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

VISITS = Table(
    name="bench_wide",
    rows=one_row_each(id="u8", timestamp="u4", account="u4", amount="f8", **dict.fromkeys(HEX_FIELDS, "O")),
    ddl="""
CREATE TABLE IF NOT EXISTS {table} (
    id UInt64,
    timestamp DateTime,
    account UInt32,
    amount Float64,
    host String,
    session String,
    trace String,
    agent String,
    referrer String,
    body String,
    {address}
) ENGINE = MergeTree ORDER BY (account, id) {settings}
""",
)


def small_messages(first: int, count: int) -> list[bytes]:
    """Messages `first`, `first` + 1, …"""
    return [
        b'{"number":%d,"step":%d,"value":%d,"timestamp":%d}'
        % (10**6 + index % (9 * 10**6), 100 + index % 900, 10**5 + index * 3 % (9 * 10**5), SECOND)
        for index in range(first, first + count)
    ]


def wide_messages(first: int, count: int) -> list[bytes]:
    """Messages `first`, `first` + 1, …; random hex does not compress below half its size."""
    rng, made = random.Random(first), []
    for index in range(first, first + count):
        digits = rng.randbytes(sum(HEX_FIELDS.values()) // 2 + 1).hex()
        fields = [f'"id":{10**12 + index},"timestamp":{SECOND},"account":{10**6 + index % 999}']
        fields.append(f'"amount":{1000 + index % 8999}.25')
        for name, length in HEX_FIELDS.items():
            fields.append(f'"{name}":"{digits[:length]}"')
            digits = digits[length:]
        made.append(b"{%s}" % ",".join(fields).encode())
    return made


def walks(first: int, count: int) -> list[bytes]:
    """Walks of random numbers, as the producer sends them."""
    events = collatz.generate(random.Random(first), collatz.Options(), lambda: float(SECOND))
    return [encode(next(events).event) for _ in range(count)]


@dataclass(frozen=True)
class Payload:
    """One kind of message: its stream, how to make messages from their index, how many a run takes by default."""

    name: str
    title: str
    stream: Stream
    make: Callable[[int, int], list[bytes]]
    messages: int

    def on(self, partitions: int, purpose: str = "") -> Payload:
        """The same with topic and table named for a number of partitions, and for a purpose."""
        feed = self.stream.feeds[0]
        table = replace(feed.tables[0], name=f"bench_{self.name}_{partitions}{purpose}")
        feed = replace(feed, topic=f"bench.{self.name}.{partitions}{purpose}", tables=(table,))
        return replace(self, stream=replace(self.stream, feeds=(feed,)))

    @property
    def feed(self) -> Feed:
        """Its only feed."""
        return self.stream.feeds[0]

    @property
    def table(self) -> Table:
        """Its only table."""
        return self.feed.tables[0]


def _stream(name: str, event: type[msgspec.Struct], table: Table) -> Stream:
    feeds = (Feed(topic=f"bench.{name}", event=event, tables=(table,)),)
    return Stream(name=f"bench-{name}", version=1, options=NoOptions, generate=stamped, feeds=feeds)


PAYLOADS = {
    payload.name: payload
    for payload in (
        Payload(
            "small", "67-byte messages", _stream("small", Point, POINTS), small_messages, messages=4_000_000
        ),
        Payload(
            "wide",
            "754-byte messages, 10 fields",
            _stream("wide", Visit, VISITS),
            wide_messages,
            messages=300_000,
        ),
        Payload(
            "readings",
            "device readings, 146 bytes",
            _stream("readings", Reading, READINGS),
            readings,
            messages=1_000_000,
        ),
        Payload("collatz", "collatz walks, 325 rows each", collatz.STREAM, walks, messages=20_000),
    )
}


def now_ms() -> int:
    """The time that a record bears: Kafka's retention looks at it."""
    return round(time.time() * 1000)
