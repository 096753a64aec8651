"""R7: before a sink starts, checks that the brokers keep commit metadata. Some proxies drop it."""

from __future__ import annotations

from collections.abc import Callable

from kafka import TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from common.errors import StartRefused
from common.kafka_io.outcome import failure
from common.kafka_io.reader import BulkConsumer

TIMEOUT_MS = 10_000
PROBE = "penstock-selftest"
"""The group that every start-up check commits to, and what it commits; nobody ever joins it."""


def check_brokers(
    make_consumer: Callable[[str], BulkConsumer], group: str, topics: list[str], companions: list[str]
) -> None:
    """Raise StartRefused unless all topics exist and a commit's metadata comes back.

    KafkaUnavailable when nobody answers, KafkaDenied without the rights that `group` will need (a poll() without
    them may say nothing). `make_consumer` makes a consumer of the group it is given; `companions` are the
    dead-letter topics.
    """
    first = [TopicPartition(topic, 0) for topic in topics]
    consumer = make_consumer(PROBE)
    try:
        missing = [topic for topic in topics + companions if not consumer.partitions_for_topic(topic)]
        if missing:  # the list of all topics leaves out what one may not see
            raise StartRefused(
                f"topics are missing, or hidden from this user: {', '.join(missing)}. "
                "Create them: python -m common.topics; or grant DESCRIBE on them"
            )
        _check_metadata(consumer, first)
    except KafkaError as error:
        raise failure(error, f"the start-up check, a commit of group {PROBE}") from error
    finally:
        consumer.close(timeout_ms=TIMEOUT_MS)
    consumer = make_consumer(group)
    try:
        consumer.committed(first[0], timeout_ms=TIMEOUT_MS)
    except KafkaError as error:
        raise failure(error, f"reading what group {group} has committed") from error
    finally:
        consumer.close(timeout_ms=TIMEOUT_MS)


def _check_metadata(consumer: BulkConsumer, tps: list[TopicPartition]) -> None:
    """Commit for every topic, because that needs the right to read it, and read one back."""
    consumer.assign(tps)
    consumer.commit({tp: OffsetAndMetadata(0, PROBE, -1) for tp in tps}, timeout_ms=TIMEOUT_MS)
    found = consumer.committed(tps[0], metadata=True, timeout_ms=TIMEOUT_MS)
    if found is None or found.metadata != PROBE:
        raise StartRefused(
            "the brokers do not keep the metadata of a committed offset, which exactly-once is built on. "
            "Is there a proxy, or a broker that is not Apache Kafka?"
        )
