"""How far the transforms are, and whether the brokers are whole."""

from __future__ import annotations

import json
from typing import NamedTuple

from kafka import KafkaAdminClient, TopicPartition

from common.settings.parts import KafkaSettings
from infra.local.settings import BROKERS
from tests.chaos.cluster import Cluster

Ends = dict[tuple[str, int], int]


class Done(NamedTuple):
    """What a group has committed of a partition: up to where it has read, and from where it would read again."""

    read: int
    offset: int


class Positions(Cluster):
    """Asked about all topics of the streams, `sources` being those that transforms read."""

    def __init__(self, kafka: KafkaSettings, topics: list[str], sources: list[str], group: str) -> None:
        super().__init__(kafka, sources[0], group)
        self._topics, self._sources = topics, sources

    def is_in_sync(self) -> bool:
        """Whether every partition has three replicas in sync, those of the brokers' own topics too."""
        topics = [*self._topics, "__consumer_offsets", "__transaction_state"]
        described = self._ask(lambda admin: admin.describe_topics(topics))
        every = [each for topic in described for each in topic["partitions"]]
        return all(len(each["isr_nodes"]) == BROKERS and each["leader_id"] >= 0 for each in every)

    def source_ends(self) -> Ends:
        """Where the logs of the sources end now."""

        def ask(admin: KafkaAdminClient) -> Ends:
            tps = [
                TopicPartition(topic["name"], each["partition_index"])
                for topic in admin.describe_topics(self._sources)
                for each in topic["partitions"]
            ]
            found = admin.list_partition_offsets(dict.fromkeys(tps, -1))
            return {(at.topic, at.partition): to.offset for at, to in found.items()}

        return self._ask(ask)

    def done(self) -> dict[tuple[str, int], Done]:
        """What the transforms have committed of their sources."""
        found = self._ask(lambda admin: admin.list_group_offsets(self._group)[self._group])
        return {
            (at.topic, at.partition): Done(json.loads(to.metadata)["read"], to.offset)
            for at, to in found.items()
            if to.offset >= 0 and to.metadata
        }
