"""Faults of the data and its topic: bad messages, floods of them, odd headers, bombs, one more partition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.chaos import headers, messages, wire
from tests.chaos.messages import Draw
from tests.chaos.schedule import Strike
from tests.chaos.world import DEAD_LETTER_LIMIT, MOST_PARTITIONS, World

MOST_ODD = 12  # all together are smaller than what the sinks may unpack: it is one batch
MOST_BOMBS = 4


def bad(
    least: int, most: int, draw: Draw = messages.bad
) -> Callable[[World, Strike], AbstractContextManager[str | None]]:
    """So many bad messages in a row, below the limit: they become dead letters."""

    @contextmanager
    def fault(world: World, strike: Strike) -> Iterator[str | None]:
        yield _send(world, strike, _between(least, most, strike), draw)

    return fault


@contextmanager
def odd_headers(world: World, strike: Strike) -> Iterator[str | None]:
    """Messages whose headers no text can be made of, good and bad ones in one record batch."""
    partition, count = _partition(world, strike), _between(1, MOST_ODD, strike)
    world.load.producers[0].send_batch(partition, count, headers.oddly_headed, _codec(strike))
    yield f"partition {partition}: {count} messages with odd headers"


@contextmanager
def bombs(world: World, strike: Strike) -> Iterator[str | None]:
    """Messages that unpack to more than the sinks may unpack, each in a record batch of its own."""
    partition, count = _partition(world, strike), _between(1, MOST_BOMBS, strike)
    codec = max(_codec(strike), wire.GZIP)  # not packed at all it is too large for the topic
    for _ in range(count):
        world.load.producers[0].send_batch(partition, 1, messages.bomb, codec)
    yield f"partition {partition}: {count} bombs, codec {codec}"


@contextmanager
def parked(world: World, strike: Strike) -> Iterator[str | None]:
    """More bad messages in a row than allowed: the feed stands still until sinks with a higher limit have passed them.

    The other producers are silent while they are sent: one good message in between, and it is no flood.
    """
    partition = _partition(world, strike)
    sent = world.load.send_flood(partition, DEAD_LETTER_LIMIT + 1 + int(strike.pick * DEAD_LETTER_LIMIT))
    ends = world.cluster.ends()
    world.wait_for(lambda: world.crew.has_said("a feed is parked"), "no sink parks the feed")
    try:
        yield f"partition {partition}: {sent - 2} bad messages in a row, the feed is parked"
    finally:
        world.start_sinks_anew(DEAD_LETTER_LIMIT=str(100 * DEAD_LETTER_LIMIT))
        world.settle()
        world.wait_for(lambda: _has_passed(world, ends), "the flood is not committed")
        world.start_sinks_anew()


@contextmanager
def grown(world: World, strike: Strike) -> Iterator[str | None]:
    """The topic gets one more partition."""
    if world.cluster.partitions >= MOST_PARTITIONS:
        yield None
    else:
        yield f"{world.pipeline.topic}: {world.cluster.grow()} partitions"


def _send(world: World, strike: Strike, count: int, draw: Draw) -> str:
    partition = _partition(world, strike)
    sent = world.load.producers[0].send_bad(partition, count, draw) - 2
    return f"partition {partition}: {sent} bad messages in a row"


def _has_passed(world: World, ends: dict[int, int]) -> bool:
    committed = world.cluster.committed()
    return all(committed.get(partition, 0) >= end for partition, end in ends.items())


def _partition(world: World, strike: Strike) -> int:
    return int(strike.pick * 1000) % world.cluster.partitions


def _between(least: int, most: int, strike: Strike) -> int:
    return least + int(strike.pick * (most - least))


def _codec(strike: Strike) -> int:
    return int(strike.pick * 10_000) % len(wire.PACKERS)


FAULTS = {
    "bad-messages": bad(1, 20),
    "bad-flood": bad(DEAD_LETTER_LIMIT // 4, DEAD_LETTER_LIMIT // 2),
    "undecodable-rows": bad(1, 20, messages.undecodable),
    "odd-headers": odd_headers,
    "bombs": bombs,
    "feed-parked": parked,
    "partitions-grown": grown,
}
