"""collatz: walks of the Collatz conjecture. Halve an even number, else 3n + 1, until 1. An event is one whole walk:

{"number": 6, "walk": [6, 3, 10, 5, 16, 8, 4, 2, 1], "timestamp": 1795000000000}

`timestamp` is the producer's clock in Unix milliseconds. Walks of numbers under 10^14 pass 2^64 on their way
(12,327,829,503 peaks at 20,722,398,914,405,051,728): values are exact up to 128 bits, in JSON, Python and ClickHouse.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from common.model.columns import index_within, uint128
from common.model.question import Alias, Chart, Paged, Parameter, Question, Row
from common.model.stream import Emission, Feed, Rows, Stream, Table

LARGEST_NUMBER = 99_999_999_999_999
LATEST_MS = 10_413_791_999_999  # the last millisecond of 2299, where DateTime64 ends
_LARGEST_VALUE = 2**128 - 1

Number = Annotated[int, Meta(ge=1, le=LARGEST_NUMBER)]


class Walk(msgspec.Struct, gc=False):
    """One number and every value on its way to 1, both ends included."""

    number: Number
    walk: Annotated[list[Annotated[int, Meta(ge=1)]], Meta(min_length=1)]
    timestamp: Annotated[int, Meta(ge=0, le=LATEST_MS, description="Unix milliseconds")]

    def __post_init__(self) -> None:
        if self.walk[0] != self.number or self.walk[-1] != 1:
            raise ValueError("the walk does not lead from the number to 1")
        if max(self.walk) > _LARGEST_VALUE:
            raise ValueError("a value of the walk is above 128 bits")


class Options(msgspec.Struct, frozen=True):
    """Random numbers by default; with --from and --to every number of that range once, in order."""

    first: Annotated[
        int, Meta(ge=0, le=LARGEST_NUMBER, description="first number of a range", extra={"flag": "--from"})
    ] = 0
    last: Annotated[
        int, Meta(ge=0, le=LARGEST_NUMBER, description="last number of a range", extra={"flag": "--to"})
    ] = 0

    def __post_init__(self) -> None:
        if (self.first == 0) != (self.last == 0) or self.first > self.last:
            raise ValueError("--from and --to go together, both at least 1, --from not above --to")


def walk_of(number: int) -> list[int]:
    """The walk of a number ≥ 1, from the number itself (step 0) down to 1."""
    walk = [number]
    while number != 1:
        number = 3 * number + 1 if number & 1 else number >> 1
        walk.append(number)
    return walk


def generate(rng: random.Random, options: Options, now_s: Callable[[], float]) -> Iterator[Emission]:
    """Walks of the range, or of random numbers without end."""
    numbers: Iterator[int]
    if options.first:
        numbers = iter(range(options.first, options.last + 1))
    else:
        numbers = iter(lambda: rng.randint(1, LARGEST_NUMBER), 0)
    for number in numbers:
        event = Walk(number, walk_of(number), int(now_s() * 1000))
        yield Emission(TOPIC, b"%d" % number, event)


def rows(events: Sequence[Walk]) -> Rows:
    """A row a step: (number, step, value, timestamp)."""
    walks = [event.walk for event in events]
    lengths = np.fromiter(map(len, walks), np.int64, len(walks))
    numbers = np.fromiter((event.number for event in events), np.uint64, len(events))
    timestamps = np.fromiter((event.timestamp for event in events), np.int64, len(events))
    columns = {
        "number": np.repeat(numbers, lengths),
        "step": index_within(lengths),
        "value": uint128(chain.from_iterable(walks), int(lengths.sum())),
        "timestamp": np.repeat(timestamps, lengths),
    }
    return Rows(columns, lengths)


TOPIC = "conjecture.data"

# Measured at 10^8 rows: sorted by number, `steps` reads one granule; `by_value` answers `part/x` in 3-10 ms where
# the table alone takes 92-894 ms; `maxima` answers both maxima from a row a part. A projection lives inside
# its part, so it cannot diverge from the table or count a repeated INSERT twice.
DATA_SERIES = Table(
    name="data_series",
    variable="CLICKHOUSE_TABLE",
    rows=rows,
    event_rows="step = 0",
    ddl="""
