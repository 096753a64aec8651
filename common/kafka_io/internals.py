"""Every private name of kafka-python that we use, each behind a function; checked at import.

What transactions hook into stands in `transaction_internals`.

Written for 3.0.12 ≤ version < 3.1. When kafka-python moves on, this is the place to look.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from types import CodeType
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.coordinator.base import MemberState
from kafka.coordinator.consumer import ConsumerCoordinator
from kafka.future import Future
from kafka.producer.producer_batch import ProducerBatch
from kafka.producer.record_accumulator import RecordAccumulator
from kafka.producer.sender import Sender
from kafka.producer.transaction_manager import TransactionManager
from kafka.record import MemoryRecords
from kafka.structs import OffsetAndMetadata

SUPPORTED = ">=3.0.12,<3.1"


class WholeBatch(ProducerBatch):
    """A batch that the sender must send as it is: its answer to "too large", a split, loses track of the batch."""

    record_count = 1


# The consumer and its group


def send_offset_commit(
    consumer: KafkaConsumer, offsets: Mapping[TopicPartition, OffsetAndMetadata]
) -> Future:
    """T1: one commit request. `commit_async` may answer for a lookup of the coordinator instead."""
    coordinator = consumer._coordinator
    return coordinator._manager.call_soon(coordinator._send_offset_commit_request, offsets)


def send_offset_fetch(consumer: KafkaConsumer, partitions: Iterable[TopicPartition]) -> Future:
    """T7: one request for committed offsets. `committed` may serve an answer that came too late for an older call."""
    coordinator = consumer._coordinator
    return coordinator._manager.call_soon(coordinator._send_offset_fetch_request, list(partitions))


def look_up_coordinator(consumer: KafkaConsumer) -> None:
    """Ask for the coordinator again; does not wait for the answer."""
    consumer._coordinator.lookup_coordinator()


def is_stable(consumer: KafkaConsumer) -> bool:
    """Whether the member is in its group's current generation, as far as it knows."""
    coordinator = consumer._coordinator
    return coordinator.state is MemberState.STABLE and not coordinator.need_rejoin()


def is_stuck_in_join(consumer: KafkaConsumer) -> bool:
    """Whether the member says that it rebalances, but does not try to join."""
    state = consumer.group_metadata().state
    return state is MemberState.REBALANCING and not consumer._coordinator.need_rejoin()


def request_rejoin(consumer: KafkaConsumer) -> None:
    """Let the next poll() join again."""
    consumer._coordinator.request_rejoin()


def topic_id(consumer: KafkaConsumer, topic: str) -> Any:
    """The id of a topic as the metadata have it; None while unknown."""
    return consumer._cluster.topic_id(topic)


def replace_partition_records(consumer: KafkaConsumer, factory: Callable[..., Any]) -> None:
    """Let the fetcher turn what it fetches into what `factory` makes."""
    consumer._fetcher.PartitionRecords = factory


def drop_drained_records(consumer: KafkaConsumer) -> None:
    """T6: free the slot of a drained partition, or those that were paused and resumed stay unread for ever."""
    if not consumer._fetcher._next_partition_records:
        consumer._fetcher._next_partition_records = None


def raw_bytes(records: MemoryRecords) -> bytes | memoryview | None:
    """The record batches of a fetch as they came."""
    raw: bytes | memoryview | None = records._buffer
    return raw


# The producer


def knows_topic(producer: KafkaProducer, topic: str) -> bool:
    """Whether the producer's metadata hold the topic; asks nobody."""
    return producer._metadata.partitions_for_topic(topic) is not None


def append(producer: KafkaProducer, tp: TopicPartition, batch: WholeBatch) -> None:
    """Put a batch where the sender takes it from, as part of the transaction if there is one."""
    transactions = producer._transaction_manager
    if transactions and transactions.is_transactional():
        transactions.maybe_add_partition_to_transaction(tp)
    accumulator = producer._accumulator
    with accumulator._tp_lock(tp):
        accumulator._incomplete.add(batch)
        accumulator._batches[tp].append(batch)
    producer._sender.wakeup()


def fatal_error(producer: KafkaProducer) -> Exception | None:
    """What has put an idempotent producer out of service for good."""
    transactions = producer._transaction_manager
    error: Exception | None = None
    if transactions and transactions.has_fatal_error():
        error = transactions.last_error
    return error


def force_close(producer: KafkaProducer) -> None:
    """Give up what waits to be sent."""
    producer._sender.force_close()


# Any client


def abandon(client: Any) -> None:
    """Stop the IO thread that a half-made client leaves behind. Raises what closing raises."""
    inner = getattr(client, "_client", None)
    if inner is not None:
        inner.close()


# The check

_CLASS_NAMES: dict[type, tuple[str, ...]] = {
    ConsumerCoordinator: (
        "_send_offset_commit_request",
        "_send_offset_fetch_request",
        "lookup_coordinator",
        "need_rejoin",
        "request_rejoin",
        "state",
    ),
    Fetcher: ("PartitionRecords",),
    RecordAccumulator: ("_tp_lock", "has_incomplete"),
    Sender: ("force_close", "join", "wakeup"),
    TransactionManager: (
        "_enqueue_request",
        "begin_commit",
        "has_fatal_error",
        "is_transactional",
        "maybe_add_partition_to_transaction",
        "send_offsets_to_transaction",
    ),
}
_SET_BY_INIT: dict[type, tuple[str, ...]] = {
    MemoryRecords: ("_buffer",),
    KafkaConsumer: ("_cluster", "_coordinator", "_fetcher"),
    Fetcher: ("_next_partition_records",),
    KafkaProducer: ("_accumulator", "_metadata", "_sender", "_transaction_manager"),
    RecordAccumulator: ("_batches", "_incomplete"),
    ConsumerCoordinator: ("_manager",),
}


def missing() -> list[str]:
    """The names that this kafka-python does not have, as Class.name."""
    gone = [
        f"{owner.__name__}.{name}"
        for owner, names in _CLASS_NAMES.items()
        for name in names
        if not hasattr(owner, name) and name not in _assigned(owner)
    ]
    gone += [
        f"{owner.__name__}.{name}"
        for owner, names in _SET_BY_INIT.items()
        for name in names
        if name not in _assigned(owner)
    ]
    parse = getattr(Fetcher, "_parse_fetched_data", None)
    if parse is None or "PartitionRecords" not in parse.__code__.co_names:
        gone.append("Fetcher._parse_fetched_data → self.PartitionRecords")
    return gone


def _assigned(owner: type) -> set[str]:
    """What `__init__` of a class, or of those it inherits from, names."""
    return {name for code in _constructors(owner) for name in code.co_names}


def _constructors(owner: type) -> Iterator[CodeType]:
    for base in owner.__mro__:
        with contextlib.suppress(KeyError, AttributeError):
            yield vars(base)["__init__"].__code__


def check() -> None:
    """Raise ImportError that says which names are gone."""
    if gone := missing():
        raise ImportError(
            f"kafka-python {version('kafka-python')} has no {', '.join(gone)}, which Penstock hooks into: install "
            f"kafka-python{SUPPORTED}"
        )


check()
