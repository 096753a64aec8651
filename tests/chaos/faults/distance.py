"""Faults of the way to the brokers: it takes time, in both directions, for sinks and producers alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from infra.local.waiting import wait_until
from tests.chaos.schedule import Strike
from tests.chaos.world import World

MET_WITHIN_S = 3.0
LEAST_MS, MOST_MS = 5, 300


@contextmanager
def far(world: World, strike: Strike) -> Iterator[str | None]:
    """Every chunk arrives 5 ms later, or more: up to a bound of 5 to 300 ms by lot."""
    most_ms = LEAST_MS + strike.pick * (MOST_MS - LEAST_MS)
    before = world.far.delayed_chunks
    world.far.set_delay(LEAST_MS / 1000, most_ms / 1000)
    try:
        met = wait_until(lambda: world.far.delayed_chunks > before, MET_WITHIN_S)
        yield f"{LEAST_MS} to {most_ms:.0f} ms each way, for {strike.lasts_s:.1f} s" if met else None
    finally:
        world.far.set_delay(0.0, 0.0)


FAULTS = {"brokers-far": far}
