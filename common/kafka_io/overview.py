"""What Kafka holds, seen from outside a group: logs, commits, members."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import GroupIdNotFoundError, KafkaError, NoError, UnknownTopicOrPartitionError, for_code
from kafka.protocol.consumer import IsolationLevel
from kafka.structs import OffsetAndMetadata

from common.errors import KafkaRefused, KafkaUnavailable
from common.kafka_io.connection import admin_options, connect
from common.kafka_io.rights import denied
from common.model.ranges import Committed
from common.model.record import Layout, Partition
from common.process.deadline import Deadline
from common.settings.parts import KafkaSettings

PAUSE_S = 0.25


class Member(NamedTuple):
    """A live member of a group; `id` is unique, `client` and `host` are what it calls itself and where it is."""

    id: str
    client: str
    host: str
    partitions: tuple[Partition, ...]

    def __str__(self) -> str:
        return f"{self.client}@{self.host}#{self.id.removeprefix(self.client + '-')[:8]}"


class Overview:
    """An admin connection that asks again for `patience_s` when brokers do not answer.

    Every method raises KafkaUnavailable when that was not enough, KafkaRefused when a right is missing.
    """

    def __init__(
        self,
        client: KafkaAdminClient,
        *,
        patience_s: float,
        now_s: Callable[[], float],
        sleep: Callable[[float], object],
    ) -> None:
        self._client = client
        self._patience_s, self._now_s, self._sleep = patience_s, now_s, sleep

    def layouts(self, topics: Sequence[str]) -> dict[str, Layout]:
        """Those of the topics that exist."""
        found = {}
        for topic in self._ask("describing topics", lambda: self._describe_topics(topics)):
            if topic["error_code"] != UnknownTopicOrPartitionError.errno:
                name = topic["name"]
                numbers = sorted(partition["partition_index"] for partition in topic["partitions"])
                partitions = tuple(Partition(name, number) for number in numbers)
                found[name] = Layout(uuid.UUID(str(topic["topic_id"])), partitions)
        return found

    def _describe_topics(self, topics: Sequence[str]) -> list[dict[str, Any]]:
        described: list[dict[str, Any]] = self._client.describe_topics(list(topics)) if topics else []
        for topic in described:
            if topic["error_code"] not in (NoError.errno, UnknownTopicOrPartitionError.errno):
                raise for_code(topic["error_code"])(topic["name"])
        return described

    def committed(self, group: str) -> dict[Partition, Committed]:
        """Everything that a group has committed; works while it is at work, too."""
        found = self._ask(
            f"reading what group {group} has committed", lambda: self._client.list_group_offsets(group)[group]
        )
        return {
            Partition(*tp): Committed(at.offset, at.metadata or "")
            for tp, at in found.items()
            if at.offset >= 0
        }

    def members(self, group: str) -> list[Member]:
        """The live members of a group. One that was killed counts until its session has expired."""
        described = self._ask(f"describing group {group}", lambda: self._describe_group(group))
        return [
            Member(
                member["member_id"],
                member["client_id"],
                member["client_host"].lstrip("/"),
                _assigned(member["member_assignment"]),
            )
            for member in described["members"]
        ]

    def _describe_group(self, group: str) -> dict[str, Any]:
        described: dict[str, Any] = self._client.describe_groups([group])[group]
        error = described["error"]
        if error and not error.startswith(f"[Error {GroupIdNotFoundError.errno}]"):
            raise KafkaUnavailable(f"describing group {group} failed: {error}")
        return described

    def first_offsets(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The first offset that Kafka still holds of each."""
        return self._offsets(partitions, OffsetSpec.EARLIEST)

    def end_offsets(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The offset up to which each can be read now: behind its last record, before an open transaction."""
        return self._offsets(partitions, OffsetSpec.LATEST)

    def settled_ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """`end_offsets`, once every transaction that is open now has ended: nothing written before the call is hidden.

        Raises KafkaUnavailable when one does not end for `patience_s`.
        """
        partitions = list(partitions)
        wanted = self._offsets(partitions, OffsetSpec.LATEST, IsolationLevel.READ_UNCOMMITTED)
        deadline = Deadline(self._now_s, self._patience_s)
        while True:
            ends = self.end_offsets(partitions)
            behind = [partition for partition in partitions if ends[partition] < wanted[partition]]
            if not behind:
                return ends
            if deadline.is_over:
                raise KafkaUnavailable(
                    f"{behind[0]}: a transaction has been open for {self._patience_s:g} s, and hides what is behind it"
                )
            self._sleep(PAUSE_S)

    def _offsets(
        self,
        partitions: Iterable[Partition],
        spec: OffsetSpec,
        level: IsolationLevel = IsolationLevel.READ_COMMITTED,
    ) -> dict[Partition, int]:
        wanted = {TopicPartition(*partition): spec for partition in partitions}
        found = self._ask(
            "reading where logs start and end",
            lambda: self._client.list_partition_offsets(wanted, level) if wanted else {},
        )
        return {Partition(*tp): at.offset for tp, at in found.items()}

    def commit(self, group: str, offsets: Mapping[Partition, Committed]) -> None:
        """Commit for a group without members. Raises KafkaRefused; others of the offsets may be committed then."""
        request = {
            TopicPartition(*partition): OffsetAndMetadata(to.offset, to.metadata, -1)
            for partition, to in offsets.items()
        }
        answers = self._ask(
            f"committing for group {group}", lambda: self._client.alter_group_offsets(group, request)
        )
        refused = {Partition(*tp): error.__name__ for tp, error in answers.items() if error is not NoError}
        if refused:
            partition, error = next(iter(refused.items()))
            raise KafkaRefused(
                f"{partition}: group {group} took no offset ({error}); {len(refused)} of {len(offsets)} partitions "
                "were refused. Has a sink been started meanwhile? Stop all sinks and run the command again"
            )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, what: str, call: Callable[[], Any]) -> Any:
        deadline = Deadline(self._now_s, self._patience_s)
        while True:
            try:
                return call()
            except KafkaError as error:
                if not error.retriable:
                    refused = KafkaRefused(f"{what} failed for good: {error!r}")
                    raise (denied(error, what) or refused) from error
                failure = KafkaUnavailable(f"{what} failed for {self._patience_s:g} s: {error!r}")
            except KafkaUnavailable as error:
                failure = error
            if deadline.is_over:
                raise failure
            self._sleep(PAUSE_S)


def connect_overview(
    kafka: KafkaSettings, *, now_s: Callable[[], float], sleep: Callable[[float], object]
) -> Overview:
    """A connected Overview. Raises KafkaUnavailable, one line, when no broker answers."""
    client = connect(
        KafkaAdminClient, admin_options(kafka), timeout_s=kafka.connect_timeout_s, now_s=now_s, sleep=sleep
    )
    return Overview(client, patience_s=kafka.connect_timeout_s, now_s=now_s, sleep=sleep)


def _assigned(assignment: Any) -> tuple[Partition, ...]:
    """The partitions in a member's assignment; none while it joins."""
    topics = (assignment or {}).get("assigned_partitions", ()) if isinstance(assignment, dict) else ()
    return tuple(Partition(each["topic"], number) for each in topics for number in each["partitions"])