CREATE TABLE IF NOT EXISTS {table} (
    number UInt64 CODEC(DoubleDelta, ZSTD(1)),
    step UInt32 CODEC(Delta, ZSTD(1)),
    value UInt128 CODEC(ZSTD(1)),
    timestamp DateTime64(3) CODEC(Delta, ZSTD(1)),
    {address},
    PROJECTION by_value (SELECT value, number ORDER BY value),
    PROJECTION maxima (SELECT _tp, max(tuple(step, number)), max(tuple(value, number)) GROUP BY _tp)
) ENGINE = MergeTree ORDER BY (number, step) {settings}
""",
)

EVERY_NUMBER = Parameter("a number", 1, LARGEST_NUMBER)


def steps_of(n: int) -> list[Row]:
    """What the table would hold of a number that was never drawn."""
    return [{"step": step, "value": str(value)} for step, value in enumerate(walk_of(n))]


def _is_part(rows: Sequence[Row]) -> Row:
    return {"part": bool(rows), "numbers": [row["number"] for row in rows]}


_KEPT = (
    "`longest` is kept from the original, which answered with this field alone, here and at /{other}: it is `number` "
    "once more. `number` and `{beside}` are new."
)


def _longest(rows: Sequence[Row]) -> Row | None:
    return {"longest": rows[0]["number"], **rows[0]} if rows else None


_BOTH = "SELECT max(tuple(step, number)) AS m, max(tuple(value, number)) AS h FROM {table}"

# A number may be drawn twice: every answer is the same as if it had been drawn once.
QUESTIONS = (
    Question(
        name="records",
        help="the number with the longest walk, and the one with the highest value",
        sql=f"SELECT m.2 AS longest, m.1 AS steps, h.2 AS highest, h.1 AS value FROM ({_BOTH}) WHERE m.2 > 0",
        example={"longest": 97, "steps": 118, "highest": 27, "value": "9232"},
        live={},
    ),
    Question(
        name="longest_step_chain",
        help="the number with the longest walk, and its steps",
        sql="SELECT m.2 AS number, m.1 AS steps FROM (SELECT max(tuple(step, number)) AS m FROM {table}) "
        "WHERE m.2 > 0",
        example={"number": 97, "steps": 118},
        aliases=(
            Alias("longest_step_chain", _longest, help=_KEPT.format(other="highest_value", beside="steps")),
        ),
    ),
    Question(
        name="highest_value",
        help="the highest value of any walk, and the number it belongs to",
        sql="SELECT m.2 AS number, m.1 AS value FROM (SELECT max(tuple(value, number)) AS m FROM {table}) "
        "WHERE m.2 > 0",
        example={"number": 27, "value": "9232"},
        aliases=(
            Alias("highest_value", _longest, help=_KEPT.format(other="longest_step_chain", beside="value")),
        ),
    ),
    Question(
        name="part",
        help="the numbers whose walk contains x, in order, 1,000 at a time",
        # Reading in order, or DISTINCT, would make the planner prefer the table's own order to the projection.
        sql="SELECT number FROM {table} WHERE value = {x:UInt128} AND number > {after:UInt64} "
        "GROUP BY number ORDER BY number LIMIT 1000 "
        "SETTINGS optimize_read_in_order = 0, optimize_aggregation_in_order = 0",
        about={
            "x": Parameter("a value of the walk", 1, _LARGEST_VALUE),
            "after": Parameter("numbers above this one", 0, LARGEST_NUMBER, default=0),
        },
        example={"number": 27},
        aliases=(Alias("part/{x}", lambda rows: [[row["number"]] for row in rows]),),
        paged=Paged("number", "after", 1000),
        extra=_is_part,
    ),
    Question(
        name="steps",
        help="every step of the walk of n, computed if n was never drawn",
        sql="SELECT step, any(value) AS value FROM {table} WHERE number = {n:UInt64} GROUP BY step ORDER BY step",
        about={"n": EVERY_NUMBER},
        example={"step": 0, "value": "27"},
        aliases=(Alias("steps/{n}"), Alias("plot/{n}", is_picture=True)),
        chart=Chart("line", "step", ("value",), "step", "value"),
        otherwise=steps_of,
    ),
)

STREAM = Stream(
    name="collatz",
    version=1,
    options=Options,
    generate=generate,
    feeds=(Feed(topic=TOPIC, event=Walk, tables=(DATA_SERIES,), variable="KAFKA_TOPIC_NAME"),),
    questions=QUESTIONS,
)
