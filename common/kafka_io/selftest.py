"""R7: before a sink starts, sees with its own eyes that the brokers keep commit metadata. Some proxies drop it."""

from __future__ import annotations

from collections.abc import Callable

from kafka import TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from common.errors import KafkaUnavailable, StartRefused
from common.kafka_io.reader import BulkConsumer

TIMEOUT_MS = 10_000
PROBE = "penstock-selftest"
"""The group that every start-up check commits to, and what it commits; nobody ever joins it."""


def check_brokers(
    make_consumer: Callable[[str], BulkConsumer], topics: list[str], companions: list[str]
) -> None:
    """Raise StartRefused unless all topics exist and a commit's metadata comes back; KafkaUnavailable on no answer.

    `make_consumer` makes a consumer of the group it is given. `companions` are the dead-letter topics.
    """
    consumer = make_consumer(PROBE)
    try:
        missing = [topic for topic in topics + companions if not consumer.partitions_for_topic(topic)]
        if missing:
            raise StartRefused(
                f"topics are missing: {', '.join(missing)}. Create them: python -m common.topics"
            )
        _check_metadata(consumer, TopicPartition(topics[0], 0))
    except KafkaError as error:
        raise KafkaUnavailable(f"the start-up check of the brokers failed: {error!r}") from error
    finally:
        consumer.close(timeout_ms=TIMEOUT_MS)


def _check_metadata(consumer: BulkConsumer, tp: TopicPartition) -> None:
    consumer.assign([tp])
    consumer.commit({tp: OffsetAndMetadata(0, PROBE, -1)}, timeout_ms=TIMEOUT_MS)
    found = consumer.committed(tp, metadata=True, timeout_ms=TIMEOUT_MS)
    if found is None or found.metadata != PROBE:
        raise StartRefused(
            "the brokers do not keep the metadata of a committed offset, which exactly-once is built on. "
            "Is there a proxy, or a broker that is not Apache Kafka?"
        )
