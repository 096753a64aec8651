"""What the producers send: walks, arrays of walks, and messages of which no row can be made. Pure."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from typing import NamedTuple

from common.codec import encode
from common.streams.collatz import LARGEST_NUMBER, Walk, walk_of

ARRAYS = 0.06
BAD = 0.004
LONGEST_ARRAY = 4


class Message(NamedTuple):
    """A value to send, the rows it must make (0: it must become a dead letter), and how to know it again.

    `mark` is the number of its first walk, or the checksum of a bad value.
    """

    value: bytes | None
    rows: int
    mark: int


class Numbers:
    """Distinct numbers, `step` apart, so that producers side by side never send the same one."""

    def __init__(self, first: int, step: int) -> None:
        self._next, self._step = first, step

    def take(self) -> int:
        """The next one."""
        number, self._next = self._next, self._next + self._step
        return number


def drawn(rng: random.Random, numbers: Numbers, timestamp_ms: int) -> Message:
    """Most often one walk, sometimes an array of them, rarely a bad message."""
    chance = rng.random()
    if chance < BAD:
        return bad(rng, numbers, timestamp_ms)
    count = rng.randint(1, LONGEST_ARRAY) if chance < BAD + ARRAYS else 0
    return good(numbers, timestamp_ms, count)


def good(numbers: Numbers, timestamp_ms: int, array: int = 0) -> Message:
    """One walk, or an array of so many."""
    walks = [_walk(numbers.take(), timestamp_ms) for _ in range(max(array, 1))]
    return Message(
        encode(walks if array else walks[0]), sum(len(each.walk) for each in walks), walks[0].number
    )


def bad(rng: random.Random, numbers: Numbers, timestamp_ms: int) -> Message:
    """A message of a random sort of badness."""
    number = numbers.take()
    value = rng.choice(SORTS_OF_BAD)(_walk(number, timestamp_ms))
    return Message(value, 0, checksum(value))


def checksum(value: bytes | None) -> int:
    """Of a value; 2^32 for none."""
    return 1 << 32 if value is None else zlib.crc32(value)


def _walk(number: int, timestamp_ms: int) -> Walk:
    return Walk(number, walk_of(number), timestamp_ms)


def _with(event: Walk, **fields: object) -> bytes:
    return encode({"number": event.number, "walk": event.walk, "timestamp": event.timestamp} | fields)


SORTS_OF_BAD: tuple[Callable[[Walk], bytes | None], ...] = (
    lambda walk: None,
    lambda walk: b"",
    lambda walk: b"%d, not JSON" % walk.number,
    lambda walk: encode(walk)[:-1],
    lambda walk: encode(walk)[:-1] + b', "note": "\xff"}',
    lambda walk: b"[" * 100_000,
    lambda walk: b"[]",
    lambda walk: encode({"number": walk.number, "timestamp": walk.timestamp}),
    lambda walk: _with(walk, timestamp="yesterday"),
    lambda walk: _with(walk, number=LARGEST_NUMBER + walk.number),
    lambda walk: _with(walk, walk=walk.walk[1:]),
    lambda walk: _with(walk, walk=[walk.number, 1 << 63, 1]).replace(b"9223372036854775808", b"9" * 40),
    lambda walk: encode([walk, {"number": walk.number}]),
)
