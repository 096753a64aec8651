"""What is sent to the streams: their generators' events, alone and in arrays, and bad messages of each kind. Pure."""

from __future__ import annotations

import json
import random
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any, NamedTuple

from common.model.codec import encode
from common.streams import STREAMS

ARRAYS, BAD, AGAIN = 0.05, 0.03, 0.05
LONGEST_ARRAY = 3
KEPT = 200
"""Of the last visits, any may come once more."""
AHEAD_MS = 3_600_000


class Sort(IntEnum):
    """What must become of a message."""

    GOOD = 0
    BAD = 1  # a dead letter wherever it is read
    UNSTORABLE = 2  # good for its transform, a dead letter of the sink


class Message(NamedTuple):
    """A value to send, and what must become of it."""

    value: bytes | None
    sort: Sort


def _json(**fields: object) -> bytes:
    return json.dumps(fields).encode()


NO_EVENTS: tuple[bytes | None, ...] = (None, b"", b"{", b"[]", b"\xff\xfe", b"7", b'{"a": 1}', b'"text"')
NOON = "2026-11-01T12:00:00.000Z"
BAD_RATINGS = (
    _json(rating="15", unique_id="a text"),
    _json(rating=15.5, unique_id="a fraction"),
    _json(rating=0, unique_id="too low"),
    _json(rating=101, unique_id="too high"),
    _json(rating=15, unique_id=""),
    _json(rating=15, unique_id=None),
    b'[{"rating": 15, "unique_id": "good"}, {"rating": 15}]',
)
BAD_MEASUREMENTS = (
    _json(measurement=1e6, measurement_time=NOON),
    _json(measurement=-1e6, measurement_time=NOON),
    _json(measurement="20", measurement_time=NOON),
    _json(measurement=None, measurement_time=NOON),
    _json(measurement_time=NOON),
)
BAD_REPORTS = (_json(time=-1, bid_mean=1.0, ask_mean=1.0), _json(time=1, bid_mean=1.0))
BAD_WALKS = (
    _json(number=6, walk=[6, 3, 1, 2], timestamp=1),
    _json(number=0, walk=[0, 1], timestamp=1),
    _json(number=2, walk=[2, 1], timestamp=-1),
)


def _bad_visits(now_ms: int) -> tuple[bytes, ...]:
    visit: dict[str, object] = {"visit_id": "v", "account_id": "1", "store_id": "us", "time": now_ms}
    changes: tuple[dict[str, object], ...] = (
        {"time": now_ms + AHEAD_MS},
        {"time": -1},
        {"time": "now"},
        {"visit_id": ""},
        {"store_id": None},
    )
    return tuple(_json(**visit | change) for change in changes)


def bad_of(topic: str, now_ms: int) -> list[Message]:
    """A bad message of each kind that the topic's stream knows; times are relative to `now_ms`."""
    own = {
        "dominate": BAD_RATINGS,
        "visits": _bad_visits(now_ms),
        "metrics_raw": BAD_REPORTS,
        "conjecture.data": BAD_WALKS,
    }.get(topic, BAD_MEASUREMENTS)
    return [Message(value, Sort.BAD) for value in (*NO_EVENTS, *own)]


UNSTORABLE = {
    "temperature": _json(measurement=1.5, measurement_time="yesterday"),
    "humidity": _json(measurement=55.5, measurement_time="2026-02-30T12:00:00Z"),
    "pressure": _json(measurement=1000.5, measurement_time=""),
}


class Source:
    """The messages of one stream, by topic."""

    def __init__(self, name: str, rng: random.Random, now_s: Callable[[], float]) -> None:
        stream = STREAMS[name]
        assert stream.generate is not None
        self._rng, self._now_s = rng, now_s
        self._emissions: Iterator[Any] = stream.generate(rng, stream.options(), self._event_time_s)
        self._waiting: dict[str, deque[bytes]] = {}
        self._visits: deque[bytes] = deque(maxlen=KEPT)

    def _event_time_s(self) -> float:
        """Most events are new, some come within the grace of a window, a few after it."""
        return self._now_s() - self._rng.choices((0.3, 3.0, 30.0), (90, 8, 2))[0] * self._rng.random()

    def draw(self, topic: str) -> Message:
        """Most often one event, sometimes an array, sometimes a visit once more, rarely a bad message."""
        chance = self._rng.random()
        if chance < BAD:
            bad = bad_of(topic, round(self._now_s() * 1000))
            if topic in UNSTORABLE:
                bad += [Message(UNSTORABLE[topic], Sort.UNSTORABLE)] * 3
            return self._rng.choice(bad)
        if chance < BAD + ARRAYS:
            events = [self._next(topic) for _ in range(self._rng.randint(1, LONGEST_ARRAY))]
            return Message(b"[" + b",".join(events) + b"]", Sort.GOOD)
        if topic == "visits" and self._visits and chance > 1 - AGAIN:
            return Message(self._rng.choice(self._visits), Sort.GOOD)
        return Message(self._next(topic), Sort.GOOD)

    def _next(self, topic: str) -> bytes:
        waiting = self._waiting.setdefault(topic, deque())
        while not waiting:
            emission = next(self._emissions)
            self._waiting.setdefault(emission.topic, deque()).append(encode(emission.event))
        event = waiting.popleft()
        if topic == "visits":
            self._visits.append(event)
        return event


def checksum(value: bytes | None) -> int:
    """Of a value; 2^32 for none."""
    return 1 << 32 if value is None else zlib.crc32(value)
