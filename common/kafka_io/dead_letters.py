"""Sends messages of which no row can be made to their dead-letter topic, as they came. The sink is its caller."""

from __future__ import annotations

from collections.abc import Callable

from common.errors import KafkaRefused
from common.kafka_io.writer import BulkWriter, Delivery
from common.slab import Partition, Record

PARTITION = 0
"""Dead letters are few, and stay in order of arrival: their topics have one partition."""


class Letter:
    """A dead letter under way, or one that could not even be sent."""

    def __init__(self, delivery: Delivery | None, refusal: str | None = None) -> None:
        self._delivery, self._refusal = delivery, refusal

    @property
    def is_acknowledged(self) -> bool:
        """Whether the in-sync replicas have it."""
        return self._delivery is not None and self._delivery.acknowledged == 1

    @property
    def error(self) -> str | None:
        """Why it will never be there; None while it is under way or acknowledged."""
        if self._delivery is not None and self._delivery.failed:
            return repr(self._delivery.error)
        return self._refusal


class DeadLetters:
    """A writer made when the first bad message appears, and anew after it was refused. Main thread only."""

    def __init__(self, make_writer: Callable[[], BulkWriter]) -> None:
        self._make_writer = make_writer
        self._writer: BulkWriter | None = None

    def send(self, record: Record, source: Partition, topic_id: str, reason: str, dead_topic: str) -> Letter:
        """Send the original bytes, key and headers, and beside them where it stood and what is wrong with it.

        At least once: who counts dead letters counts distinct addresses. Raises KafkaUnavailable.
        """
        ours = {
            "penstock-reason": reason,
            "penstock-topic": source.topic,
            "penstock-topic-id": topic_id,
            "penstock-partition": str(source.partition),
            "penstock-offset": str(record.offset),
            "penstock-time": str(record.timestamp_ms),
        }
        headers = [*record.headers, *((name, text.encode()) for name, text in ours.items())]
        writer = self._writer = self._writer or self._make_writer()
        try:
            delivery = writer.send(
                dead_topic,
                PARTITION,
                [record.value],
                timestamp_ms=record.timestamp_ms,
                keys=[record.key],
                headers=[headers],
            )
        except KafkaRefused as error:  # an idempotent producer that was refused once stays out of service
            self.close(0.0)
            return Letter(None, str(error))
        return Letter(delivery)

    def close(self, timeout_s: float) -> None:
        """Close the writer, if there is one."""
        if self._writer is not None:
            self._writer.close(timeout_s)
            self._writer = None
