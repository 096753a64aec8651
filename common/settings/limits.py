"""How long and how fast a producer goes on, whatever its stream."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

LARGEST = 10**12


class ProducerLimits(msgspec.Struct, frozen=True):
    """Without any, it goes on until it is stopped."""

    events: (
        Annotated[
            int,
            Meta(gt=0, le=LARGEST, description="stop after N events", extra={"env": "PRODUCER_EVENTS"}),
        ]
        | None
    ) = None
    rate: (
        Annotated[
            float,
            Meta(
                gt=0,
                le=LARGEST,
                description="events per second; without it as fast as possible",
                extra={"env": "PRODUCER_RATE"},
            ),
        ]
        | None
    ) = None
    seconds: (
        Annotated[
            float,
            Meta(gt=0, le=LARGEST, description="stop after N seconds", extra={"env": "PRODUCER_SECONDS"}),
        ]
        | None
    ) = None
    seed: (
        Annotated[
            int,
            Meta(
                gt=0,
                le=LARGEST,
                description="generate the same events every time",
                extra={"env": "PRODUCER_SEED"},
            ),
        ]
        | None
    ) = None
