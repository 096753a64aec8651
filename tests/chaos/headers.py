"""Headers as other programs may write them: Kafka takes any bytes as a name. Pure."""

from __future__ import annotations

import random

from tests.chaos import messages
from tests.chaos.messages import Headers, Message, Numbers

LONG_BYTES = 10_240
SORTS: tuple[Headers, ...] = (
    ((b"trace-\xff\xfe", b"x"),),
    ((b"\xed\xa0\x80", b"half a pair"), (b"\xc3", b"half a letter")),
    ((b"", b"without a name"), (b"", b"")),
    ((b"n" * LONG_BYTES, b"a long name"),),
    ((b"\xc3\x28" * (LONG_BYTES // 2), b"a long name that is not UTF-8"),),
    ((b"long", b"v" * LONG_BYTES),),
    ((b"again", b"1"), (b"again", b"2"), (b"again", None), (b"again", b"1")),
    ((b"null", None),),
    ((b"binary", bytes(range(256))), (b"\0", b"\0")),
    ((b"penstock-offset", b"not a number"), (b"penstock-partition", None)),
    tuple((b"%d" % number, b"one of many") for number in range(200)),
)
MOST_SORTS = 3


def odd(rng: random.Random) -> Headers:
    """One sort or a few together."""
    chosen = rng.sample(SORTS, rng.randint(1, MOST_SORTS))
    return tuple(header for headers in chosen for header in headers)


def oddly_headed(rng: random.Random, numbers: Numbers, timestamp_ms: int) -> Message:
    """A good or a bad message, with headers that say nothing about which."""
    draw = rng.choice((messages.drawn, messages.bad))
    return draw(rng, numbers, timestamp_ms)._replace(headers=odd(rng))
