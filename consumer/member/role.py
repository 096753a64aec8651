"""What a member of a consumer group does with its partitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from common.errors import FeedBlocked
from common.model.record import Partition, Slab
from common.process.deadline import Deadline


class Blocked(NamedTuple):
    """A topic that cannot go on, and why."""

    topic: str
    error: FeedBlocked


class Role(Protocol):
    """One kind of work on the partitions of a group: a sink inserts them, a transform produces from them.

    The main thread alone calls it. Its methods raise only what the loop handles: PenstockErrors that are
    retriable, CommitRefused, CommitAmbiguous, KafkaDenied, UnreadableBatch, MemoryError.
    """

    def open(self) -> Sequence[Blocked]:
        """Begin with what is assigned, each partition at its committed offset; which topics cannot go on."""

    def reopen(self, topic: str) -> FeedBlocked | None:
        """Begin again with the partitions of a parked topic; what is still in the way."""

    def park(self, topic: str, reason: str) -> None:
        """Let the partitions of a topic stand still on what is committed."""

    def drop(self) -> None:
        """Forget everything that was read; nothing more of it is sent (S5)."""

    def hungry(self) -> set[Partition]:
        """The partitions to read for; all others are paused."""

    def await_work(self) -> float:
        """How long a poll() may wait for messages, in seconds. Waits by itself when reading more is no use."""

    def take(self, slabs: Mapping[Partition, list[Slab]], log_end: Callable[[Partition], int]) -> None:
        """What a poll() brought; `log_end` tells where the log of a partition ended then."""

    def step(self, now_s: float) -> Sequence[Blocked]:
        """Move on as far as it goes without waiting; which topics cannot go on."""

    def finish(self, deadline: Deadline) -> None:
        """Let what is under way come to its end; what was only read is read again by whoever comes next."""

    @property
    def committed(self) -> Mapping[Partition, int]:
        """The committed offset of each partition that it has."""

    @property
    def working(self) -> Sequence[Partition]:
        """The partitions that do not stand still."""

    @property
    def done(self) -> int:
        """How many went through it since the start, committed."""

    counts: str
    """What it counts: rows, messages."""
