"""Carries batches through intent, INSERT and commit. The package says what goes wrong, and why nothing is lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from common.errors import BlockTooBig, ClickHouseUnavailable, FeedBlocked, UnreadableBatch
from common.model.ranges import Committed
from common.model.record import Partition, Record
from common.model.stream import Feed
from common.process.retry import delay_s
from consumer.intent import Intent
from consumer.metrics import SinkMetrics
from consumer.sink.batch import DeadLetter
from consumer.sink.inserter import Inserter, Result
from consumer.sink.insertion import Acknowledgement, Job
from consumer.sink.lane import Commit, Lane
from consumer.sink.recovery import Outcome

log = logging.getLogger(__name__)

SAME_SIZE_TRIES = 5
LEAD_DECAY = 0.98  # a batch: slow ones come now and then, and are what the p99 of freshness is made of
FROZEN_COPY_S = 3.0
"""C2: a client frozen in mid-INSERT keeps the query id for minutes; past this the copy gets an id of its own."""


class Commits(Protocol):
    """What is needed of `common.kafka_io.group.Group` to commit."""

    def commit(
        self, offsets: Mapping[Partition, Committed], meanwhile: Callable[[], None] | None = None
    ) -> bool:
        """One attempt, waited for."""


class LetterBox(Protocol):
    """What is needed of `common.kafka_io.dead_letters.DeadLetters`."""

    def send(
        self, record: Record, source: Partition, topic_id: str, reason: str, dead_topic: str
    ) -> Acknowledgement:
        """Send one dead letter."""


class Sink:
    """Carries batches through intent, INSERT and commit. Main thread only; the loop feeds it.

    `blocked` is called when a feed cannot go on; `jitter` gives random numbers in [0, 1).
    """

    def __init__(
        self,
        commits: Commits,
        inserter: Inserter,
        letters: LetterBox,
        metrics: SinkMetrics,
        *,
        instance: str,
        blocked: Callable[[Feed, FeedBlocked], None],
        jitter: Callable[[], float],
    ) -> None:
        self._commits, self._inserter, self._letters, self._metrics = commits, inserter, letters, metrics
        self._instance, self._blocked, self._jitter = instance, blocked, jitter
        self.lanes: dict[Partition, Lane] = {}
        self.stored_rows = 0
        self._letters_sent: dict[tuple[str, int, int], Acknowledgement] = {}
        self._failed_s = -1.0
        self.lead_s = 0.0
        """How long batches took lately from being cut to being stored, the slow ones remembered longer."""

    def drop(self) -> None:
        """S5: forget every lane and all that was read for it; their jobs stop before the next statement."""
        for partition in list(self.lanes):
            self.replace(partition, None)
        self._letters_sent.clear()

    def replace(self, partition: Partition, lane: Lane | None) -> None:
        """Put a fresh lane, or none, in the place of one if there is one."""
        before = self.lanes.pop(partition, None)
        for job in before.jobs() if before is not None else []:
            job.cancelled = True
        if lane is not None:
            self.lanes[partition] = lane

    def step(self, now_s: float) -> None:
        """Take results in, commit what may be committed, send what is named. Raises CommitRefused, CommitAmbiguous."""
        for result in self._inserter.results():
            self._take(result, now_s)
        self._commit(now_s)
        for lane in list(self.lanes.values()):
            if lane.flying is not None:
                self._send(lane, lane.flying, now_s)

    def _commit(self, now_s: float) -> None:
        """All lanes that are due share one request. What it names may be sent once it is acknowledged (S1)."""
        wanted = {}
        for lane in self.lanes.values():
            if commit := lane.wanted_commit(now_s):
                wanted[lane] = commit
        if not wanted:
            return
        offsets = {lane.partition: Committed(to.offset, to.intent.encode()) for lane, to in wanted.items()}
        problems: list[tuple[Feed, UnreadableBatch]] = []
        if self._commits.commit(offsets, meanwhile=lambda: self._gather(now_s, problems)):
            self._applied(wanted, now_s)
        for feed, problem in problems:
            self._blocked(feed, problem)

    def _applied(self, wanted: Mapping[Lane, Commit], now_s: float) -> None:
        for lane, commit in wanted.items():
            if lane.flying is not None and lane.flying.is_done:
                self._count(lane.flying, now_s)
                log.debug("a range is committed", extra=_about(lane.flying, lane.flying.intent))
            if commit.named is not None:
                log.debug("a range is named", extra=_about(commit.named, commit.intent))
            lane.applied(commit)

    def _gather(self, now_s: float, problems: list[tuple[Feed, UnreadableBatch]]) -> None:
        """Decode while a commit travels; feeds that cannot go on are told when its answer is known."""
        for lane in self.lanes.values():
            try:
                lane.gather(now_s)
                lane.buffer.decode()
            except UnreadableBatch as problem:
                problems.append((lane.feed, problem))

    def _send(self, lane: Lane, job: Job, now_s: float) -> None:
        if job.batch.dead and not job.dead_letters:
            self._send_dead_letters(lane.feed, job)
        for letter in job.dead_letters:
            if letter.error:
                self._blocked(
                    lane.feed, FeedBlocked(f"{lane.feed.dead_topic} does not take a message: {letter.error}")
                )
                return
        if job.stored or job.submitted or job.wants or now_s < job.not_before_s:
            return
        if job.batch.blocks:
            self._inserter.submit(job)
        else:
            job.stored = True

    def _send_dead_letters(self, feed: Feed, job: Job) -> None:
        dead = job.batch.dead
        job.dead_letters = [self._letter(feed, job, letter) for letter in dead]  # all or none
        log.warning(
            "messages go to the dead-letter topic",
            extra={
                "topic": feed.dead_topic,
                "messages": len(dead),
                "partition": str(job.partition),
                "first_offset": dead[0].record.offset,
                "first_reason": str(dead[0].reason),
            },
        )

    def _letter(self, feed: Feed, job: Job, dead: DeadLetter) -> Acknowledgement:
        """A letter under way; one that is acknowledged already serves again, however often its feed is tried again."""
        address = (job.intent.topic, job.partition.partition, dead.record.offset)
        letter = self._letters_sent.get(address)
        if letter is None or not letter.is_acknowledged:
            letter = self._letters.send(
                dead.record, job.partition, job.intent.topic, str(dead.reason), feed.dead_topic
            )
            self._letters_sent[address] = letter
        return letter

    def _take(self, result: Result, now_s: float) -> None:
        job, lane = result.job, self.lanes.get(result.job.partition)
        if job.cancelled or lane is None or lane.flying is not job:
            return
        if result.error is None:
            self._take_outcome(job, result, now_s)
        elif isinstance(result.error, ClickHouseUnavailable):
            self._try_later(lane, job, result.error, now_s)
        elif isinstance(result.error, FeedBlocked):
            self._blocked(lane.feed, result.error)
        else:
            raise result.error

    def _take_outcome(self, job: Job, result: Result, now_s: float) -> None:
        self._metrics.insert_seconds.labels(job.partition.topic).observe(result.took_s)
        if result.outcome is Outcome.STORED:
            job.stored = True
            log.debug("a range is stored", extra=_about(job, job.intent))
            if job.cut_s > self._failed_s:  # else it waited for what failed
                took_s = now_s - job.cut_s
                self.lead_s = max(took_s, LEAD_DECAY * self.lead_s + (1 - LEAD_DECAY) * took_s)
        elif result.outcome is Outcome.NEXT_ATTEMPT:
            self._next_attempt(job)

    def _next_attempt(self, job: Job) -> None:
        """R4: only what an acknowledged commit names may be sent, so the attempt is named first."""
        pieces = min(job.intent.pieces * 2, _span(job)) if job.burn else job.intent.pieces
        job.wants = job.intent.retry(pieces=pieces)
        job.burn, job.too_big, job.verify = False, 0, True
        log.warning("rows of a range are missing, its next attempt is named", extra=_about(job, job.wants))

    def _try_later(self, lane: Lane, job: Job, error: ClickHouseUnavailable, now_s: float) -> None:
        job.failures, self._failed_s = job.failures + 1, now_s
        job.verify, job.submitted = True, False
        job.not_before_s = now_s + delay_s(job.failures, jitter=self._jitter())
        job.failing_since_s = now_s if job.failing_since_s is None else job.failing_since_s
        if now_s - job.failing_since_s > FROZEN_COPY_S:
            job.query_suffix = f"~{self._instance}.{job.failures}"
        self._metrics.retries.labels("insert").inc()
        log.warning(
            "an INSERT is tried again",
            extra={**_about(job, job.intent), "failures": job.failures, "reason": str(error)},
        )
        if isinstance(error, BlockTooBig):
            job.too_big += 1
        if job.too_big >= SAME_SIZE_TRIES and not job.burn:
            self._make_smaller(lane, job)

    def _make_smaller(self, lane: Lane, job: Job) -> None:
        if job.intent.pieces >= _span(job):
            at = f"{job.partition} offset {job.batch.first}"
            self._blocked(lane.feed, FeedBlocked(f"{at}: ClickHouse cannot take even one message at a time"))
        else:
            job.burn = True

    def _count(self, job: Job, now_s: float) -> None:
        topic = job.partition.topic
        self.stored_rows += job.batch.rows
        self._metrics.rows.labels(topic).inc(job.batch.rows)
        self._metrics.bytes.labels(topic).inc(job.batch.payload_bytes)
        self._metrics.batches.labels(topic).inc()
        for letter in job.batch.dead:
            self._metrics.dead_letters.labels(topic, letter.reason.kind.value).inc()
            self._letters_sent.pop((job.intent.topic, job.partition.partition, letter.record.offset), None)
        self._metrics.batch_age_seconds.labels(topic).observe(max(0.0, now_s - job.batch.born_s))


def _span(job: Job) -> int:
    """The most pieces a range can be cut into."""
    return job.batch.next - job.batch.first


def _about(job: Job, intent: Intent) -> dict[str, object]:
    return {
        "partition": str(job.partition),
        "first": job.batch.first,
        "next": job.batch.next,
        "attempt": intent.attempt,
        "pieces": intent.pieces,
    }
