"""Where the group of the transforms stands with each source partition. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from common.commits.memory import Memory, decode
from common.commits.position import Brokers
from common.errors import OffsetRefused
from common.model.record import Partition
from common.model.transform import Transform


@dataclass(frozen=True, kw_only=True)
class TransformPosition:
    """One source partition. `first` and `end` are the log's; `committed` and `memory` what its group has committed.

    Both are None when nothing is committed for this topic; `memory` alone when another tool has set the offset.
    """

    partition: Partition
    first: int
    end: int
    committed: int | None
    memory: Memory | None

    @property
    def read(self) -> int:
        """Everything below is done; the committed offset may lie behind, at the oldest event of an open window."""
        if self.memory is not None:
            return self.memory.read
        return self.first if self.committed is None else self.committed

    @property
    def lag(self) -> int:
        """Offsets that are not done yet."""
        return max(0, self.end - self.read)

    @property
    def is_parked(self) -> bool:
        """Whether no transform goes on with it until somebody acts."""
        return self.committed is not None and (self.memory is None or self.committed < self.first)

    @property
    def parked(self) -> str:
        """Why no transform goes on with it; empty if one does, or may."""
        return self.state if self.is_parked else ""

    @property
    def state(self) -> str:
        """What the commit says in a few words."""
        if self.committed is None:
            return "nothing committed"
        if self.memory is None:
            return "set by another tool: its transform is parked, its log says what to do"
        if self.committed < self.first:
            return f"parked: retention has deleted offsets {self.committed} to {self.first}, which are needed"
        if self.committed < self.read:
            return f"windows are open since offset {self.committed}"
        return "lagging" if self.lag else "all done"


def look_at_transforms(
    brokers: Brokers, group: str, transforms: Iterable[Transform]
) -> dict[str, list[TransformPosition]]:
    """Source topic → its partitions in order; a topic that does not exist is left out.

    Without transforms nobody is asked: their group is one that the caller may not be allowed to look at.
    """
    transforms = list(transforms)
    if not transforms:
        return {}
    commits = brokers.committed(group)
    layouts = brokers.layouts([transform.source for transform in transforms])
    partitions = [partition for layout in layouts.values() for partition in layout.partitions]
    firsts, ends = brokers.first_offsets(partitions), brokers.end_offsets(partitions)
    found: dict[str, list[TransformPosition]] = {topic: [] for topic in layouts}
    for partition in partitions:
        committed = commits.get(partition)
        memory = _ours(committed.metadata) if committed else None
        if memory is not None and memory.topic != layouts[partition.topic].topic_id.hex:
            committed, memory = None, None  # of a topic that was deleted and created again
        position = TransformPosition(
            partition=partition,
            first=firsts[partition],
            end=ends[partition],
            committed=committed.offset if committed else None,
            memory=memory,
        )
        found[partition.topic].append(position)
    return found


def _ours(metadata: str) -> Memory | None:
    try:
        return decode(metadata, "")
    except OffsetRefused:
        return None
