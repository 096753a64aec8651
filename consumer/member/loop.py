"""The sink's main loop: poll, step, fill lanes, and start over when the group moved on. `__main__` runs it.

It keeps polling whatever ClickHouse does, because a member that does not poll holds up everybody's rebalance.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from common.errors import (
    ClickHouseUnavailable,
    CommitAmbiguous,
    CommitRefused,
    KafkaDenied,
    KafkaUnavailable,
    PenstockError,
    UnreadableBatch,
)
from common.kafka_io.group import Group
from common.model.record import Partition
from common.process.deadline import Deadline
from common.process.health import Health
from common.process.retry import delay_s
from consumer.member.parking import Parking
from consumer.metrics import SinkMetrics
from consumer.sink.assignment import Opening
from consumer.sink.inserter import Inserter
from consumer.sink.sink import Sink

log = logging.getLogger(__name__)

IDLE_WAIT_S, BUSY_WAIT_S, FULL_WAIT_S = 0.05, 0.005, 0.1
PAUSE_AFTER_FAILURE_S = 0.2
FAILURES_BEFORE_REJOIN = 50  # about ten seconds
DENIALS_BEFORE_REPEAT = 12  # about a minute
REPORT_EVERY_S = 10.0
FINISH_S = 5.0


class Loop:
    """Everything a sink process does between its first poll and its last commit."""

    def __init__(
        self,
        group: Group,
        sink: Sink,
        opening: Opening,
        parking: Parking,
        inserter: Inserter,
        health: Health,
        metrics: SinkMetrics,
        *,
        memory_bytes: int,
        now_s: Callable[[], float],
        wait: Callable[[float], object],
    ) -> None:
        self._group, self._sink, self._opening, self._parking = group, sink, opening, parking
        self._inserter, self._health, self._metrics = inserter, health, metrics
        self._memory_bytes, self._now_s, self._wait = memory_bytes, now_s, wait
        self._failures = self._denials = 0
        self._reported_s = now_s()
        self._reported_rows = 0

    @property
    def stored_rows(self) -> int:
        """Rows stored and committed since the start."""
        return self._sink.stored_rows

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Turn until asked to stop, then finish what is on its way and leave the group."""
        try:
            while not should_stop():
                self.turn()
            self._finish()
        finally:
            self._group.close()
            self._inserter.stop(FINISH_S)

    def turn(self) -> None:
        """One round. Whatever fails for a passing reason is logged, and tried again in a later round."""
        self._health.beat(self._now_s())
        try:
            self._poll()
            if self._group.changed:
                self._start_over()
            self._parking.retry_due(self._now_s())
            self._step()
            self._fill()
            self._failures = 0
        except CommitRefused as refused:
            log.info("a commit was refused, reading the truth again", extra={"reason": str(refused)})
            self._sink.drop()
        except CommitAmbiguous as unknown:
            log.warning("a commit's fate is unknown, leaving the group", extra={"reason": str(unknown)})
            self._rejoin()
        except UnreadableBatch as error:
            self._parking.park(self._opening.feed(error.topic), error)
        except KafkaDenied as error:
            self._stand_by(error)
        except PenstockError as error:
            if not error.retriable:
                raise
            self._note_failure(error)
        except MemoryError:
            log.error(
                "out of memory: everything read is dropped, and read again",
                extra={"limit": self._memory_bytes},
            )
            self._sink.drop()
            self._group.changed = True
            self._wait(PAUSE_AFTER_FAILURE_S)
        self._report()

    def _poll(self) -> None:
        lanes = self._sink.lanes
        hungry = self._hungry()
        self._group.read_only(hungry)
        busy = any(lane.flying for lane in lanes.values())
        can_work = any(lane.can_work for lane in lanes.values())
        if busy and not hungry and not can_work:
            self._inserter.wait(FULL_WAIT_S)
        slabs = self._group.poll(0.0 if can_work else BUSY_WAIT_S if busy else IDLE_WAIT_S)
        for partition, run in slabs.items():
            if partition in lanes:
                lanes[partition].take(run, self._group.log_end(partition))

    def _hungry(self) -> set[Partition]:
        """Whom to read for. Over the memory limit: nobody, or when nothing is on its way, the largest buffer alone.

        A range that has to be rebuilt cannot be cut early, so one at a time must be let finish. Behind a ready batch
        is read only while half the memory is free: no lane takes from the others what it cannot send yet.
        """
        buffered_bytes, lanes = self._buffered_bytes(), self._sink.lanes.items()
        ahead = buffered_bytes < self._memory_bytes / 2
        hungry = {at: lane for at, lane in lanes if lane.is_hungry and (ahead or lane.ready is None)}
        if not hungry or buffered_bytes < self._memory_bytes:
            return set(hungry)
        if any(lane.jobs() for lane in self._sink.lanes.values()):
            return set()
        return {max(hungry, key=lambda at: hungry[at].buffer.payload_bytes)}

    def _buffered_bytes(self) -> int:
        return sum(lane.buffered_bytes for lane in self._sink.lanes.values())

    def _step(self) -> None:
        """Before filling, so that what was just read is decoded while a commit travels."""
        try:
            self._sink.step(self._now_s())
        except KafkaUnavailable:  # one lane's dead letters cannot be sent: the others go on
            self._fill()
            raise

    def _fill(self) -> None:
        """Fill the lanes; when memory runs short the largest buffer that can be cut is cut early."""
        now_s, lanes = self._now_s(), list(self._sink.lanes.values())
        is_short = self._buffered_bytes() >= self._memory_bytes
        free = [lane for lane in lanes if lane.ready is None and is_short]
        hurried = max(free, key=lambda lane: lane.buffer.payload_bytes, default=None)
        for lane in lanes:
            lane.fill(now_s, hurry=lane is hurried, lead_s=self._sink.lead_s)
            if self._sink.lanes.get(lane.partition) is lane:
                self._parking.check_flood(lane)

    def _start_over(self) -> None:
        """S5, T5: drop every buffer, read the truth, seek every partition to it."""
        self._sink.drop()
        self._parking.clear()
        if not self._group.is_stable:
            self._health.set_ready(False, "joining the consumer group")
            return
        try:
            opened = self._opening.open_all()
        except PenstockError as error:
            self._group.changed = True
            self._health.set_ready(False, f"assigned, but cannot begin yet: {error}")
            raise
        self._sink.lanes = opened.lanes
        self._metrics.rebalances.inc()
        for topic, blocked in opened.blocked.items():
            self._parking.park(self._opening.feed(topic), blocked)
        partitions = sorted(map(str, self._group.assigned()))
        self._health.set_ready(True, self._work(partitions))
        self._denials = 0
        is_idle = not partitions and not opened.blocked
        log.info(
            "no partition is left for this consumer, waiting" if is_idle else "assigned",
            extra={"partitions": partitions},
        )

    def _work(self, partitions: list[str]) -> str:
        """What this sink does, in a few words; why feeds are parked is told beside it."""
        working = [str(at) for at, lane in sorted(self._sink.lanes.items()) if not lane.parked]
        if working:
            return f"working on {', '.join(working)}"
        if partitions or self._parking.is_any_parked:
            return "every feed that is here is parked"
        return "idle: more consumers than partitions"

    def _rejoin(self) -> None:
        self._sink.drop()
        self._health.set_ready(False, "rejoining the consumer group")
        self._metrics.retries.labels("rejoin").inc()
        try:
            self._group.rejoin()
        except KafkaUnavailable as error:
            self._note_failure(error)
        except KafkaDenied as error:
            self._stand_by(error)

    def _stand_by(self, error: KafkaDenied) -> None:
        """A right was taken while we ran: say so, and come back with growing pauses until it is given again.

        A client that was refused may stay silent for ever (its poll() returns nothing), so a new one is made.
        """
        self._denials += 1
        self._metrics.retries.labels(type(error).__name__).inc()
        self._health.set_ready(False, str(error))
        if self._denials == 1 or self._denials % DENIALS_BEFORE_REPEAT == 0:
            log.error("a right is missing, waiting for it", extra={"reason": str(error)})
        self._sink.drop()
        self._wait(delay_s(self._denials, base_s=PAUSE_AFTER_FAILURE_S))
        try:
            self._group.rejoin()
        except PenstockError as failure:
            if not failure.retriable and not isinstance(failure, KafkaDenied):
                raise

    def _note_failure(self, error: PenstockError) -> None:
        self._failures += 1
        self._metrics.retries.labels(type(error).__name__).inc()
        if self._failures == 1 or self._failures % FAILURES_BEFORE_REJOIN == 0:
            log.warning("trying again", extra={"failures": self._failures, "reason": str(error)})
        self._wait(PAUSE_AFTER_FAILURE_S)
        broken = self._failures % FAILURES_BEFORE_REJOIN == 0 and not isinstance(error, ClickHouseUnavailable)
        if broken:  # a client that broke for good stays broken
            self._rejoin()

    def _finish(self) -> None:
        """Let what is in flight land and be committed; what is only buffered is read again by whoever comes next."""
        deadline = Deadline(self._now_s, FINISH_S)
        for lane in self._sink.lanes.values():
            lane.forget_unnamed()
        try:
            while not deadline.is_over and any(lane.flying for lane in self._sink.lanes.values()):
                self._inserter.wait(BUSY_WAIT_S)
                self._sink.step(self._now_s())
        except PenstockError as error:
            reason = {"reason": str(error)}
            log.info("the last commit did not go through, the next owner recovers", extra=reason)

    def _report(self) -> None:
        now_s = self._now_s()
        if now_s - self._reported_s < REPORT_EVERY_S:
            return
        lags, rows = self._lags(), self._sink.stored_rows
        if rows != self._reported_rows:
            per_s = (rows - self._reported_rows) / (now_s - self._reported_s)
            log.info("stored", extra={"rows": rows, "rows_per_s": round(per_s), "lag": sum(lags.values())})
        self._reported_s, self._reported_rows = now_s, rows

    def _lags(self) -> dict[Partition, int]:
        try:
            ends = self._group.end_offsets(self._sink.lanes)
        except (KafkaUnavailable, KafkaDenied):  # a poll() or the next commit says so too
            return {}
        lags = {at: max(0, end - self._sink.lanes[at].committed) for at, end in ends.items()}
        for at, lag in lags.items():
            self._metrics.lag.labels(at.topic, str(at.partition)).set(lag)
        return lags
