"""Messages that wait for the next transaction, and when it is due. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping
from typing import NamedTuple

from common.model.record import Partition, Slab

LEAST_MESSAGES = 1_000


class Limits(NamedTuple):
    """A transaction is closed `age_s` after its first message, or at so many messages or bytes.

    A source is parked after more than `bad_messages` in a row of which no output can be made.
    """

    age_s: float
    messages: int
    payload_bytes: int
    bad_messages: int


class Waiting:
    """What was read and is not in a transaction yet.

    After a transaction that was lost, those that follow are smaller: brokers that are slow may manage them.
    """

    def __init__(self, limits: Limits, now_s: Callable[[], float]) -> None:
        self._limits, self._now_s = limits, now_s
        self._slabs: deque[tuple[Partition, Slab]] = deque()
        self._messages = self._bytes = 0
        self._most = limits.messages
        self._due_s = now_s()

    def add(self, slabs: Mapping[Partition, list[Slab]], wanted: Container[Partition]) -> None:
        """Take what came for the partitions that are wanted."""
        if slabs and not self._slabs:
            self._due_s = self._now_s() + self._limits.age_s
        self._slabs += [(at, slab) for at, run in slabs.items() if at in wanted for slab in run]
        self._measure()

    def forget(self, topic: str) -> None:
        """Drop what came for a topic."""
        self._slabs = deque((at, slab) for at, slab in self._slabs if at.topic != topic)
        self._measure()

    def clear(self) -> None:
        """Drop everything."""
        self._slabs.clear()
        self._measure()

    def _measure(self) -> None:
        self._messages = sum(len(slab) for _, slab in self._slabs)
        self._bytes = sum(slab.size_bytes for _, slab in self._slabs)

    @property
    def is_full(self) -> bool:
        """Whether the next transaction has no room."""
        return self._messages >= self._most or self._bytes >= self._limits.payload_bytes

    @property
    def due_in_s(self) -> float:
        """How long until the next transaction is due."""
        return 0.0 if self.is_full else max(0.0, self._due_s - self._now_s())

    def is_due(self, now_s: float) -> bool:
        """Whether the next transaction is; the one after it is counted from now on then."""
        if now_s < self._due_s and not self.is_full:
            return False
        self._due_s = now_s + self._limits.age_s
        return True

    def take_all(self) -> Iterator[tuple[Partition, Slab]]:
        """Hand out everything, in order."""
        while self._slabs:
            yield self._slabs.popleft()
        self._measure()

    def note_lost(self) -> None:
        """The transaction was lost."""
        self._most = max(self._most // 4, min(LEAST_MESSAGES, self._limits.messages))

    def note_committed(self) -> None:
        """It went through."""
        self._most = min(2 * self._most, self._limits.messages)
