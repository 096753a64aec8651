"""Faults of the way to ClickHouse, made by the proxy; each counts only when an INSERT met it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from infra.local.waiting import wait_until
from tests.chaos.schedule import Strike
from tests.chaos.world import World

MET_WITHIN_S = 3.0
SHORTEST_CUT_BYTES, LONGEST_CUT_BYTES = 500, 60_000
MOST_IN_A_ROW = 3
DELAY_S = 0.2
PIECE_BYTES, PIECE_PAUSE_S = 4_000, 0.02

Arm = Callable[[World, Strike], None]
Count = Callable[[World], int]


def _fault(arm: Arm, count: Count, of: str) -> Callable[[World, Strike], AbstractContextManager[str | None]]:
    @contextmanager
    def fault(world: World, strike: Strike) -> Iterator[str | None]:
        before = count(world)
        arm(world, strike)
        try:
            met = wait_until(lambda: count(world) > before, MET_WITHIN_S)
            yield f"{count(world) - before} {of}" if met else None
        finally:
            world.proxy.pass_on()

    return fault


def _times(strike: Strike) -> int:
    return 1 + int(strike.pick * MOST_IN_A_ROW)


def _cut_before(world: World, strike: Strike) -> None:
    world.proxy.cut_requests(0, _times(strike))


def _cut_within(world: World, strike: Strike) -> None:
    after_bytes = SHORTEST_CUT_BYTES + int(strike.pick * (LONGEST_CUT_BYTES - SHORTEST_CUT_BYTES))
    world.proxy.cut_requests(after_bytes, _times(strike))


def _cut_after(world: World, strike: Strike) -> None:
    world.proxy.lose_acknowledgements(_times(strike))


@contextmanager
def refused(world: World, strike: Strike) -> Iterator[str | None]:
    """Open connections are reset and new ones refused, until the end."""
    open_connections = world.proxy.open_connections
    world.proxy.refuse()
    try:
        yield f"{open_connections} connections" if open_connections else None
    finally:
        world.proxy.pass_on()


FAULTS = {
    "cut-before-request": _fault(_cut_before, lambda world: world.proxy.counters.cut_requests, "INSERTs"),
    "cut-in-request": _fault(_cut_within, lambda world: world.proxy.counters.cut_requests, "INSERTs"),
    "cut-after-stored": _fault(
        _cut_after, lambda world: world.proxy.counters.lost_acknowledgements, "INSERTs"
    ),
    "answers-delayed": _fault(
        lambda world, strike: world.proxy.delay(DELAY_S),
        lambda world: world.proxy.counters.slow_inserts,
        "INSERTs",
    ),
    "trickle": _fault(
        lambda world, strike: world.proxy.trickle(PIECE_BYTES, PIECE_PAUSE_S),
        lambda world: world.proxy.counters.slow_inserts,
        "INSERTs",
    ),
    "refused": refused,
}
