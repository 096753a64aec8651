"""sensors: what thermometers, hygrometers and barometers measure, and a live histogram of each.

Measurements, one topic a kind:

{"measurement": 21.5, "measurement_time": "2026-11-01T12:34:56.123Z"}
{"measurement": 61.25, "measurement_time": "2026-11-01T12:34:56.123Z"}
{"measurement": 1013.25, "measurement_time": "2026-11-01T12:34:56.123Z"}

Histograms, of each partition its own; those of all partitions add up:

{"partition": 0, "low": -25, "high": 25, "counts": [0, 3, 1], "until": 4, "time": 1795000000123}
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from common.model.derive import Column, Computed, table
from common.model.question import Chart, Parameter, Question, Unit
from common.model.stream import Emission, Feed, Stream, Table
from common.model.transform import Histogram, SoFar

BINS = 40
TO_THE_MIDDLE = 0.01  # how strongly a sensor is drawn back, with each measurement

Counted = Annotated[int, Meta(ge=0, le=2**63 - 1), Column("UInt64")]


Time = Annotated[str, Column("DateTime64(3, 'UTC')")]


class Bins(msgspec.Struct, gc=False):
    """How many of the values below offset `until` of a partition fell into each of the equal bins of [low, high]."""

    partition: Annotated[int, Meta(ge=0, le=2**32 - 1), Column("UInt32")]
    low: float
    high: float
    counts: list[Counted]
    until: Counted
    time: Annotated[int, Meta(ge=0), Column("DateTime64(3, 'UTC')", unit="ms")]


class Sensor(NamedTuple):
    """A topic, the lowest and the highest value, how far two in a row may lie apart, and the type of its events."""

    topic: str
    low: float
    high: float
    step: float
    event: Any


def sensor(topic: str, low: float, high: float, step: float) -> Sensor:
    """One whose events are {"measurement", "measurement_time"}, within its range."""
    fields = [("measurement", Annotated[float, Meta(ge=low, le=high)]), ("measurement_time", Time)]
    event = msgspec.defstruct(topic.capitalize(), fields, gc=False, module=__name__)
    return Sensor(topic, low, high, step, event)


SENSORS = (
    sensor("temperature", -25.0, 25.0, 1.0),  # °C
    sensor("humidity", 40.0, 80.0, 1.0),  # % of the water that the air can hold
    sensor("pressure", 800.0, 1200.0, 8.0),  # hPa
)


def generate(rng: random.Random, options: msgspec.Struct, now_s: Callable[[], float]) -> Iterator[Emission]:
    """Measurements of each sensor in turn, without end: each wanders, and is drawn back to its middle."""
    values = {sensor: rng.triangular(sensor.low, sensor.high) for sensor in SENSORS}
    while True:
        for sensor, value in values.items():
            value += rng.uniform(-sensor.step, sensor.step)
            value += ((sensor.low + sensor.high) / 2 - value) * TO_THE_MIDDLE
            values[sensor] = min(max(value, sensor.low), sensor.high)
            time = datetime.fromtimestamp(now_s(), UTC).isoformat(timespec="milliseconds")
            yield Emission(sensor.topic, None, sensor.event(round(values[sensor], 2), time))


def _bins(sensor: Sensor, counts: list[int], so_far: SoFar) -> Bins:
    return Bins(so_far.partition, sensor.low, sensor.high, counts, so_far.next, so_far.timestamp_ms)


def _histogram(sensor: Sensor) -> Histogram:
    return Histogram(
        name=f"histogram-{sensor.topic}",
        source=sensor.topic,
        event=sensor.event,
        target=f"hist_{sensor.topic}",
        values=lambda events: [event.measurement for event in events],
        low=sensor.low,
        high=sensor.high,
        bins=BINS,
        make=partial(_bins, sensor),
    )


def _kind(sensor: Sensor) -> dict[str, Computed]:
    return {"kind": Computed("LowCardinality(String)", lambda events: [sensor.topic] * len(events))}


def _measured(sensor: Sensor) -> Table:
    return table(
        sensor.event,
        name="measurements",
        order_by="(kind, measurement_time)",
        partition_by="toYYYYMM(measurement_time)",
        computed=_kind(sensor),
    )


def _counted(sensor: Sensor) -> Table:
    return table(Bins, name="histograms", order_by="(kind, partition, until)", computed=_kind(sensor))


MEASURED = tuple(
    Feed(topic=sensor.topic, event=sensor.event, tables=(_measured(sensor),)) for sensor in SENSORS
)
COUNTED = tuple(Feed(topic=f"hist_{each.topic}", event=Bins, tables=(_counted(each),)) for each in SENSORS)

_KIND = Parameter("what is measured", choices=tuple(each.topic for each in SENSORS))
_BIN = {"from": 20.0, "to": 21.25, "number": 17}
_UNITS = {"temperature": "°C", "humidity": "%", "pressure": "hPa"}
_CHART = Chart("bars", "from", ("number",), "measurement", "measurements", unit=Unit("from", "kind", _UNITS))


def _histograms(where: str) -> str:
    """Those of the partitions of a kind added up, a row a bin."""
    return f"""SELECT kind, low + (high - low) * (bin - 1) / length(bins) AS from,
low + (high - low) * bin / length(bins) AS to, bins[bin] AS number FROM (
SELECT kind, sumForEach(newest) AS bins, any(low) AS low, any(high) AS high FROM (
SELECT kind, argMax(counts, until) AS newest, any(low) AS low, any(high) AS high FROM {{table}} {where}
GROUP BY kind, _tp) GROUP BY kind) ARRAY JOIN arrayEnumerate(bins) AS bin ORDER BY kind, bin"""


STREAM = Stream(
    name="sensors",
    version=1,
    generate=generate,
    transforms=tuple(map(_histogram, SENSORS)),
    feeds=MEASURED + COUNTED,
    questions=(
        Question(
            name="last",
            help="the newest measurements of a kind, the newest first",
            sql="SELECT measurement_time, measurement FROM {table} WHERE kind = {kind:String} "
            "ORDER BY measurement_time DESC LIMIT {count:UInt16}",
            about={"kind": _KIND, "count": Parameter("at most so many", 1, 10_000, default=100)},
            example={"measurement_time": "2026-11-01T12:34:56.123Z", "measurement": 21.5},
            chart=Chart(
                "line",
                "measurement_time",
                ("measurement",),
                "",
                "measurement",
                unit=Unit("measurement", "kind", _UNITS),
            ),
        ),
        Question(
            name="histogram",
            help="how many measurements of a kind fell into each bin: where it begins and ends, and the number",
            sql=f"SELECT * EXCEPT kind FROM ({_histograms('WHERE kind = {kind:String}')})",
            about={"kind": _KIND},
            example=_BIN,
            feed=len(MEASURED),
            chart=_CHART,
        ),
        Question(
            name="histograms",
            help="the histograms of all kinds",
            sql=_histograms(""),
            example={"kind": "temperature", **_BIN},
            feed=len(MEASURED),
            live={},
        ),
    ),
)
