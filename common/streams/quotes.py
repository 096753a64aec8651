"""quotes: order-book reports of up to fifty bids and asks, and a mid price that is watched.

{"time": 1795000000123, "bid_mean": 4.5, "ask_mean": 6.0, "bid_01": 3.5, "bid_02": 5.5, "ask_01": 4.0, "ask_02": 8.0}
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from statistics import fmean
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from common.model.derive import Column, table
from common.model.stream import Emission, Feed, Question, Stream

LEVELS = 50
STEP = 10.0
THRESHOLD = 9.9

Time = Annotated[int, Meta(ge=0, le=10_413_791_999_999), Column("DateTime64(3, 'UTC')", unit="ms")]
SIDES = ("bid", "ask")


class Options(msgspec.Struct, frozen=True):
    """How large reports are, and between which limits their prices are drawn."""

    bid_size: Annotated[
        int, Meta(ge=1, le=LEVELS, description="bids of a report", extra={"env": "BID_SIZE"})
    ] = LEVELS
    ask_size: Annotated[
        int, Meta(ge=1, le=LEVELS, description="asks of a report", extra={"env": "ASK_SIZE"})
    ] = LEVELS
    random_start: Annotated[
        float,
        Meta(
            ge=0,
            le=STEP,
            description="the lowest price; level i goes up to 10 i",
            extra={"env": "RANDOM_START"},
        ),
    ] = 0.0
    random_decimal: Annotated[
        int, Meta(ge=0, le=10, description="digits after the point", extra={"env": "RANDOM_DECIMAL"})
    ] = 2
    interval: Annotated[
        float,
        Meta(
            ge=0.0001, le=3600, description="seconds between reports", extra={"env": "CREATE_REPORT_INTERVAL"}
        ),
    ] = 0.1


def levels(side: str) -> list[str]:
    """bid_01 to bid_50."""
    return [f"{side}_{level:02}" for level in range(1, LEVELS + 1)]


Report: Any = msgspec.defstruct(
    "Report",
    [
        ("time", Time),
        ("bid_mean", float),
        ("ask_mean", float),
        *((name, float | None, None) for side in SIDES for name in levels(side)),
    ],
    gc=False,
    omit_defaults=True,
    module=__name__,
    namespace={"__doc__": "A report; levels beyond its size are left out, and NULL in the table."},
)


def generate(rng: random.Random, options: Options, now_s: Callable[[], float]) -> Iterator[Emission]:
    """Reports without end; the price of level i is uniform from random_start to 10 i (our reading of the original)."""
    while True:
        prices: dict[str, float] = {}
        for side, size in zip(SIDES, (options.bid_size, options.ask_size), strict=True):
            drawn = [
                round(rng.uniform(options.random_start, STEP * level), options.random_decimal)
                for level in range(1, size + 1)
            ]
            prices |= {f"{side}_mean": fmean(drawn), **dict(zip(levels(side), drawn, strict=False))}
        yield Emission("metrics_raw", None, Report(int(now_s() * 1000), **prices))


METRICS = table(Report, name="metrics", order_by="time", partition_by="toYYYYMM(time)")

_PERIOD = "time >= now64() - toIntervalSecond({seconds:UInt32})"

STREAM = Stream(
    name="quotes",
    version=1,
    options=Options,
    generate=generate,
    pace=lambda options: 1 / options.interval,
    feeds=(Feed(topic="metrics_raw", event=Report, tables=(METRICS,), variable="KAFKA_TOPIC"),),
    questions=(
        Question(
            name="mid_price",
            help=f"the mean mid price of each of the last seconds, and whether it rose above a threshold ({THRESHOLD})",
            sql="SELECT toStartOfSecond(time) AS second, avg((ask_01 + bid_01) / 2) AS mid_price, "
            "max((ask_01 + bid_01) / 2) > {threshold:Float64} AS above FROM {table} "
            f"WHERE {_PERIOD} GROUP BY second ORDER BY second",
        ),
        Question(
            name="share_above",
            help=f"which share of the reports of the last seconds had a mid price above a threshold ({THRESHOLD})",
            sql="SELECT countIf((ask_01 + bid_01) / 2 > {threshold:Float64}) / count() AS share, count() AS reports "
            f"FROM {{table}} WHERE {_PERIOD}",
        ),
    ),
)
