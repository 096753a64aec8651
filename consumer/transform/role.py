"""Transforms as the role of a group's member: topic → topic, outputs and offsets in one Kafka transaction."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

from common.errors import FeedBlocked, KafkaUnavailable, OutputRefused, TransactionLost
from common.kafka_io.transactions import Transactions
from common.model.headers import source_of
from common.model.ranges import Committed
from common.model.record import Partition, Slab
from common.process.deadline import Deadline
from consumer.member.role import Blocked, Role
from consumer.metrics import TransformMetrics
from consumer.transform.opening import Members, Opened, Opening
from consumer.transform.outbox import Outbox
from consumer.transform.place import BadMessage, Place
from consumer.transform.waiting import Limits, Waiting
from consumer.transform.work import Run

log = logging.getLogger(__name__)

IDLE_WAIT_S = 0.05


class Membership(Members, Protocol):
    """What is needed of the group in addition."""

    member: Any
    """What the membership was when the assignment was read."""

    def log_end(self, partition: Partition) -> int:
        """Where its log ended when it was read last."""
        ...


class TransformRole(Role):
    """Keeps a place for each partition, and moves all of them on in one transaction after the other."""

    counts = "messages"

    def __init__(
        self,
        group: Membership,
        opening: Opening,
        transactions: Transactions,
        outbox: Outbox,
        metrics: TransformMetrics,
        limits: Limits,
        group_name: str,
        now_s: Callable[[], float],
    ) -> None:
        self._group, self._opening = group, opening
        self._transactions, self._outbox = transactions, outbox
        self._metrics, self._limits = metrics, limits
        self._group_name, self._now_s = group_name, now_s
        self._places: dict[Partition, Place] = {}
        self._refused: dict[str, FeedBlocked] = {}
        self._waiting = Waiting(limits, now_s)
        self._done = 0

    def open(self) -> Sequence[Blocked]:
        """Fence who had these partitions before, then begin where the group's commits say (I1)."""
        assigned = sorted(self._group.assigned())
        ids = [f"{self._group_name}-{partition.topic}-{partition.partition}" for partition in assigned]
        if ids:
            self._transactions.fence(ids[1:])  # I2: of all that are ours, whatever we had
            self._transactions.open(ids[0])
        opened = self._opening.open_all()
        if sorted(self._group.assigned()) != assigned:
            raise KafkaUnavailable("the assignment moved while it was begun with")
        blocked = self._take_over(opened)
        return blocked + [Blocked(topic, error) for topic, error in self._refused.items()]

    def reopen(self, topic: str) -> FeedBlocked | None:
        """Begin again with the partitions of a topic, where the group's commits say."""
        self._refused.pop(topic, None)
        self._forget(topic)
        blocked = self._take_over(self._opening.open_topic(topic))
        return next((each.error for each in blocked if each.topic == topic), None)

    def _take_over(self, opened: Opened) -> list[Blocked]:
        self._places.update(opened.places)
        return [Blocked(topic, error) for topic, error in opened.blocked.items()]

    def park(self, topic: str, reason: str) -> None:
        """What was made of the topic and not committed is void."""
        self._forget(topic)

    def _forget(self, topic: str) -> None:
        self._places = {at: place for at, place in self._places.items() if at.topic != topic}
        self._waiting.forget(topic)

    def drop(self) -> None:
        """Forget everything; the next transaction is that of another producer (T8)."""
        self._transactions.throw_away()
        self._places.clear()
        self._waiting.clear()

    def hungry(self) -> set[Partition]:
        """All that do not stand still, while the next transaction has room."""
        return set() if self._waiting.is_full else set(self._places)

    def await_work(self) -> float:
        """Until the transaction is due."""
        return min(IDLE_WAIT_S, self._waiting.due_in_s)

    def take(self, slabs: Mapping[Partition, list[Slab]], log_end: Callable[[Partition], int]) -> None:
        """Messages for the next transaction."""
        self._waiting.add(slabs, self._places)

    def step(self, now_s: float) -> Sequence[Blocked]:
        """The next transaction, if it is due."""
        if not self._waiting.is_due(now_s):
            return []
        blocked = [*self._work(now_s), *self._tick(now_s)]
        stopped = {topic for topic, _ in blocked}
        places = [
            place
            for at, place in self._places.items()
            if at.topic not in stopped and place.has_news and not place.work.is_behind
        ]
        if places:
            blocked += self._transact(places)
            self._waiting.note_committed()
        return blocked

    def _work(self, now_s: float) -> Iterator[Blocked]:
        """Let every place take what has come for it."""
        stopped = set()
        for partition, slab in self._waiting.take_all():
            if partition.topic in stopped:
                continue
            try:
                self._give(self._places[partition], slab, now_s)
            except FeedBlocked as error:
                stopped.add(partition.topic)
                yield Blocked(partition.topic, error)

    def _give(self, place: Place, slab: Slab, now_s: float) -> None:
        if slab.start != place.position:
            raise AssertionError(f"{place.partition}: slab at {slab.start}, expected {place.position}")
        made = place.work.take(_run_of(slab, place.work.needs_upstreams), now_s)
        place.position = slab.next_offset
        place.messages += len(slab.offsets) - bisect_left(slab.offsets, place.read)
        place.late += made.late
        if made.outputs.values:
            place.outputs.append(made.outputs)
        place.dead += [BadMessage(slab.record(index), reason) for index, reason in sorted(made.bad.items())]
        self._refuse_flood(place, made.bad, len(slab))

    def _refuse_flood(self, place: Place, bad: Collection[int], messages: int) -> None:
        if not bad:
            place.bad_run = 0 if messages else place.bad_run
            return
        for index in range(messages):
            place.bad_run = place.bad_run + 1 if index in bad else 0
            if place.bad_run > self._limits.bad_messages:
                raise FeedBlocked(
                    f"{place.partition}: more than {self._limits.bad_messages:,} bad messages in a row up to offset "
                    f"{place.position} (DEAD_LETTER_LIMIT), the last one: {place.dead[-1].reason}. Mend the producer "
                    "or the stream file, or raise the limit, and restart"
                )

    def _tick(self, now_s: float) -> Iterator[Blocked]:
        """What is due because time has passed."""
        for partition, place in self._places.items():
            is_at_end = 0 < self._group.log_end(partition) <= place.position  # 0: nothing was read yet
            try:
                outputs = place.work.tick(now_s, is_at_end=is_at_end)
            except FeedBlocked as error:
                yield Blocked(partition.topic, error)
            else:
                if outputs.values:
                    place.outputs.append(outputs)

    def _transact(self, places: Sequence[Place]) -> list[Blocked]:
        """One transaction: data, acknowledged, then offsets and end. Raises TransactionLost, KafkaDenied."""
        commits, blocked = {}, []
        for place in places:
            try:
                commits[place.partition] = place.next_commit()
            except FeedBlocked as error:
                blocked.append(Blocked(place.partition.topic, error))
        stopped = {topic for topic, _ in blocked}
        places = [place for place in places if place.partition.topic not in stopped]
        if not places:
            return blocked
        started_s = self._now_s()
        try:
            self._send(places, {place.partition: commits[place.partition][0] for place in places})
        except TransactionLost:
            self._waiting.note_lost()
            raise
        self._metrics.transactions.inc()
        self._metrics.transaction_seconds.observe(self._now_s() - started_s)
        for place in places:
            self._note_commit(place)
            place.note_commit(*commits[place.partition])
        return blocked

    def _send(self, places: Sequence[Place], offsets: Mapping[Partition, Committed]) -> None:
        self._transactions.begin()
        for place in places:
            self._outbox.send(place)
        try:
            self._transactions.flush()
        except OutputRefused as refused:
            self._note_refusal(refused, places)
            raise
        self._transactions.commit(offsets, self._group.member)

    def _note_commit(self, place: Place) -> None:
        name = place.of.name
        self._done += place.messages
        self._metrics.messages.labels(name).inc(place.messages)
        self._metrics.outputs.labels(name).inc(sum(map(len, place.outputs)))
        self._metrics.late.labels(name).inc(place.late)
        for bad in place.dead:
            self._metrics.dead_letters.labels(name, bad.reason.kind.value).inc()
        if place.dead:
            log.warning(
                "messages go to the dead-letter topic",
                extra={
                    "topic": place.of.transform.dead_topic,
                    "messages": len(place.dead),
                    "partition": str(place.partition),
                    "first_offset": place.dead[0].record.offset,
                    "first_reason": str(place.dead[0].reason),
                },
            )

    def _note_refusal(self, refused: OutputRefused, places: Sequence[Place]) -> None:
        """Park the sources of what a topic will not take; a dead letter is tried again without its message first."""
        is_dead_topic = any(place.of.transform.dead_topic == refused.topic for place in places)
        if is_dead_topic and self._outbox.shorten(refused.topic):
            return
        for place in places:
            transform = place.of.transform
            if refused.topic in (transform.target, transform.dead_topic):
                self._refused[transform.source] = FeedBlocked(
                    f"{refused.topic} does not take what {place.of.name} writes: {refused}"
                )

    def finish(self, deadline: Deadline) -> None:
        """Nothing is under way between two steps; what was only read is read again by whoever comes next."""

    @property
    def committed(self) -> Mapping[Partition, int]:
        """Up to where messages are done."""
        return {at: place.read for at, place in self._places.items() if place.committed is not None}

    @property
    def working(self) -> Sequence[Partition]:
        """The partitions that do not stand still."""
        return sorted(self._places)

    @property
    def done(self) -> int:
        """Messages done and committed since the start."""
        return self._done


def _run_of(slab: Slab, needs_upstreams: bool) -> Run:
    times, upstreams = slab.times_and(source_of if needs_upstreams else None)
    return Run(slab.start, slab.next_offset, slab.values, slab.offsets, times, upstreams)
