"""Membership in a consumer group as exactly-once needs it: one commit attempt at a time, its outcome told apart.

One thread calls it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from kafka import TopicPartition
from kafka.errors import (
    CoordinatorNotAvailableError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from kafka.future import Future
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

from common.errors import CommitAmbiguous, CommitRefused, KafkaUnavailable, PenstockError
from common.kafka_io import internals
from common.kafka_io.futures import answered, wait_for
from common.kafka_io.listener import Notifies
from common.kafka_io.outcome import failure, is_applied, poll_error
from common.kafka_io.reader import BulkConsumer
from common.model.ranges import Committed
from common.model.record import Partition, Slab
from common.process.deadline import Deadline

CLOSE_TIMEOUT_MS = 4_000
READ_TIMEOUT_S = 8.0
READ_PAUSE_S = 0.05
JOIN_POLL_MS = 1_000  # a shorter poll() may drop a join half way (trap T2)


class Group:
    """One member of a consumer group.

    `changed` is set when the assignment moved, when a commit was refused, or after `rejoin`: everything read so far
    is void then, until `read_assignment` has read the committed offsets again (S5). `member` is what the membership was
    when that read the assignment.
    """

    def __init__(
        self,
        make_consumer: Callable[[], BulkConsumer],
        topics: Sequence[str],
        *,
        now_s: Callable[[], float],
        sleep: Callable[[float], object],
        commit_timeout_s: float,
    ) -> None:
        self._make_consumer = make_consumer
        self._topics = list(topics)
        self._now_s, self._sleep = now_s, sleep
        self._commit_timeout_s = commit_timeout_s
        self._highest_generation = self._needed_generation = -1
        self.changed, self._joined = True, False
        self._topic_ids: dict[str, uuid.UUID | None] = {}
        self.member: ConsumerGroupMetadata | None = None
        self._join()

    def _join(self) -> None:
        self._consumer = self._make_consumer()
        try:
            self._consumer.subscribe_known(self._topics, listener=Notifies(self._note_change))
        except KafkaError as error:
            self.close()
            raise failure(error, "reading the topics' partitions") from error
        self._joined = True

    def _note_change(self) -> None:
        self.changed = True

    def invalidate(self) -> None:
        """Everything read so far is void: `read_assignment` has to read what is committed again."""
        self.changed = True

    @property
    def is_stable(self) -> bool:
        """Whether this member is in the group's current generation, as far as it knows."""
        return self._joined and internals.is_stable(self._consumer)

    def topic_id(self, topic: str) -> uuid.UUID | None:
        """The id of a topic: a topic created again has another one. None while unknown."""
        found: uuid.UUID | None = internals.topic_id(self._consumer, topic)
        return found

    def size_of(self, topic: str) -> int:
        """How many partitions a topic has; 0 if the brokers, asked then, do not know it. Raises KafkaUnavailable."""
        try:
            return len(self._consumer.partitions_for_topic(topic) or ())
        except KafkaError as error:
            raise failure(error, f"looking for topic {topic}") from error

    def poll(self, wait_s: float) -> dict[Partition, list[Slab]]:
        """New slabs, waiting up to `wait_s` for the first; nothing when the assignment changed meanwhile.

        T5: kafka-python keeps the old position of a partition owned before and after a rebalance, so the records of
        the very poll() in which it ended are discarded; `read_assignment` seeks them anew.
        Raises KafkaUnavailable, KafkaRefused when a right is missing, UnreadableBatch; `changed` is also set
        when offsets are missing and when a topic was created anew.
        """
        if not self._joined:
            self._join()
        wait_ms = wait_s * 1000 if self.is_stable else JOIN_POLL_MS
        try:
            slabs = self._consumer.poll(wait_ms)
        except (NoOffsetForPartitionError, OffsetOutOfRangeError):
            self.changed = True
            return {}
        except KafkaError as error:
            raise poll_error(error) from error
        self._consumer.mend_stuck_join(self._now_s())
        if any(self.topic_id(topic) not in (known, None) for topic, known in self._topic_ids.items()):
            self.changed = True
        return {} if self.changed else {Partition(*tp): run for tp, run in slabs.items()}

    def read_assignment(self) -> dict[Partition, Committed | None]:
        """What is assigned to us and committed for it, None where nothing is; seeks every partition to it.

        After `rejoin` it answers only under a higher generation than before (R1): late copies of older commits are
        fenced then. Raises KafkaUnavailable, KafkaDenied; `changed` stays set until it has succeeded.
        """
        if not self.is_stable:
            raise KafkaUnavailable("the group is rebalancing")
        self.member = self._consumer.group_metadata()  # X4: a later one may be nobody's
        generation = self.member.generation_id
        if generation < self._needed_generation:
            self.rejoin()
            raise KafkaUnavailable(
                f"generation {generation} is not newer than the one of an ambiguous commit"
            )
        self._highest_generation = max(self._highest_generation, generation)
        self.changed = False
        partitions = self.assigned()
        self._topic_ids = {partition.topic: self.topic_id(partition.topic) for partition in partitions}
        try:
            committed = self.read_committed(partitions)
        except PenstockError:
            self.changed = True
            raise
        for partition, found in committed.items():
            if found is not None:
                self.seek(partition, found.offset)
        return committed

    def assigned(self) -> list[Partition]:
        """The partitions that are ours now, as far as this member knows."""
        return [Partition(*tp) for tp in self._consumer.assignment()]

    def read_committed(self, partitions: Sequence[Partition]) -> dict[Partition, Committed | None]:
        """What is committed now for partitions of ours, None where nothing is.

        Raises KafkaUnavailable, KafkaDenied; KafkaUnavailable also when the assignment moved while it was asked.
        """
        tps = [TopicPartition(*partition) for partition in partitions]
        try:
            found = self._ask_committed(tps) if tps else {}
        except KafkaError as error:
            raise failure(error, "reading committed offsets") from error
        if self.changed:
            raise KafkaUnavailable("the assignment moved while committed offsets were read")
        return {
            partition: Committed(found[tp].offset, found[tp].metadata or "")
            if tp in found and found[tp].offset >= 0
            else None
            for partition, tp in zip(partitions, tps, strict=True)
        }

    def _ask_committed(self, tps: list[TopicPartition]) -> dict[TopicPartition, OffsetAndMetadata]:
        """T7: one request of our own, sent again for READ_TIMEOUT_S when it fails; raises what kafka-python raises.

        kafka-python's `committed()` keeps answers that came too late, and serves them whenever the same partitions
        are asked for again, hours later too.
        """
        deadline = Deadline(self._now_s, READ_TIMEOUT_S)
        while True:
            future = internals.send_offset_fetch(self._consumer, tps)
            try:
                found: dict[TopicPartition, OffsetAndMetadata] = wait_for(future, deadline.left_s)
                return found
            except KafkaError as error:
                if not error.retriable or deadline.is_over:
                    raise
                if isinstance(error, CoordinatorNotAvailableError):
                    internals.look_up_coordinator(self._consumer)
            self._sleep(READ_PAUSE_S)

    def commit(
        self, offsets: Mapping[Partition, Committed], meanwhile: Callable[[], None] | None = None
    ) -> bool:
        """One attempt to commit, waited for; `meanwhile` runs while it travels and must not poll (S4).

        True: applied. False: it never left, the coordinator is unknown; try again later. Raises CommitRefused (not
        applied, the group moved on) or CommitAmbiguous (R1: `rejoin` is the only way on).
        """
        if self.changed:
            raise CommitRefused("the assignment changed")
        request = {
            TopicPartition(*at): OffsetAndMetadata(to.offset, to.metadata, -1) for at, to in offsets.items()
        }
        future = internals.send_offset_commit(self._consumer, request)  # T1
        answer = answered(future)
        if meanwhile:
            meanwhile()
        if not answer.wait(self._commit_timeout_s):
            raise CommitAmbiguous(f"no answer within {self._commit_timeout_s:g} s")
        return self._applied(future)

    def _applied(self, future: Future) -> bool:
        try:
            applied = is_applied(future.exception, future.value)
        except CommitRefused:
            self.changed = True
            raise
        if not applied:
            internals.look_up_coordinator(self._consumer)
        return applied

    def rejoin(self) -> None:
        """Leave the group and join as a new member (R1), after waiting, bounded, for the coordinator.

        LeaveGroup has to be delivered, so that late copies of our commits are refused from then on.
        Raises KafkaUnavailable when no broker answers; `changed` is set.
        """
        self.changed = True
        self._needed_generation = self._highest_generation + 1
        self._await_coordinator()
        self.close()
        self._join()  # if that fails, the next poll() tries again

    def _await_coordinator(self) -> None:
        """Wait, bounded, for an answer, not just an address: until they fail over, brokers name the one that died."""
        try:
            self._ask_committed([TopicPartition(self._topics[0], 0)])
        except KafkaError:
            pass  # refused is an answer, too; and if none came, the generation number will tell

    def log_end(self, partition: Partition) -> int:
        """Where the log of a partition of ours ended when it was last read; 0 before. Asks nobody."""
        try:
            return self._consumer.highwater(TopicPartition(*partition)) or 0
        except (IllegalStateError, KeyError):  # taken away meanwhile
            self.changed = True
            return 0

    def seek(self, partition: Partition, offset: int) -> None:
        """Fetch from `offset` next. Raises KafkaUnavailable when the partition was taken away meanwhile."""
        try:
            self._consumer.seek(TopicPartition(*partition), offset)
        except (ValueError, KeyError):
            self.changed = True
            raise KafkaUnavailable(f"{partition} was taken away meanwhile") from None

    def read_only(self, wanted: Collection[Partition]) -> None:
        """Fetch from these of our partitions and pause all others.

        The client knows what is paused: a partition owned before and after a rebalance stays so, others do not.
        """
        ours, paused = self._consumer.assignment(), self._consumer.paused()
        try:
            self._consumer.pause(*(tp for tp in ours - paused if tp not in wanted))
            self._consumer.resume(*(tp for tp in ours & paused if tp in wanted))
        except KeyError:  # one was taken away meanwhile
            self.changed = True

    def bound_unpacking(self, partition: Partition, until_offset: int, limit_bytes: int | None) -> None:
        """Let record batches below `until_offset` unpack to that size, whatever the setting says; None: as it says."""
        self._consumer.bound_unpacking(TopicPartition(*partition), until_offset, limit_bytes)

    def first_offsets(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The first offset that Kafka still holds of each. Raises KafkaUnavailable."""
        return self._offsets(self._consumer.beginning_offsets, partitions)

    def end_offsets(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The offset after the last committed record of each. Raises KafkaUnavailable."""
        return self._offsets(self._consumer.end_offsets, partitions)

    def _offsets(self, ask: Callable, partitions: Iterable[Partition]) -> dict[Partition, int]:
        tps = [TopicPartition(*partition) for partition in partitions]
        if not tps:
            return {}
        try:
            found = ask(tps, timeout_ms=READ_TIMEOUT_S * 1000)
        except KafkaError as error:
            raise failure(error, "reading where logs start and end") from error
        except KeyError as unknown:  # T9: kafka-python leaves out a partition without a known leader
            raise KafkaUnavailable(f"the leader of {Partition(*unknown.args[0])} is not known yet") from None
        return {Partition(*tp): offset for tp, offset in found.items()}

    def close(self) -> None:
        """Leave the group, within a bound: a close during a rebalance could block for long."""
        self._joined = False
        try:
            self._consumer.close(timeout_ms=CLOSE_TIMEOUT_MS)
        except (KafkaError, RuntimeError):
            pass  # the broker evicts us after the session timeout
