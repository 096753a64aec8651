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
from common.model.question import Chart, Parameter, Question
from common.model.stream import Emission, Feed, Stream

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
            mean = round(fmean(drawn), options.random_decimal + 2)  # all digits of the mean of 50
            prices |= {f"{side}_mean": mean, **dict(zip(levels(side), drawn, strict=False))}
        yield Emission("metrics_raw", None, Report(int(now_s() * 1000), **prices))


METRICS = table(Report, name="metrics", order_by="time", partition_by="toYYYYMM(time)")

_ABOUT = {
    "seconds": Parameter("so far back", 1, 86_400, default=300),
    "threshold": Parameter("a mid price", 0, STEP, default=THRESHOLD),
}
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
            help="mid prices a second: mean (6 decimals), lowest, highest, and whether one was above a threshold",
            sql="SELECT toStartOfSecond(time) AS second, round(avg((ask_01 + bid_01) / 2), 6) AS mid_price, "
            "min((ask_01 + bid_01) / 2) AS lowest, max((ask_01 + bid_01) / 2) AS highest, "
            "highest > {threshold:Float64} AS above FROM {table} "
            f"WHERE {_PERIOD} GROUP BY second ORDER BY second",
            about=_ABOUT,
            example={
                "second": "2026-11-01T12:34:56Z",
                "mid_price": 5.02,
                "lowest": 1.5,
                "highest": 8.25,
                "above": False,
            },
            chart=Chart("line", "second", ("mid_price",), "", "mid price", threshold="threshold"),
            live={},
        ),
        Question(
            name="share_above",
            help="which share of the reports of the last seconds had a mid price above a threshold (6 decimals)",
            sql="SELECT round(countIf((ask_01 + bid_01) / 2 > {threshold:Float64}) / count(), 6) AS share, "
            "count() AS reports "
            f"FROM {{table}} WHERE {_PERIOD}",
            about=_ABOUT,
            example={"share": 0.0002, "reports": 6000},
        ),
    ),
)
