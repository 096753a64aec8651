"""Sends messages of which no row can be made to their dead-letter topic, as they came. The sink is its caller."""

from __future__ import annotations

from collections.abc import Callable

from common.errors import KafkaRefused
from common.kafka_io.writer import BulkWriter, Delivery
from common.slab import Partition, RawValue, Record, TooLarge

PARTITION = 0
"""Dead letters are few, and stay in order of arrival: their topics have one partition."""


class Bundle:
    """Dead letters for one topic that travel in one batch: one by one they would wait for each other's answers."""

    def __init__(self, dead_topic: str) -> None:
        self.dead_topic = dead_topic
        self.records: list[Record] = []
        self._delivery: Delivery | None = None
        self._refusal: str | None = None

    @property
    def is_sent(self) -> bool:
        """Whether it takes no more."""
        return self._delivery is not None or self._refusal is not None

    def send(self, writer: BulkWriter) -> bool:
        """Hand it over; False if the writer is out of service from now on."""
        try:
            self._delivery = writer.send(
                self.dead_topic,
                PARTITION,
                [_sendable(record.value) for record in self.records],
                timestamp_ms=self.records[-1].timestamp_ms,
                keys=[record.key for record in self.records],
                headers=[list(record.headers) for record in self.records],
            )
        except KafkaRefused as error:  # an idempotent producer that was refused once stays out of service
            self._refusal = str(error)
        return self._refusal is None

    @property
    def is_acknowledged(self) -> bool:
        """Whether the in-sync replicas have all of it."""
        return self._delivery is not None and self._delivery.acknowledged == len(self.records)

    @property
    def error(self) -> str | None:
        """Why a part of it will never be there."""
        failed = self._delivery is not None and self._delivery.failed
        return repr(self._delivery.error) if self._delivery is not None and failed else self._refusal


class Letter:
    """A dead letter under way. Asking for its fate sends what was gathered with it."""

    def __init__(self, bundle: Bundle, send: Callable[[Bundle], None]) -> None:
        self._bundle, self._send = bundle, send

    @property
    def is_acknowledged(self) -> bool:
        """Whether the in-sync replicas have it."""
        self._send(self._bundle)
        return self._bundle.is_acknowledged

    @property
    def error(self) -> str | None:
        """Why it will never be there; None while it is under way or acknowledged."""
        self._send(self._bundle)
        return self._bundle.error


class DeadLetters:
    """A writer made when the first bad message appears, and anew after it was refused. Main thread only."""

    def __init__(self, make_writer: Callable[[], BulkWriter]) -> None:
        self._make_writer = make_writer
        self._writer: BulkWriter | None = None
        self._gathering: Bundle | None = None

    def send(self, record: Record, source: Partition, topic_id: str, reason: str, dead_topic: str) -> Letter:
        """Send the original bytes, key and headers, and beside them where it stood and what is wrong with it.

        At least once: who counts dead letters counts distinct addresses. Raises KafkaUnavailable.
        """
        self._writer = self._writer or self._make_writer()
        ours = {
            "penstock-reason": reason,
            "penstock-topic": source.topic,
            "penstock-topic-id": topic_id,
            "penstock-partition": str(source.partition),
            "penstock-offset": str(record.offset),
            "penstock-time": str(record.timestamp_ms),
        }
        headers = [*record.headers, *((name, text.encode()) for name, text in ours.items())]
        bundle = self._gathering
        if bundle is None or bundle.is_sent or bundle.dead_topic != dead_topic:
            bundle = self._gathering = Bundle(dead_topic)
        bundle.records.append(record._replace(headers=headers))
        return Letter(bundle, self._send_bundle)

    def _send_bundle(self, bundle: Bundle) -> None:
        if bundle.is_sent:
            return
        self._writer = self._writer or self._make_writer()
        if not bundle.send(self._writer):
            self.close(0.0)

    def close(self, timeout_s: float) -> None:
        """Close the writer, if there is one."""
        if self._writer is not None:
            self._writer.close(timeout_s)
            self._writer = None


def _sendable(value: RawValue) -> bytes | None:
    """What was never unpacked cannot be sent: its letter says where it stands, and holds no value."""
    return None if isinstance(value, TooLarge) else value
