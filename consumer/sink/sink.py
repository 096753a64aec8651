"""Carries batches through intent, INSERT and commit. The package says what goes wrong, and why nothing is lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from common.commits.intent import Intent
from common.errors import BlockTooBig, ClickHouseUnavailable, FeedBlocked, UnreadableBatch
from common.model.ranges import Committed
from common.model.record import Partition
from consumer.member.role import Blocked
from consumer.metrics import SinkMetrics
from consumer.sink.cutting import Lead
from consumer.sink.inserter import Result
from consumer.sink.insertion import Insertion
from consumer.sink.lane import Commit, Lane
from consumer.sink.lanes import Lanes
from consumer.sink.letters import LetterBox, Letters
from consumer.sink.recovery import Outcome

log = logging.getLogger(__name__)


class Commits(Protocol):
    """What is needed of `common.kafka_io.group.Group` to commit."""

    def commit(
        self, offsets: Mapping[Partition, Committed], meanwhile: Callable[[], None] | None = None
    ) -> bool:
        """One attempt, waited for."""


class Inserts(Protocol):
    """What is needed of `consumer.sink.inserter.Inserter`."""

    def submit(self, insertion: Insertion) -> None:
        """Queue it; its result comes out of `results` later."""

    def results(self) -> list[Result]:
        """Every result that is there."""


class Sink:
    """Moves the lanes on. Main thread only. `jitter` gives random numbers in [0, 1)."""

    def __init__(
        self,
        lanes: Lanes,
        commits: Commits,
        inserter: Inserts,
        letters: LetterBox,
        metrics: SinkMetrics,
        *,
        instance: str,
        jitter: Callable[[], float],
    ) -> None:
        self.lanes = lanes
        self._commits, self._inserter, self._letters = commits, inserter, Letters(letters)
        self._metrics, self._instance, self._jitter = metrics, instance, jitter
        self._blocked: list[Blocked] = []
        self._lead, self._failed_s = Lead(), -1.0
        self.stored_rows = 0

    @property
    def lead_s(self) -> float:
        """How long batches took lately from being cut to being stored."""
        return self._lead.lead_s

    @property
    def blocked(self) -> list[Blocked]:
        """What the next step will tell first."""
        return list(self._blocked)

    def drop(self) -> None:
        """S5: forget every lane and all that was read for it; their insertions stop before the next statement."""
        self.lanes.drop()
        self._letters.forget_all()
        self._blocked.clear()

    def block(self, blocked: Iterable[Blocked]) -> None:
        """The next step returns these, and does nothing else."""
        self._blocked.extend(blocked)

    def step(self, now_s: float) -> list[Blocked]:
        """Take results in, commit what may be committed, send what is named; which topics cannot go on.

        Raises CommitRefused, CommitAmbiguous, KafkaUnavailable; what is blocked is then told by the next step.
        """
        if not self._blocked:
            for result in self._inserter.results():
                self._take(result, now_s)
            self._commit(now_s)
            for lane in self.lanes:
                if lane.named is not None:
                    self._send(lane, lane.named, now_s)
        blocked, self._blocked = self._blocked, []
        return blocked

    def _commit(self, now_s: float) -> None:
        """All lanes that are due share one request. What it names may be sent once it is acknowledged (S1)."""
        wanted = {}
        for lane in self.lanes:
            if commit := lane.wanted_commit(now_s):
                wanted[lane] = commit
        if not wanted:
            return
        offsets = {lane.partition: Committed(to.offset, to.intent.encode()) for lane, to in wanted.items()}
        if self._commits.commit(offsets, meanwhile=lambda: self._gather(now_s)):
            self._applied(wanted, now_s)

    def _applied(self, wanted: Mapping[Lane, Commit], now_s: float) -> None:
        for lane, commit in wanted.items():
            if lane.named is not None and lane.named.is_done:
                self._count(lane.named, now_s)
                log.debug("a range is committed", extra=_about(lane.named, lane.named.intent))
            if commit.named is not None:
                log.debug("a range is named", extra=_about(commit.named, commit.intent))
            lane.applied(commit)

    def _gather(self, now_s: float) -> None:
        """Decode while a commit travels."""
        for lane in self.lanes:
            try:
                lane.gather(now_s)
                lane.buffer.decode()
            except UnreadableBatch as problem:
                self._block(lane, problem)

    def _block(self, lane: Lane, error: FeedBlocked) -> None:
        self._blocked.append(Blocked(lane.feed.topic, error))

    def _send(self, lane: Lane, insertion: Insertion, now_s: float) -> None:
        self._letters.send(lane.feed, insertion)
        for letter in insertion.letters:
            if letter.error:
                problem = f"{lane.feed.dead_topic} does not take a message: {letter.error}"
                self._block(lane, FeedBlocked(problem))
                return
        if not insertion.may_send(now_s):
            return
        if insertion.batch.blocks:
            insertion.send()
            self._inserter.submit(insertion)
        else:
            insertion.succeed()

    def _take(self, result: Result, now_s: float) -> None:
        insertion, lane = result.insertion, self.lanes.get(result.insertion.partition)
        if insertion.is_cancelled or lane is None or lane.named is not insertion:
            return
        if result.error is None:
            self._take_outcome(insertion, result, now_s)
        elif isinstance(result.error, ClickHouseUnavailable):
            self._try_later(lane, insertion, result.error, now_s)
        elif isinstance(result.error, FeedBlocked):
            self._block(lane, result.error)
        else:
            raise result.error

    def _take_outcome(self, insertion: Insertion, result: Result, now_s: float) -> None:
        self._metrics.insert_seconds.labels(insertion.partition.topic).observe(result.took_s)
        if result.outcome is Outcome.STORED:
            insertion.succeed()
            log.debug("a range is stored", extra=_about(insertion, insertion.intent))
            if insertion.cut_s > self._failed_s:  # else it waited for what failed
                self._lead.note(now_s - insertion.cut_s)
        elif result.outcome is Outcome.NEXT_ATTEMPT:
            insertion.use_up()
            assert insertion.next_intent is not None
            log.warning(
                "rows of a range are missing, its next attempt is to be named",
                extra=_about(insertion, insertion.next_intent),
            )

    def _try_later(
        self, lane: Lane, insertion: Insertion, error: ClickHouseUnavailable, now_s: float
    ) -> None:
        self._failed_s = now_s
        insertion.fail(
            now_s,
            instance=self._instance,
            is_too_big=isinstance(error, BlockTooBig),
            jitter=self._jitter(),
        )
        self._metrics.retries.labels("insert").inc()
        log.warning(
            "an INSERT is tried again",
            extra={
                **_about(insertion, insertion.intent),
                "failures": insertion.failures,
                "reason": str(error),
            },
        )
        if insertion.is_too_big and insertion.can_split:
            insertion.split()
        elif insertion.is_too_big:
            at = f"{insertion.partition} offset {insertion.batch.first}"
            self._block(lane, FeedBlocked(f"{at}: ClickHouse cannot take even one message at a time"))

    def _count(self, insertion: Insertion, now_s: float) -> None:
        batch, topic = insertion.batch, insertion.partition.topic
        self.stored_rows += batch.rows
        self._metrics.rows.labels(topic).inc(batch.rows)
        self._metrics.bytes.labels(topic).inc(batch.payload_bytes)
        self._metrics.batches.labels(topic).inc()
        self._metrics.cuts.labels(topic, batch.cut.value).inc()
        for letter in batch.dead:
            self._metrics.dead_letters.labels(topic, letter.reason.kind.value).inc()
        self._letters.forget(insertion)
        self._metrics.batch_age_seconds.labels(topic).observe(max(0.0, now_s - batch.born_s))


def _about(insertion: Insertion, intent: Intent) -> dict[str, object]:
    return {
        "partition": str(insertion.partition),
        "first": insertion.batch.first,
        "next": insertion.batch.next,
        "attempt": intent.attempt,
        "pieces": intent.pieces,
    }
