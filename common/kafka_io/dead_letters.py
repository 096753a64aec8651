"""Sends messages of which no row can be made to their dead-letter topic, as they came. The sink is its caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from common.slab import Partition, Record


class Letter:
    """A dead letter under way."""

    def __init__(self, future: Any) -> None:
        self._future = future

    @property
    def is_acknowledged(self) -> bool:
        """Whether the in-sync replicas have it."""
        return self._future.is_done and self._future.exception is None

    @property
    def error(self) -> str | None:
        """Why it will never be there; None while it is under way or acknowledged."""
        failed = self._future.is_done and self._future.exception is not None
        return repr(self._future.exception) if failed else None


class _Failed:
    is_acknowledged = False

    def __init__(self, error: str) -> None:
        self.error = error


class DeadLetters:
    """A producer made when the first bad message appears. Main thread only."""

    def __init__(self, make_producer: Callable[[], KafkaProducer]) -> None:
        self._make_producer = make_producer
        self._producer: KafkaProducer | None = None

    def send(
        self, record: Record, source: Partition, topic_id: str, reason: str, dead_topic: str
    ) -> Letter | _Failed:
        """Send the original bytes, key and headers, and beside them where it stood and what is wrong with it.

        At least once: who counts dead letters counts distinct addresses. Raises KafkaUnavailable.
        """
        if self._producer is None:
            self._producer = self._make_producer()
        ours = {
            "penstock-reason": reason,
            "penstock-topic": source.topic,
            "penstock-topic-id": topic_id,
            "penstock-partition": str(source.partition),
            "penstock-offset": str(record.offset),
            "penstock-time": str(record.timestamp_ms),
        }
        headers = [*record.headers, *((name, text.encode()) for name, text in ours.items())]
        try:
            return Letter(
                self._producer.send(dead_topic, value=record.value, key=record.key, headers=headers)
            )
        except (KafkaError, AssertionError) as error:
            return _Failed(repr(error))

    def close(self, timeout_s: float) -> None:
        """Close the producer, if there is one."""
        if self._producer is not None:
            self._producer.close(timeout=timeout_s)
