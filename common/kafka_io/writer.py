"""Writes Kafka in whole batches: kafka-python's idempotent producer, fed past its per-message path.

Retries, order, sequence numbers and transactions stay
kafka-python's; every message is counted as acknowledged or failed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kafka import KafkaProducer, TopicPartition
from kafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
)

from common.errors import KafkaRefused
from common.kafka_io import internals
from common.kafka_io.connection import connect, producer_options
from common.kafka_io.format.encode import Encoder, SealedRecords, Timestamps
from common.kafka_io.rights import denied
from common.model.headers import Header
from common.settings.parts import KafkaSettings

BATCH_BYTES = 1_000_000
"""The default limit of a batch before compression; topics take 1 MiB unless told otherwise."""

IN_FLIGHT_BYTES = 32 << 20
"""How much may wait for acknowledgement, compressed, before there is no room for more."""


def connect_writer(
    kafka: KafkaSettings,
    *,
    max_message_bytes: int,
    batch_bytes: int = BATCH_BYTES,
    now_s: Callable[[], float],
    sleep: Callable[[float], object],
) -> BulkWriter:
    """A connected BulkWriter. Raises KafkaUnavailable."""
    options = producer_options(kafka)
    producer = connect(KafkaProducer, options, timeout_s=kafka.connect_timeout_s, now_s=now_s, sleep=sleep)
    return BulkWriter(producer, max_message_bytes=max_message_bytes, batch_bytes=batch_bytes)


class Delivery:
    """What became of the messages of one send(). Read it after flush(), or ask `is_done`."""

    __slots__ = ("acknowledged", "error", "failed", "messages")

    def __init__(self, messages: int) -> None:
        self.messages = messages
        self.acknowledged = 0
        self.failed = 0
        self.error: Exception | None = None

    @property
    def is_done(self) -> bool:
        """Whether every message is either acknowledged or failed."""
        return self.acknowledged + self.failed == self.messages


class BulkWriter:
    """Sends lists of messages to partitions. One thread calls it; acknowledgements arrive on the producer's own.

    `producer` is connected with `producer_options`. `max_message_bytes` is what the topics take: a message that is
    larger even when compressed counts as failed. A batch of several messages takes up to `batch_bytes` before
    compression.
    """

    def __init__(
        self,
        producer: KafkaProducer,
        *,
        max_message_bytes: int,
        batch_bytes: int = BATCH_BYTES,
        in_flight_bytes: int = IN_FLIGHT_BYTES,
        encoder: Encoder | None = None,
    ) -> None:
        self.producer = producer
        self.sent = self.acknowledged = self.failed = 0
        self.waiting_bytes = 0
        self.last_error: Exception | None = None
        self._max_message_bytes = max_message_bytes
        self._batch_bytes = min(batch_bytes, max_message_bytes)
        self._in_flight_bytes = in_flight_bytes
        self._encoder = encoder or Encoder()
        self._changed = threading.Condition()

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has. Raises KafkaRefused if there is no such topic or no right to see it."""
        try:
            return len(self.producer.partitions_for(topic))
        except KafkaTimeoutError as error:
            raise KafkaRefused(
                f"topic {topic} is not there: create it with `python -m common.topics`"
            ) from error
        except KafkaError as error:
            refused = KafkaRefused(f"topic {topic} cannot be written: {error!r}")
            raise (denied(error, f"a look at topic {topic}") or refused) from error

    def send(
        self,
        topic: str,
        partition: int,
        values: Sequence[bytes | None],
        *,
        timestamp_ms: Timestamps,
        keys: Sequence[bytes | None] | None = None,
        headers: Iterable[list[Header]] | None = None,
    ) -> Delivery:
        """Hand messages over to be sent, in order; `keys` and `headers` have one entry a message.

        `timestamp_ms` has one, too, or is that of all of them.

        Never waits for acknowledgements: call `wait_for_room` before. Raises KafkaRefused when the topic does not
        exist, or the producer is out of service for good.
        """
        if not internals.knows_topic(self.producer, topic):
            self.partitions(topic)
        delivery = Delivery(len(values))
        for sealed in self._encoder.seal(
            values, keys, headers, timestamp_ms=timestamp_ms, limit_bytes=self._batch_bytes
        ):
            self._ensure_in_service()
            self._hand_over(TopicPartition(topic, partition), sealed, delivery)
        return delivery

    def wait_for_room(self, timeout_s: float) -> bool:
        """Whether another batch may be sent, waiting up to `timeout_s` for it."""
        with self._changed:
            return self._changed.wait_for(lambda: self.waiting_bytes < self._in_flight_bytes, timeout_s)

    def flush(self, timeout_s: float) -> bool:
        """Wait until every message is acknowledged or failed; False if `timeout_s` was too short."""
        with self._changed:
            return self._changed.wait_for(lambda: self.acknowledged + self.failed == self.sent, timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Flush and close the producer; what is not acknowledged after `timeout_s` counts as failed."""
        flushed = self.flush(timeout_s)
        if not flushed:
            internals.force_close(self.producer)
            self.flush(1.0)
        try:
            self.producer.close(timeout=1.0)
        except KafkaTimeoutError:
            pass  # brokers that do not answer; everything is accounted for already
        return flushed

    def _hand_over(self, tp: TopicPartition, sealed: SealedRecords, delivery: Delivery) -> None:
        """Put a batch where kafka-python's sender takes it from."""
        count, size_bytes = sealed.next_offset(), sealed.size_in_bytes()
        with self._changed:
            self.sent += count
            self.waiting_bytes += size_bytes
        if size_bytes > self._max_message_bytes:
            error = MessageSizeTooLargeError(
                f"{size_bytes} bytes for {tp.topic}: above {self._max_message_bytes}"
            )
            self._settle(count, size_bytes, delivery, error)
            return
        batch = internals.WholeBatch(tp, sealed)
        batch.produce_future.add_callback(self._on_answer, count, size_bytes, delivery)
        internals.append(self.producer, tp, batch)

    def _on_answer(
        self, count: int, size_bytes: int, delivery: Delivery, answer: tuple[int, int, Any]
    ) -> None:
        """Called by the sender: an answer is (base offset, timestamp, None or a function giving the error)."""
        error_of = answer[2]
        self._settle(count, size_bytes, delivery, error_of(0) if error_of is not None else None)

    def _settle(self, count: int, size_bytes: int, delivery: Delivery, error: Exception | None) -> None:
        with self._changed:
            self.waiting_bytes -= size_bytes
            if error is None:
                self.acknowledged += count
                delivery.acknowledged += count
            else:
                self.failed += count
                delivery.failed += count
                self.last_error = delivery.error = error
            self._changed.notify_all()

    def _ensure_in_service(self) -> None:
        """An idempotent producer that met a permanent error stays dead, even if its cause is removed."""
        error = internals.fatal_error(self.producer)
        if error is not None:
            refused = KafkaRefused(f"this producer is out of service (restart it): {error!r}")
            raise denied(error, "writing") or refused
