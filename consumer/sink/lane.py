"""One partition of a sink: what was read, what is on its way, what may be committed next. Pure.

pending slabs → buffer → ready insertion → named insertion (a commit names it; then it is sent) → committed offset
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from common.commits.intent import Intent
from common.errors import DataExpired, FeedBlocked
from common.model.record import Partition, Slab
from common.model.stream import Feed
from consumer.rows import Check
from consumer.sink.buffer import Buffer
from consumer.sink.cutting import Cut, Limits, due, full
from consumer.sink.insertion import Insertion

COALESCE_S = 0.05
"""How long a stored batch waits for the next one, so that one commit serves both."""


class Commit(NamedTuple):
    """What a lane wants committed."""

    offset: int
    intent: Intent
    named: Insertion | None  # what may be sent once this is acknowledged


class Lane:
    """The state of one partition between two rebalances.

    `committed` and `intent` always say what the last acknowledged commit said. An intent that names a range when the
    lane opens has that same range rebuilt first (S3). `parked` is the reason while the feed stands still. `bad_run` is
    how many bad messages in a row end at the committed offset.
    """

    def __init__(
        self,
        feed: Feed,
        partition: Partition,
        tp: int,
        committed: int,
        intent: Intent,
        limits: Limits,
        bad_run: int = 0,
        *,
        check: Check | None = None,
        parked: str = "",
    ) -> None:
        self.feed, self.partition, self.tp = feed, partition, tp
        self.committed, self.intent, self.parked = committed, intent, parked
        self._idle = replace(
            intent,
            next=None,
            attempt=1,
            pieces=1,
            parked="",
            max_unpacked_bytes=limits.unpacked_bytes,
            max_message_rows=limits.message_rows,
        )
        self._rebuild = replace(intent, parked="") if intent.next is not None else None
        self._limits, self._check = limits, check
        self.pending: deque[Slab] = deque()
        self.log_end = 0
        self.buffer = self._new_buffer(bad_run)
        if self._rebuild is not None:  # the range was named under a limit of its own
            self.buffer.maker.message_rows = intent.max_message_rows
        self.ready: Insertion | None = None
        self.named: Insertion | None = None
        self._has_cut = False
        self._finished_s: float | None = None

    def _new_buffer(self, bad_run: int) -> Buffer:
        return Buffer(
            self.feed,
            self.partition,
            self.tp,
            self.committed,
            message_rows=self._limits.message_rows,
            bad_run=bad_run,
            check=self._check,
        )

    def again(self, parked: str) -> Lane:
        """A lane on what was last committed, with nothing read, that stands still for that reason."""
        return Lane(
            self.feed,
            self.partition,
            self.tp,
            self.committed,
            self.intent,
            self._limits,
            self.bad_run,
            check=self._check,
            parked=parked,
        )

    @property
    def position(self) -> int:
        """The offset after everything that was read."""
        return self.pending[-1].next_offset if self.pending else self.buffer.position

    @property
    def is_hungry(self) -> bool:
        """Whether more should be read: no slab waits, and the batch after the ready one has room."""
        return not self.pending and not self.parked and self._full() is None

    @property
    def can_work(self) -> bool:
        """Whether there is something to do without reading more."""
        if self.ready is not None and (self.named is None or self.named.is_done):
            return True
        return bool(self.pending) and self._full() is None

    @property
    def bad_run(self) -> int:
        """How many bad messages in a row end at the committed offset: where a lane opened again counts on."""
        unfinished = self.named or self.ready
        return unfinished.batch.bad_run_before if unfinished else self.buffer.bad_run_before

    @property
    def buffered_bytes(self) -> int:
        """Bytes of columns that this lane keeps."""
        return self.buffer.payload_bytes + sum(each.batch.payload_bytes for each in self.insertions())

    def insertions(self) -> list[Insertion]:
        """Those of this lane that are not finished."""
        return [each for each in (self.ready, self.named) if each is not None]

    def flood(self, limit: int) -> FeedBlocked | None:
        """Why the feed is to be parked: more than `limit` bad messages in a row are about to be let go."""
        longest = max(
            self.ready.batch.longest_bad_run if self.ready is not None else 0, self.buffer.longest_bad_run
        )
        if self.parked or longest <= limit:
            return None
        dead = [*(self.ready.batch.dead if self.ready is not None else ()), *self.buffer.dead]
        first_fault = f" (the first: {dead[0].reason})" if dead else ""
        return FeedBlocked(
            f"{self.partition}: more than {limit} bad messages in a row from offset {self.committed} on{first_fault}. "
            f"Correct the producer; to send them all to {self.feed.dead_topic}, raise DEAD_LETTER_LIMIT and start the "
            "sink again"
        )

    def forget_unnamed(self) -> None:
        """Forget what no commit names: somebody else will read it."""
        self.ready = None
        self.pending.clear()
        self.buffer = self._new_buffer(0)

    def take(self, slabs: Iterable[Slab], log_end: int) -> None:
        """Slabs that follow what was read, and where the log ended then."""
        self.pending.extend(slabs)
        self.log_end = log_end

    def fill(self, now_s: float, *, is_short_of_memory: bool = False, lead_s: float = 0.0) -> None:
        """Move pending slabs into the buffer, and cut a batch when one is due.

        `lead_s` is how long a batch takes from here into its table.
        """
        self.gather(now_s)
        if self.ready is None and (why := self._due(now_s, is_short_of_memory, lead_s)) is not None:
            self.ready = self._cut(why, now_s)

    def gather(self, now_s: float) -> None:
        """Move pending slabs into the buffer; cuts nothing, so it may run while a commit travels."""
        while self.pending and self._full() is None:
            slab = self.pending.popleft()
            if self._rebuild and slab.next_offset > self._end():
                slab, rest = slab.split(self._end())
                self.pending.appendleft(rest)
            rest_of_it = self.buffer.add(slab, now_s)
            if rest_of_it is not None:
                self.pending.appendleft(rest_of_it)

    def _full(self) -> Cut | None:
        if self._rebuild:
            return Cut.NAMED if self.buffer.position >= self._end() else None
        return full(self.buffer, self._limits)

    def _due(self, now_s: float, is_short_of_memory: bool, lead_s: float) -> Cut | None:
        if self._rebuild:
            return self._full()
        return due(
            self.buffer,
            self._limits,
            now_s,
            log_end=self.log_end,
            lead_s=lead_s,
            is_first=not self._has_cut,
            is_short_of_memory=is_short_of_memory,
        )

    def _end(self) -> int:
        assert self._rebuild is not None and self._rebuild.next is not None
        return self._rebuild.next

    def _cut(self, why: Cut, now_s: float) -> Insertion:
        batch = self.buffer.cut(why)
        if self._rebuild is not None:
            intent, self._rebuild = self._rebuild, None
            self.buffer.maker.message_rows = self._limits.message_rows
            if intent.next != batch.next:
                raise AssertionError(
                    f"{self.partition}: rebuilt up to {batch.next}, the intent names {intent.next}"
                )
            return Insertion(batch, intent, must_count=True, cut_s=now_s)
        self._has_cut = True
        self._idle = replace(self._idle, cut=why.value)
        return Insertion(batch, replace(self._idle, next=batch.next), cut_s=now_s)

    def wanted_commit(self, now_s: float) -> Commit | None:
        """What to commit now, if anything. Call `applied` once it is, and only then."""
        named, ready = self.named, self.ready
        if named is not None and not named.is_done:
            return Commit(self.committed, named.next_intent, named) if named.next_intent else None
        offset = named.batch.next if named is not None else self.committed  # S2: stored, or counted
        if ready is not None:
            return Commit(offset, ready.intent, ready)
        if named is not None and self._may_wait_no_longer(now_s):
            return Commit(offset, self._idle, None)
        if named is None and self.parked != self.intent.parked:  # for `status` to read
            return Commit(self.committed, replace(self.intent, parked=self.parked), None)
        return None

    def _may_wait_no_longer(self, now_s: float) -> bool:
        if self._finished_s is None:
            self._finished_s = now_s
        nothing_comes = self.buffer.is_empty and not self.pending
        return nothing_comes or now_s - self._finished_s >= COALESCE_S

    def applied(self, commit: Commit) -> None:
        """The commit was acknowledged: move on. What it names may be sent from here on, not before (S1)."""
        self.committed, self.intent = commit.offset, commit.intent
        self._finished_s = None
        if commit.named is not None:
            commit.named.name(commit.intent)
        if commit.named is not self.named:  # else it is the next attempt at the same range
            self.named, self.ready = commit.named, None


def expired(partition: Partition, committed: int, first: int) -> DataExpired:
    """The error for a partition whose log now starts after what is stored."""
    return DataExpired(
        f"{partition}: offsets {committed}-{first} were deleted by retention before they were stored. Raise retention "
        "for what comes; to go on without them, stop all sinks, then: python -m consumer adopt --skip-expired"
    )
