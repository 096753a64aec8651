"""Where a group stands with each partition: what it has committed, against where the log starts and ends. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from common.commits.intent import Intent, decode
from common.errors import OffsetRefused
from common.model.address import tp_address
from common.model.ranges import Committed
from common.model.record import Layout, Partition
from common.model.stream import Feed


class Brokers(Protocol):
    """What is needed of `common.kafka_io.overview.Overview`."""

    def committed(self, group: str) -> dict[Partition, Committed]:
        """Everything that a group has committed."""

    def layouts(self, topics: Sequence[str]) -> dict[str, Layout]:
        """Those of the topics that exist."""

    def first_offsets(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The first offset that Kafka still holds of each."""

    def end_offsets(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The offset up to which each can be read now."""


@dataclass(frozen=True, kw_only=True)
class Position:
    """One partition. `first` and `end` are the log's; `committed` is None when nothing is committed for this topic.

    `intent` is what the commit says; None when there is no commit, or when it is not one of ours (`is_foreign`).
    """

    partition: Partition
    topic_id: uuid.UUID
    first: int
    end: int
    committed: int | None
    intent: Intent | None

    @property
    def tp(self) -> int:
        """The `_tp` of its rows."""
        return tp_address(self.topic_id, self.partition.partition)

    @property
    def start(self) -> int:
        """The offset that a sink reads next: what is committed, or else the log's first."""
        return self.first if self.committed is None else self.committed

    @property
    def bound(self) -> int:
        """No table may hold rows of this offset or a later one."""
        named = self.intent.next if self.intent is not None else None
        return self.start if named is None else named

    @property
    def is_foreign(self) -> bool:
        """Whether another tool has set the committed offset (R7)."""
        return self.committed is not None and self.intent is None

    @property
    def lag(self) -> int:
        """Offsets between what is committed and the end."""
        return max(0, self.end - self.start)

    @property
    def expired(self) -> int:
        """Offsets that retention deleted before they were committed."""
        return 0 if self.committed is None else max(0, self.first - self.committed)

    @property
    def is_out_of_range(self) -> bool:
        """Whether the log does not hold the committed offset: retention deleted it, or brokers lost their records."""
        return self.committed is not None and not self.first <= self.committed <= self.end

    @property
    def cut(self) -> str:
        """Why the last batch was cut; empty when there was none, or an older version cut it."""
        return self.intent.cut if self.intent is not None else ""

    @property
    def parked(self) -> str:
        """Why no sink goes on with it; empty if one does, or may."""
        if self.intent is not None and self.intent.parked:
            return self.intent.parked
        return "; ".join(self.remarks("the sinks")) if self.is_foreign or self.expired else ""

    @property
    def state(self) -> str:
        """What the commit says in a few words."""
        if self.committed is None:
            return "nothing committed"
        if self.intent is None:
            return "set by another tool"
        words = ["parked"] if self.intent.parked else []
        if self.intent.next is not None:
            words.append(f"inserting {self.committed}-{self.intent.next}")
            words += [f"attempt {self.intent.attempt}"] if self.intent.attempt > 1 else []
            words += [f"in {self.intent.pieces} pieces"] if self.intent.pieces > 1 else []
        return ", ".join(words) or ("lagging" if self.lag else "all stored")

    def remarks(self, group: str) -> list[str]:
        """What somebody should know about it, and what to do."""
        found = []
        if self.committed is None:
            found.append(f"group {group} has committed nothing of it yet")
        if self.is_foreign:
            found.append(
                "the committed offset was set by another tool, no sink goes on with it: stop all sinks, then: "
                "python -m consumer adopt"
            )
        if self.expired:
            found.append(
                f"offsets {self.committed}-{self.first} were deleted by retention before they were stored: stop all "
                "sinks, then: python -m consumer adopt --skip-expired"
            )
        if self.committed is not None and self.committed > self.end:
            found.append(f"the committed offset {self.committed} is past the end of the log, {self.end}")
        if self.intent is not None and self.intent.parked:
            found.append(f"parked: {self.intent.parked}")
        return found


def look(brokers: Brokers, group: str, feeds: Iterable[Feed]) -> dict[str, list[Position]]:
    """Topic → its partitions in order; a topic that does not exist is left out.

    What is committed is read before anything else: whatever is read later is at least as far.
    """
    commits = brokers.committed(group)
    layouts = brokers.layouts([feed.topic for feed in feeds])
    partitions = [partition for layout in layouts.values() for partition in layout.partitions]
    firsts = brokers.first_offsets(partitions)
    ends = brokers.end_offsets(partitions)
    found: dict[str, list[Position]] = {topic: [] for topic in layouts}
    for partition in partitions:
        topic_id = layouts[partition.topic].topic_id
        committed = commits.get(partition)
        intent = _ours(committed.metadata) if committed else None
        if intent is not None and intent.topic != topic_id.hex:
            committed, intent = None, None  # of a topic that was deleted and created again
        position = Position(
            partition=partition,
            topic_id=topic_id,
            first=firsts[partition],
            end=ends[partition],
            committed=committed.offset if committed else None,
            intent=intent,
        )
        found[partition.topic].append(position)
    return found


def _ours(metadata: str) -> Intent | None:
    try:
        return decode(metadata, "")
    except OffsetRefused:
        return None
