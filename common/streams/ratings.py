"""ratings: people rated 1 to 100, and what type each of them is.

{"rating": 45, "unique_id": "9b2c1c6e-6f0e-4c55-8d9d-0e5b7b1d7a11"}

is, in the topic of those that are classified:

{"type": "ShaDow", "unique_id": "9b2c1c6e-6f0e-4c55-8d9d-0e5b7b1d7a11", "emit_timestamp": "2026-11-01 12:34:56"}
"""

from __future__ import annotations

import random
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from common.model.derive import Column, Computed, table
from common.model.question import Chart, Question
from common.model.stream import Emission, Feed, Stream
from common.model.transform import Each

LOWEST, HIGHEST = 1, 100
TOTAL_HUMANS = 1337

Type = Literal["ShaDow", "Sha", "Dow", "Incompatible"]


class Human(msgspec.Struct, gc=False):
    """One person and their rating."""

    rating: Annotated[int, Meta(ge=LOWEST, le=HIGHEST)]
    unique_id: Annotated[str, Meta(min_length=1, max_length=100)]


class Shadow(msgspec.Struct, gc=False):
    """What type a person is; `emit_timestamp` is when Kafka got the rating, in UTC."""

    type: Annotated[Type, Column("LowCardinality(String)")]
    unique_id: Annotated[str, Meta(min_length=1, max_length=100)]
    emit_timestamp: Annotated[str, Column(leave_out=True)]


def type_of(rating: int) -> Type:
    """The type of a rating ≥ 1."""
    if rating % 15 == 0:
        return "ShaDow"
    if rating % 3 == 0:
        return "Sha"
    return "Dow" if rating % 5 == 0 else "Incompatible"


def classify(human: Human, timestamp_ms: int) -> Shadow:
    """The shadow of a human whose record bears that time."""
    return Shadow(type_of(human.rating), human.unique_id, _text_of(timestamp_ms // 1000))


@lru_cache(maxsize=1_000)
def _text_of(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")


def generate(rng: random.Random, options: msgspec.Struct, now_s: Callable[[], float]) -> Iterator[Emission]:
    """Random ratings without end."""
    while True:
        human = Human(rng.randint(LOWEST, HIGHEST), str(uuid.UUID(int=rng.getrandbits(128), version=4)))
        yield Emission("dominate", None, human)


SHADOW = table(
    Shadow,
    name="shadow",
    order_by="(type, emit_timestamp)",
    partition_by="toYYYYMM(emit_timestamp)",
    computed={
        "emit_timestamp": Computed("DateTime('UTC')", lambda events: [f"{e.emit_timestamp}Z" for e in events])
    },
)

STREAM = Stream(
    name="ratings",
    version=1,
    generate=generate,
    transforms=(Each(name="classify", source="dominate", event=Human, target="shadow", make=classify),),
    feeds=(Feed(topic="shadow", event=Shadow, tables=(SHADOW,)),),
    questions=(
        Question(
            name="count_by_type",
            help="how many people are of each type: 3 divides the rating of a Sha, 5 that of a Dow, both of a ShaDow",
            sql="SELECT type, count() AS people FROM {table} GROUP BY type ORDER BY people DESC, type",
            example={"type": "Sha", "people": 27},
            chart=Chart("bars", "type", ("people",), "type", "people"),
            live={},
        ),
    ),
)

if __name__ == "__main__":
    for number in range(1, TOTAL_HUMANS + 1):
        sys.stdout.write(f"{number} {type_of(number)}\n")
