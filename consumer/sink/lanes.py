"""All partitions that a sink works on, the owner of their lanes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from common.errors import UnreadableBatch
from common.model.record import Partition, Slab
from consumer.member.role import Blocked
from consumer.sink.lane import Lane


class Budget(NamedTuple):
    """What all lanes together may keep in memory, and how many bad messages in a row are let go."""

    memory_bytes: int
    dead_letter_limit: int


class Lanes(Collection[Lane]):
    """Partition → lane. A lane that is taken away or replaced has its insertions cancelled (S5)."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._lanes: dict[Partition, Lane] = {}

    def __len__(self) -> int:
        return len(self._lanes)

    def __iter__(self) -> Iterator[Lane]:
        return iter(list(self._lanes.values()))

    def __contains__(self, lane: object) -> bool:
        return isinstance(lane, Lane) and self._lanes.get(lane.partition) is lane

    def get(self, partition: Partition) -> Lane | None:
        """The lane of a partition, None if it is not ours."""
        return self._lanes.get(partition)

    def open(self, lanes: Mapping[Partition, Lane]) -> None:
        """Put these in the place of those of the same partitions; the others stay."""
        for partition, lane in lanes.items():
            self._cancel(partition)
            self._lanes[partition] = lane

    def drop(self) -> None:
        """S5: forget every lane and all that was read for it."""
        for partition in list(self._lanes):
            self._cancel(partition)
        self._lanes.clear()

    def park(self, topic: str, reason: str) -> None:
        """Let the lanes of a topic stand still on what they have committed."""
        self.open({lane.partition: lane.again(reason) for lane in self if lane.feed.topic == topic})

    def _cancel(self, partition: Partition) -> None:
        lane = self._lanes.get(partition)
        for insertion in lane.insertions() if lane is not None else ():
            insertion.cancel()

    def take(self, slabs: Mapping[Partition, list[Slab]], log_end: Callable[[Partition], int]) -> None:
        """Give each lane what was read for it, and where its log ends."""
        for partition, run in slabs.items():
            if (lane := self._lanes.get(partition)) is not None:
                lane.take(run, log_end(partition))

    @property
    def buffered_bytes(self) -> int:
        """Bytes of columns that all lanes keep."""
        return sum(lane.buffered_bytes for lane in self)

    @property
    def is_busy(self) -> bool:
        """Whether anything is named and not finished."""
        return any(lane.named for lane in self)

    @property
    def can_work(self) -> bool:
        """Whether there is something to do without reading more."""
        return any(lane.can_work for lane in self)

    def hungry(self) -> set[Partition]:
        """Whom to read for. Over the memory limit: nobody, or when nothing is on its way, the largest buffer alone.

        A range that has to be rebuilt cannot be cut early, so one at a time must be let finish. After a ready batch
        is read only while half the memory is free: no lane takes from the others what it cannot send yet.
        """
        buffered_bytes, memory_bytes = self.buffered_bytes, self._budget.memory_bytes
        has_room = buffered_bytes < memory_bytes / 2
        hungry = {
            lane.partition: lane for lane in self if lane.is_hungry and (has_room or lane.ready is None)
        }
        if not hungry or buffered_bytes < memory_bytes:
            return set(hungry)
        if any(lane.insertions() for lane in self):
            return set()
        return {max(hungry, key=lambda partition: hungry[partition].buffer.payload_bytes)}

    def fill(self, now_s: float, lead_s: float, without: Collection[str] = ()) -> list[Blocked]:
        """Let every lane gather, and cut what is due; which feeds cannot go on: unreadable, or too many bad messages.

        When memory runs short, the largest buffer that can be cut is cut early. Lanes of the topics `without` are left
        alone: they are about to be parked, and what could not be read has left a hole in their buffers.
        """
        is_short = self.buffered_bytes >= self._budget.memory_bytes
        free = [lane for lane in self if lane.ready is None and is_short]
        largest = max(free, key=lambda lane: lane.buffer.payload_bytes, default=None)
        blocked = []
        for lane in [lane for lane in self if lane.feed.topic not in without]:
            try:
                lane.fill(now_s, is_short_of_memory=lane is largest, lead_s=lead_s)
            except UnreadableBatch as problem:
                # Told with the others: an error would hide what was found before.
                blocked.append(Blocked(lane.feed.topic, problem))
                continue
            if (flood := lane.flood(self._budget.dead_letter_limit)) is not None:
                blocked.append(Blocked(lane.feed.topic, flood))
        return blocked

    def forget_unnamed(self) -> None:
        """Forget what no commit names: somebody else will read it."""
        for lane in self:
            lane.forget_unnamed()
