"""Faults of the data and its topic: bad messages, floods of them, one more partition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.chaos.schedule import Strike
from tests.chaos.world import DEAD_LETTER_LIMIT, MOST_PARTITIONS, World


def bad(least: int, most: int) -> Callable[[World, Strike], AbstractContextManager[str | None]]:
    """So many bad messages in a row, below the limit: they become dead letters."""

    @contextmanager
    def fault(world: World, strike: Strike) -> Iterator[str | None]:
        yield _send(world, strike, least + int(strike.pick * (most - least)))

    return fault


@contextmanager
def grown(world: World, strike: Strike) -> Iterator[str | None]:
    """The topic gets one more partition."""
    if world.cluster.partitions >= MOST_PARTITIONS:
        yield None
    else:
        yield f"{world.pipeline.topic}: {world.cluster.grow()} partitions"


def _send(world: World, strike: Strike, count: int) -> str:
    partition = int(strike.pick * 1000) % world.cluster.partitions
    sent = world.load.producers[0].send_bad(partition, count) - 2
    return f"partition {partition}: {sent} bad messages in a row"


FAULTS = {
    "bad-messages": bad(1, 20),
    "bad-flood": bad(DEAD_LETTER_LIMIT // 4, DEAD_LETTER_LIMIT // 2),
    "partitions-grown": grown,
}
