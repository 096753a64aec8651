"""Collects events into batches, one per partition, and passes those that are due to the writer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from common.kafka_io.partitioner import RoundRobin, partition_of
from common.model.codec import encode
from common.model.headers import Header
from common.model.stream import Emission

LINGER_S = 0.02
WAITING_BYTES = 512 << 10


class Sending(Protocol):
    """A batch under way."""

    @property
    def is_done(self) -> bool:
        """Whether it was answered."""
        ...


class Writer(Protocol):
    """What the batcher needs of a BulkWriter."""

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has."""
        ...

    def send(
        self,
        topic: str,
        partition: int,
        values: list[bytes | None],
        *,
        timestamp_ms: int,
        keys: list[bytes | None],
        headers: list[list[Header]],
    ) -> Sending:
        """Send messages."""
        ...


class Waiting:
    """Messages of one partition that wait to be sent, since `first_s`."""

    __slots__ = ("first_ms", "first_s", "keys", "size_bytes", "values")

    def __init__(self, now_s: float, unix_ms: int) -> None:
        self.first_s = now_s
        self.first_ms = unix_ms
        self.keys: list[bytes | None] = []
        self.values: list[bytes | None] = []
        self.size_bytes = 0


class Batcher:
    """Events on their way into batches. A batch is due LINGER_S after its first event, or at WAITING_BYTES.

    Brokers answer one batch of a partition at a time: while one is under way, the next one grows instead of queueing.
    """

    def __init__(self, writer: Writer, headers: list[Header], unix_s: Callable[[], float]) -> None:
        self._writer = writer
        self._headers = headers
        self._unix_s = unix_s
        self._waiting: dict[tuple[str, int], Waiting] = {}
        self._sizes: dict[str, int] = {}
        self._turns: dict[str, RoundRobin] = {}
        self._under_way: dict[tuple[str, int], Sending] = {}

    def add(self, emission: Emission, now_s: float) -> None:
        """Encode an event and put it where its key belongs; without a key, where the turn is."""
        topic = emission.topic
        size = self._sizes.get(topic) or self._learn(topic)
        key = emission.key
        partition = self._turns[topic].current(size) if key is None else partition_of(key, size)
        waiting = self._waiting.get((topic, partition))
        if waiting is None:
            waiting = self._waiting[topic, partition] = Waiting(now_s, int(self._unix_s() * 1000))
        value = encode(emission.event)
        waiting.keys.append(key)
        waiting.values.append(value)
        waiting.size_bytes += len(value) + len(key or b"")
        if waiting.size_bytes >= WAITING_BYTES:
            self._send(topic, partition)

    def send_due(self, now_s: float) -> None:
        """Send the batches that have waited for LINGER_S and have none of their partition before them."""
        due = [at for at, waiting in self._waiting.items() if now_s - waiting.first_s >= LINGER_S]
        for topic, partition in due:
            before = self._under_way.get((topic, partition))
            if before is None or before.is_done:
                self._send(topic, partition)

    def send_all(self) -> None:
        """Send every batch."""
        for topic, partition in list(self._waiting):
            self._send(topic, partition)

    def _learn(self, topic: str) -> int:
        self._turns.setdefault(topic, RoundRobin())
        size = self._sizes[topic] = self._writer.partitions(topic)
        return size

    def _send(self, topic: str, partition: int) -> None:
        waiting = self._waiting.pop((topic, partition))
        headers = [self._headers] * len(waiting.values)
        self._under_way[topic, partition] = self._writer.send(
            topic,
            partition,
            waiting.values,
            timestamp_ms=waiting.first_ms,
            keys=waiting.keys,
            headers=headers,
        )
        self._turns[topic].advance()
        self._learn(topic)  # the topic may have grown
