"""The sink as the role of a group's member: topic → table, exactly once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from common.errors import FeedBlocked, KafkaUnavailable
from common.model.record import Partition, Slab
from common.process.deadline import Deadline
from consumer.member.role import Blocked, Role
from consumer.sink.assignment import Assignment, Opened
from consumer.sink.inserter import Inserter
from consumer.sink.lanes import Lanes
from consumer.sink.sink import Sink

IDLE_WAIT_S, BUSY_WAIT_S, FULL_WAIT_S = 0.05, 0.005, 0.1


class SinkRole(Role):
    """Opens lanes on what is assigned, feeds them, and lets the sink move them on."""

    counts = "rows"

    def __init__(
        self,
        lanes: Lanes,
        sink: Sink,
        assignment: Assignment,
        inserter: Inserter,
        now_s: Callable[[], float],
    ) -> None:
        self._lanes, self._sink, self._assignment = lanes, sink, assignment
        self._inserter, self._now_s = inserter, now_s

    def open(self) -> Sequence[Blocked]:
        """A lane for each partition that is in order."""
        return self._take_over(self._assignment.open_all())

    def reopen(self, topic: str) -> FeedBlocked | None:
        """Fresh lanes for the partitions of a topic."""
        before = {lane.partition: lane for lane in self._lanes}
        blocked = self._take_over(self._assignment.open_topic(topic, before))
        return next((each.error for each in blocked if each.topic == topic), None)

    def _take_over(self, opened: Opened) -> list[Blocked]:
        self._lanes.open(opened.lanes)
        return [Blocked(topic, error) for topic, error in opened.blocked.items()]

    def park(self, topic: str, reason: str) -> None:
        """Lanes that stand still on what they have committed."""
        self._lanes.park(topic, reason)

    def drop(self) -> None:
        """S5: no lane is left, no insertion goes on."""
        self._sink.drop()

    def hungry(self) -> set[Partition]:
        """The partitions whose next batch has room."""
        return self._lanes.hungry()

    def await_work(self) -> float:
        """Poll at once while there is work; when only an INSERT under way can help, wait for that."""
        can_work, is_busy = self._lanes.can_work, self._lanes.is_busy
        if is_busy and not can_work and not self._lanes.hungry():
            self._inserter.wait(FULL_WAIT_S)
        return 0.0 if can_work else BUSY_WAIT_S if is_busy else IDLE_WAIT_S

    def take(self, slabs: Mapping[Partition, list[Slab]], log_end: Callable[[Partition], int]) -> None:
        """Messages for the lanes."""
        self._lanes.take(slabs, log_end)

    def step(self, now_s: float) -> Sequence[Blocked]:
        """Commit and insert, then fill the lanes: what was just read is decoded while a commit travels."""
        try:
            blocked = self._sink.step(now_s)
        except KafkaUnavailable:  # one lane's dead letters cannot be sent: the others go on
            self._sink.block(self._fill(self._sink.blocked))
            raise
        return [*blocked, *self._fill(blocked)]

    def _fill(self, blocked: Sequence[Blocked]) -> Sequence[Blocked]:
        return self._lanes.fill(self._now_s(), self._sink.lead_s, {topic for topic, _ in blocked})

    def finish(self, deadline: Deadline) -> None:
        """Let what is named be stored and committed. Raises PenstockError: the next owner recovers it."""
        self._lanes.forget_unnamed()
        while not deadline.is_over and self._lanes.is_busy:
            self._inserter.wait(BUSY_WAIT_S)
            for topic, error in self._sink.step(self._now_s()):
                self._lanes.park(topic, str(error))

    @property
    def committed(self) -> Mapping[Partition, int]:
        """Up to where rows are stored."""
        return {lane.partition: lane.committed for lane in self._lanes}

    @property
    def working(self) -> Sequence[Partition]:
        """The partitions whose lanes do not stand still."""
        return sorted(lane.partition for lane in self._lanes if not lane.parked)

    @property
    def done(self) -> int:
        """Rows stored and committed since the start."""
        return self._sink.stored_rows
