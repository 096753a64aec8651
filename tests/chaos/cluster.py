"""Kafka as the faults see it: who coordinates, who leads, how many partitions, is every replica in sync.

The client is made anew whenever a question fails: brokers die here all the time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import InvalidPartitionsError, KafkaError

from common.errors import KafkaUnavailable
from common.kafka_io.connection import admin_options, connect
from common.settings.parts import KafkaSettings
from infra.local.settings import BROKERS
from infra.local.waiting import wait_until
from tests.support.proof import java_hash

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")
CONNECT_S = 5.0
PATIENCE_S = 60.0


class Cluster:
    """Questions about the topics and the brokers; any thread may ask, one at a time."""

    def __init__(self, kafka: KafkaSettings, topic: str, group: str) -> None:
        self._kafka, self._topic, self._group = kafka, topic, group
        self._admin: KafkaAdminClient | None = None
        self._lock = threading.Lock()
        self.partitions = 0

    def look(self) -> int:
        """How many partitions the topic has; `partitions` remembers it."""
        self.partitions = len(self._ask(lambda admin: _partitions(admin, self._topic)))
        return self.partitions

    def grow(self) -> int:
        """Add a partition; how many there are now."""
        wanted = self.look() + 1

        def create(admin: KafkaAdminClient) -> bool:
            try:
                admin.create_partitions({self._topic: wanted})
            except (
                InvalidPartitionsError
            ) as error:  # an attempt before this one was carried out, its answer lost
                log.debug("there are that many: %r", error)
            return True

        self._ask(create)
        assert wait_until(lambda: self.look() == wanted, PATIENCE_S), f"no partition {wanted - 1} was made"
        return wanted

    def coordinator(self) -> int:
        """The broker that coordinates the sinks' group."""

        def ask(admin: KafkaAdminClient) -> int:
            offsets = _partitions(admin, "__consumer_offsets")
            mine = abs(java_hash(self._group)) % len(offsets)
            leader = next(each["leader_id"] for each in offsets if each["partition_index"] == mine)
            if leader < 0:
                raise _NotNow
            return int(leader)

        return self._ask(ask)

    def controller(self) -> int:
        """The broker that is the active controller."""
        quorum = self._ask(lambda admin: admin.describe_metadata_quorum())
        return int(quorum["topics"][0]["partitions"][0]["leader_id"])

    def is_in_sync(self) -> bool:
        """Whether every partition of the data, dead-letter and offsets topics has three replicas in sync."""
        topics = (self._topic, f"{self._topic}.dead", "__consumer_offsets")
        every = self._ask(lambda admin: [each for topic in topics for each in _partitions(admin, topic)])
        return all(len(each["isr_nodes"]) == BROKERS and each["leader_id"] >= 0 for each in every)

    def committed(self) -> dict[int, int]:
        """Partition → committed offset of the sinks' group."""
        offsets = self._ask(lambda admin: admin.list_group_offsets(self._group)[self._group])
        return {at.partition: to.offset for at, to in offsets.items() if at.topic == self._topic}

    def ends(self) -> dict[int, int]:
        """Partition → the offset after its last record."""
        tps = [TopicPartition(self._topic, partition) for partition in range(self.look())]
        ends = self._ask(lambda admin: admin.list_partition_offsets(dict.fromkeys(tps, -1)))
        return {at.partition: to.offset for at, to in ends.items()}

    def close(self) -> None:
        """Close the client."""
        with self._lock:
            self._drop()

    def _ask(self, question: Callable[[KafkaAdminClient], Answer]) -> Answer:
        answers: list[Answer] = []
        reasons: list[str] = []

        def ask() -> bool:
            with self._lock:
                try:
                    answers.append(question(self._connected()))
                except (KafkaError, KafkaUnavailable, _NotNow, OSError) as error:
                    reasons.append(repr(error))
                    self._drop()
            return bool(answers)

        if not wait_until(ask, PATIENCE_S):
            said = f"{len(reasons)} tries, the last one: {reasons[-1][:300]}"
            raise TimeoutError(
                f"no broker answers a question about {self._topic} for {PATIENCE_S:g} s ({said})"
            )
        return answers[0]

    def _connected(self) -> KafkaAdminClient:
        if self._admin is None:
            options = admin_options(self._kafka)
            self._admin = connect(
                KafkaAdminClient, options, timeout_s=CONNECT_S, now_s=time.monotonic, sleep=time.sleep
            )
        return self._admin

    def _drop(self) -> None:
        if self._admin is not None:
            try:
                self._admin.close()
            except (KafkaError, RuntimeError, OSError):
                log.debug("closing an admin client failed", exc_info=True)
            self._admin = None


class _NotNow(Exception):
    pass


def _partitions(admin: KafkaAdminClient, topic: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = admin.describe_topics([topic])[0]["partitions"]
    if not found:
        raise _NotNow
    return found
