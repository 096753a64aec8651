"""What the producers send: walks, arrays of walks, and messages of which no row can be made. Pure."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from common.model.codec import encode
from common.streams.collatz import LARGEST_NUMBER, Walk, walk_of

ARRAYS = 0.06
BAD = 0.004
LONGEST_ARRAY = 4
UNPACKED_LIMIT_BYTES = 1 << 20
BIGGEST_BOMB = 8
"""Times the limit."""

Headers = Sequence[tuple[bytes, bytes | None]]


class Message(NamedTuple):
    """A value to send, the rows it must make (0: it must become a dead letter), and how to know it again.

    `mark` is the number of its first walk, or the checksum of the value that its dead letter must have: its own,
    or none for a bomb.
    """

    value: bytes | None
    rows: int
    mark: int
    headers: Headers = ()

    @property
    def key(self) -> bytes:
        """Its mark."""
        return b"%d" % self.mark


Spoil = Callable[[Walk], bytes | None]
Draw = Callable[[random.Random, "Numbers", int], Message]


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
    return _bad(rng.choice(SORTS_OF_BAD), numbers, timestamp_ms)


def undecodable(rng: random.Random, numbers: Numbers, timestamp_ms: int) -> Message:
    """JSON that the event's type refuses in an odd way."""
    return _bad(rng.choice(SORTS_OF_UNDECODABLE), numbers, timestamp_ms)


def bomb(rng: random.Random, numbers: Numbers, timestamp_ms: int) -> Message:
    """A good walk amid so much white space that nobody unpacks it: its dead letter says so, and has no value."""
    size_bytes = rng.randint(UNPACKED_LIMIT_BYTES + 1, BIGGEST_BOMB * UNPACKED_LIMIT_BYTES)
    value = encode(_walk(numbers.take(), timestamp_ms)).ljust(size_bytes)
    return Message(value, 0, checksum(None))


def _bad(sort: Spoil, numbers: Numbers, timestamp_ms: int) -> Message:
    value = sort(_walk(numbers.take(), timestamp_ms))
    return Message(value, 0, checksum(value))


def checksum(value: bytes | None) -> int:
    """Of a value; 2^32 for none."""
    return 1 << 32 if value is None else zlib.crc32(value)


def _walk(number: int, timestamp_ms: int) -> Walk:
    return Walk(number, walk_of(number), timestamp_ms)


def _with(event: Walk, **fields: object) -> bytes:
    return encode({"number": event.number, "walk": event.walk, "timestamp": event.timestamp} | fields)


def _amid(event: Walk, step: bytes) -> bytes:
    """A walk with this as its only step between the number and 1."""
    walk = b"[%d,%b,1]" % (event.number, step)
    return b'{"number":%d,"walk":%b,"timestamp":%d}' % (event.number, walk, event.timestamp)


def _noted(event: Walk, note: bytes) -> bytes:
    """A good walk with a field more, which nobody asked for."""
    return encode(event)[:-1] + b',"note":%b}' % note


SORTS_OF_BAD: tuple[Spoil, ...] = (
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
DEEP = 20_000
SORTS_OF_UNDECODABLE: tuple[Spoil, ...] = (
    lambda walk: _amid(walk, b"%d" % (1 << 128)),
    lambda walk: _amid(walk, b"1" + b"0" * 400),
    lambda walk: _amid(walk, b"1" + b"0" * 5_000),  # more digits than Python makes an integer of
    lambda walk: _amid(walk, b"-1"),
    lambda walk: _amid(walk, b"1e38"),
    lambda walk: _amid(walk, b"1e400"),
    lambda walk: _amid(walk, b"1e-400"),
    lambda walk: _amid(walk, b"1e999999999999999999999"),
    lambda walk: _amid(walk, b"82.0"),
    lambda walk: _amid(walk, b"true"),
    lambda walk: _amid(walk, b'"82"'),
    lambda walk: _amid(walk, b"NaN"),
    lambda walk: _noted(walk, b"[" * DEEP + b"]" * DEEP),
    lambda walk: _noted(walk, b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    lambda walk: _noted(walk, b'"\\ud800"'),
    lambda walk: _noted(walk, b'1,"number":%d' % (walk.number + 1)),
    lambda walk: _with(walk, timestamp=1 << 63),
    lambda walk: _with(walk, timestamp=-1),
    lambda walk: b"\xef\xbb\xbf" + encode(walk),
    lambda walk: encode(walk) * 2,
    lambda walk: encode(walk).decode().encode("utf-16"),
    lambda walk: encode([[walk]]),
)
