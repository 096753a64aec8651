"""Kafka transactions whose outcome is never guessed (T8).

Clean or thrown away: every way out of a transaction but a commit that was answered ends its producer. A new one under
the same transactional id fences every late copy of a request and aborts what was left open; what is committed is read
after that. So there is no abort here: a producer that was refused something keeps it for its next transaction (X1).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kafka import KafkaProducer, TopicPartition
from kafka.errors import (
    InvalidRecordError,
    InvalidTimestampError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
)
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

from common.errors import KafkaDenied, KafkaRefused, OutputRefused, StartRefused, TransactionLost
from common.kafka_io import transaction_internals as internals
from common.kafka_io.connection import BOOTSTRAP_MS, producer_options
from common.kafka_io.internals import SUPPORTED
from common.kafka_io.outcome import failure
from common.kafka_io.rights import denied
from common.kafka_io.writer import BATCH_BYTES, BulkWriter, Delivery
from common.model.ranges import Committed
from common.model.record import Partition
from common.settings.parts import KafkaSettings

TRANSACTIONAL = {
    "retry_backoff_ms": 10,  # most of a transaction's time is the first partition's wait for the one before to end
    "transaction_timeout_ms": 10_000,
    "delivery_timeout_ms": 15_000,
    "bootstrap_timeout_ms": BOOTSTRAP_MS,
}
REFUSALS: dict[type[KafkaError], str] = {
    MessageSizeTooLargeError: "a message is too large for it",
    InvalidTimestampError: "a message bears a time that it does not take (message.timestamp.after.max.ms)",
    InvalidRecordError: "it takes no such message (does it want keys, cleanup.policy=compact?)",
}
"""What a topic will answer whoever sends it again, and what that means."""

ANSWER_S = 8.0
STOP_S = 2.0
FENCED_AT_A_TIME = 8


class Transactions:
    """The transactions of one process, one after the other, under one transactional id at a time.

    `make_producer` makes a producer for a transactional id, and `make_writer` what writes with it. Every wait is
    bounded by `answer_s`. One thread calls it.
    """

    def __init__(
        self,
        make_producer: Callable[[str], KafkaProducer],
        make_writer: Callable[[KafkaProducer], BulkWriter],
        *,
        answer_s: float = ANSWER_S,
    ) -> None:
        if again := internals.sent_again():
            raise StartRefused(
                f"this kafka-python would send {', '.join(again)} twice, and a late copy may end another transaction: "
                f"install kafka-python{SUPPORTED}"
            )
        self._make_producer, self._make_writer = make_producer, make_writer
        self._answer_s = answer_s
        self._writer: BulkWriter | None = None
        self._deliveries: list[tuple[str, Delivery]] = []

    @property
    def is_open(self) -> bool:
        """Whether there is a producer to go on with."""
        return self._writer is not None

    def open(self, transactional_id: str) -> None:
        """A new producer; whoever had that id before is fenced, and what they left open is aborted.

        Raises KafkaUnavailable, KafkaDenied.
        """
        self.throw_away()
        self._writer = self._make_writer(self._initialized(transactional_id))

    def fence(self, transactional_ids: Collection[str]) -> None:
        """Fence whoever has one of these ids, so that readers need not wait for what they left open.

        Raises KafkaUnavailable, KafkaDenied.
        """
        if not transactional_ids:
            return
        with ThreadPoolExecutor(min(FENCED_AT_A_TIME, len(transactional_ids))) as threads:
            for _ in threads.map(self._fence, transactional_ids):
                pass

    def _fence(self, transactional_id: str) -> None:
        _discard(self._initialized(transactional_id))

    def _initialized(self, transactional_id: str) -> KafkaProducer:
        try:
            producer = self._make_producer(transactional_id)
        except KafkaError as error:
            raise failure(error, f"connecting for transactional id {transactional_id}") from error
        internals.send_once(producer)
        try:
            producer.init_transactions()
        except KafkaError as error:
            _discard(producer)
            raise failure(error, f"taking over transactional id {transactional_id}") from error
        return producer

    def begin(self) -> None:
        """Begin a transaction. Raises TransactionLost: open anew."""
        self._deliveries.clear()
        try:
            self._open_writer().producer.begin_transaction()
        except KafkaError as error:
            raise self._lost(error) from error

    def send(self, topic: str, partition: int, values: list[bytes | None], **how: Any) -> Delivery:
        """Hand messages over, as BulkWriter.send does, waiting for room. Raises TransactionLost: open anew."""
        writer = self._open_writer()
        try:
            if not writer.wait_for_room(self._answer_s):
                raise KafkaTimeoutError(f"nothing was acknowledged within {self._answer_s:g} s")
            delivery = writer.send(topic, partition, values, **how)
        except (KafkaError, KafkaRefused) as error:
            raise self._lost(error) from error
        self._deliveries.append((topic, delivery))
        return delivery

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has. Raises KafkaRefused, KafkaDenied."""
        return self._open_writer().partitions(topic)

    def flush(self) -> None:
        """Wait until all is acknowledged (X2, X3). Raises TransactionLost, OutputRefused, KafkaDenied: open anew."""
        writer = self._open_writer()
        is_complete = writer.flush(self._answer_s)
        failed = [(topic, delivery.error) for topic, delivery in self._deliveries if delivery.failed]
        for topic, error in failed:  # first: with one that is refused, those that wait fail, too
            for kind, why in REFUSALS.items():
                if isinstance(error, kind):
                    self.throw_away()
                    raise OutputRefused(topic, f"{why}: {error}")
        for _, error in failed:
            raise self._lost(error) from error
        if not is_complete or internals.has_incomplete(writer.producer):
            raise self._lost(KafkaTimeoutError(f"not acknowledged within {self._answer_s:g} s"))

    def commit(self, offsets: Mapping[Partition, Committed], member: ConsumerGroupMetadata) -> None:
        """Commit what was sent and flushed, together with these offsets, as that member of the group.

        `member` is what the membership was when the assignment was read: a later one may be nobody's, and brokers
        check nothing then (X4). Raises TransactionLost, KafkaDenied: open anew, then read what is committed.
        """
        if member.generation_id < 0:
            raise self._lost(KafkaError("this process is no member of the group"))
        producer = self._open_writer().producer
        request = {
            TopicPartition(*at): OffsetAndMetadata(to.offset, to.metadata, -1) for at, to in offsets.items()
        }
        try:
            self._wait(internals.send_offsets(producer, request, member))
            self._wait(internals.end_transaction(producer))
        except (KafkaError, RuntimeError) as error:
            raise self._lost(error) from error

    def throw_away(self) -> None:
        """End the producer as it is. What it had not committed will never be seen by those who read committed data."""
        self._deliveries.clear()
        if self._writer is not None:
            _discard(self._writer.producer)
            self._writer = None

    def _wait(self, result: Any) -> None:
        if not result.wait(self._answer_s * 1000):
            raise KafkaTimeoutError(f"no answer within {self._answer_s:g} s")

    def _lost(self, error: BaseException | None) -> TransactionLost | KafkaDenied:
        self.throw_away()
        text = f"the transaction may or may not be committed: {error!r}"
        return denied(error, "a transaction") or TransactionLost(text)

    def _open_writer(self) -> BulkWriter:
        if self._writer is None:
            raise TransactionLost("its producer was thrown away")
        return self._writer


def connect_transactions(
    kafka: KafkaSettings, name: str, *, max_message_bytes: int, batch_bytes: int = BATCH_BYTES
) -> Transactions:
    """Transactions of a process that brokers call `name`. Raises StartRefused when kafka-python is not the one we know.

    Outputs above `max_message_bytes` are refused. A batch of several takes up to `batch_bytes` before compression.
    """

    def make_producer(transactional_id: str) -> KafkaProducer:
        options = producer_options(kafka) | TRANSACTIONAL
        return KafkaProducer(**options, transactional_id=transactional_id, client_id=name)

    def make_writer(producer: KafkaProducer) -> BulkWriter:
        return BulkWriter(producer, max_message_bytes=max_message_bytes, batch_bytes=batch_bytes)

    return Transactions(make_producer, make_writer)


def _discard(producer: KafkaProducer) -> None:
    internals.discard(producer, STOP_S)
    try:
        producer.close(timeout=0)
    except KafkaError:
        pass  # it is gone all the same
