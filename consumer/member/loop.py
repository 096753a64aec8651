"""The main loop of a member of a consumer group: poll, step, park what is blocked, start over when the group moved on.

It keeps polling whatever its role waits for: a member that does not poll holds up everybody's rebalance.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

from common.errors import (
    ClickHouseUnavailable,
    CommitAmbiguous,
    CommitRefused,
    KafkaDenied,
    KafkaUnavailable,
    PenstockError,
    TransactionLost,
    UnreadableBatch,
)
from common.model.record import Partition, Slab
from common.process.clock import Clock
from common.process.deadline import Deadline
from common.process.health import Health
from common.process.retry import delay_s
from consumer.member.parking import Parking
from consumer.member.role import Blocked, Role
from consumer.metrics import MemberMetrics

log = logging.getLogger(__name__)

PAUSE_AFTER_FAILURE_S = 0.2
FAILURES_BEFORE_REJOIN = 50  # about ten seconds
DENIALS_BEFORE_REPEAT = 12  # about a minute
REPORT_EVERY_S = 10.0
FINISH_S = 5.0


class Membership(Protocol):
    """What is needed of `common.kafka_io.group.Group`."""

    @property
    def is_stable(self) -> bool:
        """Whether the member is in the group's current generation."""

    @property
    def changed(self) -> bool:
        """Whether everything read so far is void."""

    def invalidate(self) -> None:
        """Make everything read so far void."""

    def assigned(self) -> list[Partition]:
        """The partitions that are ours."""

    def read_only(self, wanted: Collection[Partition]) -> None:
        """Fetch from these, pause the others."""

    def poll(self, wait_s: float) -> dict[Partition, list[Slab]]:
        """New messages."""

    def log_end(self, partition: Partition) -> int:
        """Where its log ended when it was read last."""

    def end_offsets(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Where logs end now."""

    def rejoin(self) -> None:
        """Leave, and join as a new member."""


class Loop:
    """Everything a member does between its first poll and its last commit."""

    def __init__(
        self,
        group: Membership,
        role: Role,
        parking: Parking,
        health: Health,
        metrics: MemberMetrics,
        clock: Clock,
        *,
        memory_bytes: int,
    ) -> None:
        self._group, self._role, self._parking = group, role, parking
        self._health, self._metrics, self._clock = health, metrics, clock
        self._memory_bytes = memory_bytes
        self._failures = self._denials = 0
        self._reported_s = clock.now_s()
        self._reported = 0

    @property
    def done(self) -> int:
        """How many rows or messages went through the role since the start, committed."""
        return self._role.done

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Turn until asked to stop, then finish what is on its way."""
        while not should_stop():
            self.turn()
        log.info("stopping, what is on its way is finished first")
        try:
            self._role.finish(Deadline(self._clock.now_s, FINISH_S))
        except PenstockError as error:
            reason = {"reason": str(error)}
            log.info("the last commit did not go through, the next owner recovers", extra=reason)

    def turn(self) -> None:
        """One round. Whatever fails for a passing reason is logged, and tried again in a later round."""
        self._health.beat(self._clock.now_s())
        try:
            self._poll()
            if self._group.changed:
                self._start_over()
            self._retry_parked()
            self._park(self._role.step(self._clock.now_s()))
            self._failures = 0
        except CommitRefused as refused:
            log.info("commit refused, reading the committed offsets again", extra={"reason": str(refused)})
            self._read_again()
        except TransactionLost as lost:
            log.warning("reading what is committed again", extra={"reason": str(lost)})
            self._read_again()
            self._metrics.retries.labels("transaction").inc()
            self._clock.sleep(PAUSE_AFTER_FAILURE_S)
        except CommitAmbiguous as unknown:
            reason = {"reason": str(unknown)}
            log.warning("the outcome of a commit is unknown, leaving the group to rejoin", extra=reason)
            self._rejoin()
        except UnreadableBatch as error:
            self._park([Blocked(error.topic, error)])
        except KafkaDenied as error:
            self._stand_by(error)
        except PenstockError as error:
            if not error.retriable:
                raise
            self._note_failure(error)
        except MemoryError:
            limit = {"limit": self._memory_bytes}
            log.error("out of memory: everything read is dropped, and read again", extra=limit)
            self._read_again()
            self._clock.sleep(PAUSE_AFTER_FAILURE_S)
        self._report()

    def _read_again(self) -> None:
        self._role.drop()
        self._group.invalidate()

    def _poll(self) -> None:
        self._group.read_only(self._role.hungry())
        self._role.take(self._group.poll(self._role.await_work()), self._group.log_end)

    def _park(self, blocked: Iterable[Blocked]) -> None:
        """Park each topic once, for the first reason."""
        parked = set()
        for topic, error in blocked:
            if topic not in parked:
                self._parking.park(topic, error)
                self._role.park(topic, str(error))
                parked.add(topic)

    def _retry_parked(self) -> None:
        for topic in self._parking.due(self._clock.now_s()):
            still = self._role.reopen(topic)
            if still is None:
                self._parking.resume(topic)
            else:
                self._park([Blocked(topic, still)])

    def _start_over(self) -> None:
        """S5, T5: drop every buffer, read the committed offsets, seek every partition to them."""
        self._role.drop()
        self._parking.clear()
        if not self._group.is_stable:
            self._health.set_ready(False, "joining the consumer group")
            return
        try:
            blocked = self._role.open()
        except PenstockError as error:
            self._group.invalidate()
            self._health.set_ready(False, f"assigned, but cannot begin yet: {error}")
            raise
        self._metrics.rebalances.inc()
        self._park(blocked)
        partitions = sorted(map(str, self._group.assigned()))
        self._health.set_ready(True, self._work(partitions))
        self._denials = 0
        is_idle = not partitions and not blocked
        log.info(
            "no partition is left for this consumer, waiting" if is_idle else "assigned",
            extra={"partitions": partitions},
        )

    def _work(self, partitions: list[str]) -> str:
        """What this member does, in a few words; why topics are parked is told in addition."""
        if working := self._role.working:
            return f"working on {', '.join(map(str, working))}"
        if partitions or self._parking.is_any_parked:
            return "every feed that is here is parked"
        return "idle: more consumers than partitions"

    def _rejoin(self) -> None:
        self._role.drop()
        self._health.set_ready(False, "rejoining the consumer group")
        self._metrics.retries.labels("rejoin").inc()
        try:
            self._group.rejoin()
        except KafkaUnavailable as error:
            self._note_failure(error)
        except KafkaDenied as error:
            self._stand_by(error)

    def _stand_by(self, error: KafkaDenied) -> None:
        """A permission was taken while we ran: say so, and come back with growing pauses until it is given again.

        A client that was refused may stay silent for ever (its poll() returns nothing), so a new one is made.
        """
        self._denials += 1
        self._metrics.retries.labels(type(error).__name__).inc()
        self._health.set_ready(False, str(error))
        if self._denials == 1 or self._denials % DENIALS_BEFORE_REPEAT == 0:
            log.error("permission denied, retrying until it is granted", extra={"reason": str(error)})
        self._role.drop()
        self._clock.sleep(delay_s(self._denials, base_s=PAUSE_AFTER_FAILURE_S))
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
        self._clock.sleep(PAUSE_AFTER_FAILURE_S)
        broken = self._failures % FAILURES_BEFORE_REJOIN == 0 and not isinstance(error, ClickHouseUnavailable)
        if broken:  # a client that broke for good stays broken
            self._rejoin()

    def _report(self) -> None:
        now_s, done, counts = self._clock.now_s(), self._role.done, self._role.counts
        if now_s - self._reported_s < REPORT_EVERY_S:
            return
        lags = self._lags()
        if done != self._reported:
            per_s = (done - self._reported) / (now_s - self._reported_s)
            said = {counts: done, f"{counts}_per_s": round(per_s), "lag": sum(lags.values())}
            log.info("done and committed", extra=said)
        self._reported_s, self._reported = now_s, done

    def _lags(self) -> Mapping[Partition, int]:
        committed = self._role.committed
        try:
            ends = self._group.end_offsets(committed)
        except (KafkaUnavailable, KafkaDenied):  # a poll() or the next commit says so too
            return {}
        lags = {at: max(0, end - committed[at]) for at, end in ends.items()}
        for at, lag in lags.items():
            self._metrics.lag.labels(at.topic, str(at.partition)).set(lag)
        return lags
