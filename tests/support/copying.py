"""Numbers that are copied ten in a transaction: with our `Transactions`, and with what kafka-python brings.

Message `n` of the source is the number `n`; so an output says where it comes from, and nothing needs to be read.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

from common.errors import TransactionLost
from common.kafka_io.connection import producer_options
from common.kafka_io.transactions import ANSWER_S, TRANSACTIONAL, Transactions
from common.kafka_io.writer import BulkWriter
from common.model.ranges import Committed
from common.model.record import Partition
from common.settings.config import Settings
from infra.local.stack import Stack
from infra.local.waiting import wait_until

TEN = 10
TIMESTAMP_MS = 1_795_000_000_000
NUMBERS = itertools.count(1)
QUICK = {
    "request_timeout_ms": 5_000,
    "retry_backoff_ms": 10,
    "reconnect_backoff_ms": 20,
    "metadata_max_age_ms": 5_000,
}


KEPT = {"retention.ms": "-1"}
"""Records bear the time of TIMESTAMP_MS, which is longer ago than brokers keep records by default."""


class Outcome(NamedTuple):
    """Numbers that are not there though the offset is past them, and those that are or will be there twice."""

    lost: list[int]
    repeated: list[int]


class Copying:
    """A source and a target of its own, and an id for transactions, for this member of a group.

    Its producers go by `bootstrap_servers`.
    """

    def __init__(
        self,
        stack: Stack,
        member: ConsumerGroupMetadata,
        bootstrap_servers: str | None = None,
        partitions: int = 1,
    ) -> None:
        self.id = f"copying-{next(NUMBERS)}"
        self.stack, self.member = stack, member
        self.bootstrap_servers = bootstrap_servers or stack.bootstrap_servers
        self.source, self.target = f"{self.id}-in", f"{self.id}-out"
        topics = {
            topic: {"num_partitions": partitions, "replication_factor": 3, "configs": KEPT}
            for topic in (self.source, self.target)
        }
        admin = KafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
        admin.create_topics(topics)
        admin.wait_for_topics(list(topics), timeout_ms=15_000)
        admin.close()

    def stock_producer(self, **options: Any) -> KafkaProducer:
        """As kafka-python comes, initialized."""
        producer = KafkaProducer(
            **QUICK | {"transactional_id": self.id, "acks": "all", "linger_ms": 5} | options,
            bootstrap_servers=self.bootstrap_servers,
        )
        producer.init_transactions()
        return producer

    def transactions(self, answer_s: float = ANSWER_S, **options: Any) -> Transactions:
        """Ours, not opened; its producers have these options in place of others."""
        settings = Settings.from_env({"BOOTSTRAP_SERVERS": self.bootstrap_servers})

        def make_producer(transactional_id: str) -> KafkaProducer:
            ours = producer_options(settings.kafka) | TRANSACTIONAL | options
            return KafkaProducer(**ours, transactional_id=transactional_id)

        def make_writer(producer: KafkaProducer) -> BulkWriter:
            return BulkWriter(producer, max_message_bytes=1 << 20)

        return Transactions(make_producer, make_writer, answer_s=answer_s)

    def committed(self, partition: int = 0, timeout_s: float = 20.0) -> int:
        """The committed offset, once no transaction holds it up; 0 when there is none."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.stack.bootstrap_servers,
            group_id=self.member.group_id,
            isolation_level="read_committed",
        )
        try:
            return (
                consumer.committed(TopicPartition(self.source, partition), timeout_ms=timeout_s * 1000) or 0
            )
        finally:
            consumer.close(autocommit=False)

    def outputs(self, timeout_s: float = 20.0) -> list[int]:
        """All numbers that a stock consumer of committed data sees in partition 0."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.stack.bootstrap_servers,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        at = TopicPartition(self.target, 0)
        found: list[int] = []

        def is_read() -> bool:
            for records in consumer.poll(timeout_ms=200).values():
                found.extend(int(record.value) for record in records)
            return bool(consumer.position(at) >= end)

        try:
            consumer.assign([at])
            end = consumer.end_offsets([at])[at]
            assert wait_until(is_read, timeout_s), f"{found} up to {end}"
            return found
        finally:
            consumer.close()

    def outcome(self) -> Outcome:
        """What is lost, and what is or will be repeated."""
        offset, seen = self.committed(), self.outputs()
        lost = sorted(set(range(offset)) - set(seen))
        return Outcome(lost, sorted({n for n in seen if n >= offset or seen.count(n) > 1}))


def send_ten(producer: KafkaProducer, topic: str, first: int) -> None:
    """Ten numbers, acknowledged."""
    for number in range(first, first + TEN):
        producer.send(topic, b"%d" % number, partition=0)
    producer.flush(10)


def stock_offset(producer: KafkaProducer, copying: Copying, offset: int) -> None:
    """Add the offset to the transaction."""
    where = {TopicPartition(copying.source, 0): OffsetAndMetadata(offset, "", -1)}
    producer.send_offsets_to_transaction(where, copying.member.group_id)


def commit(copying: Copying, transactions: Transactions, offset: int, partition: int = 0) -> None:
    """Commit the transaction with that offset."""
    transactions.commit({Partition(copying.source, partition): Committed(offset, "")}, copying.member)


def send_values(copying: Copying, transactions: Transactions, numbers: Iterable[int]) -> None:
    """Hand numbers over."""
    values: list[bytes | None] = [b"%d" % number for number in numbers]
    transactions.send(copying.target, 0, values, timestamp_ms=TIMESTAMP_MS)


def copy(
    copying: Copying,
    transactions: Transactions,
    until: int,
    flushed: Callable[[int], object] = lambda attempt: None,
) -> int:
    """Copy up to that number, reading what is committed after every TransactionLost; how often that was.

    `flushed(attempt)` is called when the outputs of a transaction are acknowledged; the first is attempt 1.
    """
    at, lost = copying.committed(), 0
    for attempt in itertools.count(1):
        if at >= until:
            return lost
        try:
            if not transactions.is_open:
                transactions.open(copying.id)
                at = copying.committed()
            transactions.begin()
            send_values(copying, transactions, range(at, at + TEN))
            transactions.flush()
            flushed(attempt)
            commit(copying, transactions, at + TEN)
            at += TEN
        except TransactionLost:
            lost += 1
    raise AssertionError
