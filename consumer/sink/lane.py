"""One partition of a sink: what was read, what is on its way, what may be committed next. Pure.

pending slabs → buffer → ready job → flying job (named in a commit, then inserted) → committed offset
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from common.errors import DataExpired
from common.model.record import Partition, Slab
from common.model.stream import Feed
from consumer.intent import Intent
from consumer.rows import Check
from consumer.sink.batch import Buffer, Limits
from consumer.sink.insertion import Job

LARGEST_LEAD = 0.25
"""A batch is cut so much of its age early at most, however long INSERTs take."""

LATE_AGES = 3
"""A lane that is behind its log waits so many ages for a full batch, for what it reads is late whatever it does.

Behind an open transaction, too: the log ends after it, and nothing can be read before it ends."""

COALESCE_S = 0.05
"""How long an acknowledged batch waits for the next one, so that one commit serves both."""


class Commit(NamedTuple):
    """What a lane wants committed."""

    offset: int
    intent: Intent
    named: Job | None  # the job that may be sent once this is acknowledged


class Lane:
    """The state of one partition between two rebalances.

    `standing` is the intent found in the committed offset: when it names a range, that very range is rebuilt first
    (S3). `committed` and `standing` always say what the last acknowledged commit said. `parked` is the reason while
    the feed stands still.
    """

    def __init__(
        self,
        feed: Feed,
        partition: Partition,
        tp: int,
        committed: int,
        standing: Intent,
        limits: Limits,
        bad_run: int = 0,
        *,
        check: Check | None = None,
    ) -> None:
        self.feed, self.partition, self.tp = feed, partition, tp
        self.committed, self.standing = committed, standing
        self._idle = replace(
            standing,
            next=None,
            attempt=1,
            pieces=1,
            parked="",
            max_unpacked_bytes=limits.unpacked_bytes,
            max_message_rows=limits.message_rows,
        )
        self._planned = replace(standing, parked="") if standing.next is not None else None
        self.pending: deque[Slab] = deque()
        self.log_end = 0
        self._limits = limits
        self._check = check
        self.buffer = Buffer(feed, partition, tp, committed, limits, bad_run=bad_run, check=check)
        if self._planned is not None:  # the range was named under a limit of its own
            self.buffer.maker.message_rows = standing.max_message_rows
        self.ready: Job | None = None
        self.flying: Job | None = None
        self.parked = ""
        self._has_cut = False
        self._finished_s: float | None = None

    @property
    def position(self) -> int:
        """The offset after everything that was read."""
        return self.pending[-1].next_offset if self.pending else self.buffer.position

    @property
    def is_hungry(self) -> bool:
        """Whether more should be read: no slab waits, and the batch after the ready one has room."""
        return not self.pending and not self.parked and not self._is_complete()

    @property
    def can_work(self) -> bool:
        """Whether there is something to do without reading more."""
        if self.ready is not None and (self.flying is None or self.flying.is_done):
            return True
        return bool(self.pending) and not self._is_complete()

    @property
    def longest_bad_run(self) -> int:
        """The longest run of bad messages in what is not named yet."""
        ready = self.ready.batch.longest_bad_run if self.ready is not None else 0
        return max(ready, self.buffer.longest_bad_run)

    @property
    def first_fault(self) -> str:
        """What is wrong with the first bad message that is not named yet, as ` (the first: …)`; may be empty."""
        dead = [*(self.ready.batch.dead if self.ready is not None else ()), *self.buffer.dead]
        return f" (the first: {dead[0].reason})" if dead else ""

    @property
    def bad_run(self) -> int:
        """How many bad messages in a row end at the committed offset: where a lane opened again counts on."""
        unfinished = self.flying or self.ready
        return unfinished.batch.bad_run_before if unfinished else self.buffer.bad_run_before

    @property
    def buffered_bytes(self) -> int:
        """Bytes of columns that this lane keeps."""
        jobs = [job.batch.payload_bytes for job in (self.ready, self.flying) if job is not None]
        return self.buffer.payload_bytes + sum(jobs)

    def jobs(self) -> list[Job]:
        """The jobs of this lane that are not finished."""
        return [job for job in (self.ready, self.flying) if job is not None]

    def forget_unnamed(self) -> None:
        """Keep what is in flight only: the last thing before a stop."""
        self.ready = None
        self.pending.clear()
        self.buffer = Buffer(
            self.feed, self.partition, self.tp, self.committed, self._limits, check=self._check
        )

    def take(self, slabs: Iterable[Slab], log_end: int) -> None:
        """Slabs that follow what was read, and where the log ended then."""
        self.pending.extend(slabs)
        self.log_end = log_end

    def fill(self, now_s: float, *, hurry: bool = False, lead_s: float = 0.0) -> None:
        """Move pending slabs into the buffer and cut a job when one is due; `hurry` takes what there is.

        `lead_s` is how long a batch takes from here into its table: it is cut so much before its age is reached.
        """
        self.gather(now_s)
        soon_s = now_s + min(lead_s, LARGEST_LEAD * self._limits.age_s)
        if self.ready is None and (self._is_complete() or self._is_due(soon_s, hurry)):
            self.ready = self._cut()
            self.ready.cut_s = now_s

    def gather(self, now_s: float) -> None:
        """Move pending slabs into the buffer; cuts nothing, so it may run while a commit travels."""
        while self.pending and not self._is_complete():
            slab = self.pending.popleft()
            if self._planned and slab.next_offset > self._end():
                slab, rest = slab.split(self._end())
                self.pending.appendleft(rest)
            rest_of_it = self.buffer.add(slab, now_s)
            if rest_of_it is not None:
                self.pending.appendleft(rest_of_it)

    def _is_complete(self) -> bool:
        return self.buffer.position >= self._end() if self._planned else self.buffer.is_full

    def _is_due(self, now_s: float, hurry: bool) -> bool:
        if self._planned or self.buffer.is_empty:
            return False
        if hurry or self._has_waited():
            return True
        return self.buffer.is_due(now_s, ages=LATE_AGES if self._is_late() else 1)

    def _has_waited(self) -> bool:
        """Whether this is the first batch after a rebalance, and most of it is here: it waited for that, no longer."""
        return not self._has_cut and self.log_end > 0 and not self._is_late()

    def _is_late(self) -> bool:
        """Whether the log holds as much again as was gathered: then a batch that fills up is worth waiting for."""
        return self.log_end - self.position >= self.position - self.buffer.start

    def _end(self) -> int:
        assert self._planned is not None and self._planned.next is not None
        return self._planned.next

    def _cut(self) -> Job:
        batch = self.buffer.cut()
        if self._planned is not None:
            intent, self._planned = self._planned, None
            self.buffer.maker.message_rows = self._limits.message_rows
            if intent.next != batch.next:
                raise AssertionError(
                    f"{self.partition}: rebuilt up to {batch.next}, the intent names {intent.next}"
                )
            return Job(batch, intent, verify=True)
        self._has_cut = True
        return Job(batch, replace(self._idle, next=batch.next))

    def wanted_commit(self, now_s: float) -> Commit | None:
        """What to commit now, if anything. Call `applied` once it is, and only then."""
        flying, ready = self.flying, self.ready
        if flying is not None and not flying.is_done:
            return Commit(self.committed, flying.wants, flying) if flying.wants else None
        offset = flying.batch.next if flying is not None else self.committed  # S2: stored, or counted
        if ready is not None:
            return Commit(offset, ready.intent, ready)
        if flying is not None and self._may_wait_no_longer(now_s):
            return Commit(offset, self._idle, None)
        if flying is None and self.parked != self.standing.parked:  # for `status` to read
            return Commit(self.committed, replace(self.standing, parked=self.parked), None)
        return None

    def _may_wait_no_longer(self, now_s: float) -> bool:
        if self._finished_s is None:
            self._finished_s = now_s
        nothing_comes = self.buffer.is_empty and not self.pending
        return nothing_comes or now_s - self._finished_s >= COALESCE_S

    def applied(self, commit: Commit) -> None:
        """The commit was acknowledged: move on. A named job may be sent from here on, not before (S1)."""
        self.committed, self.standing = commit.offset, commit.intent
        self._finished_s = None
        if commit.named is not None and commit.named is self.flying:  # the next attempt at the same range
            self.flying.intent, self.flying.wants = commit.intent, None
            self.flying.submitted = False
        else:
            self.flying, self.ready = commit.named, None


def expired(partition: Partition, committed: int, first: int) -> DataExpired:
    """The error for a partition whose log now starts after what is stored."""
    return DataExpired(
        f"{partition}: offsets {committed}-{first} were deleted by retention before they were stored. Raise retention "
        "for what comes; to go on without them, stop all sinks, then: python -m consumer adopt --skip-expired"
    )
