"""What devices measure: 146 bytes of JSON, seven columns of seven types, a table derived from the event."""

from __future__ import annotations

import random
from typing import Annotated

import msgspec
from msgspec import Meta

from common.model.derive import Column, table

DEVICES = 500


class Reading(msgspec.Struct, gc=False):
    """One measurement."""

    device: Annotated[str, Column("LowCardinality(String)")]
    t: Annotated[str, Column("DateTime64(6, 'UTC')")]
    temp: Annotated[float, Column("Float32")]
    tags: dict[str, str]
    ip: Annotated[str, Column("IPv4")]
    seq: Annotated[int, Meta(ge=0)]
    hum: Annotated[float | None, Column("Nullable(Float32)")] = None


READINGS = table(Reading, name="bench_readings", order_by="(device, t)", partition_by="toYYYYMM(t)")


def readings(first: int, count: int) -> list[bytes]:
    """Messages `first`, `first` + 1, …; three in ten have no humidity."""
    rng = random.Random(first)
    return [_reading(rng, index) for index in range(first, first + count)]


def _reading(rng: random.Random, index: int) -> bytes:
    clock = f"12:{index // 60 % 60:02}:{index % 60:02}.{rng.randrange(10**6):06}+02:00"
    humidity = "null" if rng.random() < 0.3 else f"{rng.randrange(100)}.5"
    measured = f'"temp":{rng.randrange(40)}.{rng.randrange(10)},"hum":{humidity}'
    where = f'"tags":{{"site":"s{rng.randrange(9)}"}},"ip":"10.0.{rng.randrange(256)}.{rng.randrange(256)}"'
    device = f'"device":"d-{rng.randrange(DEVICES)}","t":"2026-11-01T{clock}"'
    return f'{{{device},{measured},{where},"seq":{2**63 + index}}}'.encode()
