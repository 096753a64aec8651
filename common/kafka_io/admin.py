"""Looks at topics, creates and grows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    NoError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from common.errors import KafkaRefused, KafkaUnavailable
from common.kafka_io.connection import admin_options, connect
from common.kafka_io.rights import denied
from common.model.topics import TopicSpec, TopicState
from common.settings.parts import KafkaSettings

LEADER_NOT_AVAILABLE = 5  # of a topic that was made a moment ago


def connect_admin(
    kafka: KafkaSettings, *, now_s: Callable[[], float], sleep: Callable[[float], object]
) -> TopicAdmin:
    """A connected TopicAdmin. Raises KafkaUnavailable."""
    options = admin_options(kafka)
    return TopicAdmin(
        connect(KafkaAdminClient, options, timeout_s=kafka.connect_timeout_s, now_s=now_s, sleep=sleep)
    )


class TopicAdmin:
    """The topics of a cluster. `client` is connected with `admin_options`."""

    def __init__(self, client: KafkaAdminClient) -> None:
        self._client = client

    def states(self, names: Sequence[str]) -> dict[str, TopicState]:
        """Those of `names` that exist. Raises KafkaRefused without the right to see one, KafkaUnavailable."""
        found = {}
        for topic in self._ask(self._client.describe_topics, list(names)):
            code = topic["error_code"]
            if code in (NoError.errno, LEADER_NOT_AVAILABLE):
                partitions = topic["partitions"]
                found[topic["name"]] = TopicState(
                    partitions=len(partitions), replication_factor=len(partitions[0]["replica_nodes"])
                )
            elif code != UnknownTopicOrPartitionError.errno:
                raise KafkaRefused(f"topic {topic['name']} cannot be looked at: {for_code(code).__name__}")
        return found

    def create(self, specs: Iterable[TopicSpec]) -> None:
        """Create topics; one that somebody else made meanwhile is fine. Raises KafkaRefused, KafkaUnavailable."""
        request = {
            spec.name: {
                "num_partitions": spec.partitions,
                "replication_factor": spec.replication_factor,
                "configs": dict(spec.configs),
            }
            for spec in specs
        }
        if not request:
            return
        answer = self._ask(self._client.create_topics, request, raise_errors=False)
        for topic in answer["topics"]:
            if topic["error_code"] not in (NoError.errno, TopicAlreadyExistsError.errno):
                reason = topic["error_message"] or for_code(topic["error_code"]).__name__
                raise KafkaRefused(f"topic {topic['name']} cannot be created: {reason}")

    def grow(self, sizes: Mapping[str, int]) -> None:
        """Give topics more partitions: name → how many they shall have. Raises KafkaRefused, KafkaUnavailable."""
        if not sizes:
            return
        answer = self._ask(self._client.create_partitions, dict(sizes), raise_errors=False)
        for result in answer.results:
            if result.error_code != NoError.errno:
                reason = result.error_message or for_code(result.error_code).__name__
                raise KafkaRefused(f"topic {result.name} cannot be grown: {reason}")

    def wait_usable(self, names: Sequence[str], timeout_s: float) -> None:
        """Wait until every topic has a leader for each partition. Raises KafkaUnavailable after `timeout_s`."""
        self._ask(self._client.wait_for_topics, list(names), timeout_ms=timeout_s * 1000)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, call: Any, *args: Any, **options: Any) -> Any:
        try:
            return call(*args, **options)
        except KafkaTimeoutError as error:
            raise KafkaUnavailable(str(error)) from error
        except KafkaError as error:
            if denial := denied(error, call.__name__.replace("_", " ")):
                raise denial from error
            kind = KafkaUnavailable if error.retriable else KafkaRefused
            raise kind(f"{call.__name__} failed: {error!r}") from error
