"""Topics that cannot go on: why, since when, and when to try again. Pure; health and metrics hear of it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from common.errors import FeedBlocked
from common.process.health import Health
from consumer.metrics import MemberMetrics

log = logging.getLogger(__name__)


@dataclass
class _Parked:
    reason: str
    retry_s: float
    since_s: float


class Parking:
    """Keeps the list. `now_s` never goes back; `unix_s` is the time of day, for people to read."""

    def __init__(
        self,
        health: Health,
        metrics: MemberMetrics,
        *,
        retry_every_s: float,
        now_s: Callable[[], float],
        unix_s: Callable[[], float],
    ) -> None:
        self._health, self._metrics = health, metrics
        self._retry_every_s, self._now_s, self._unix_s = retry_every_s, now_s, unix_s
        self._parked: dict[str, _Parked] = {}
        self._tried: dict[str, tuple[float, float]] = {}  # topic → parked first (Unix time), tried last

    def reason(self, topic: str) -> str:
        """Why the topic stands still, empty if it does not."""
        parked = self._parked.get(topic)
        return parked.reason if parked else ""

    @property
    def is_any_parked(self) -> bool:
        """Whether any topic stands still."""
        return bool(self._parked)

    def park(self, topic: str, error: FeedBlocked) -> None:
        """The topic stands still from now on."""
        reason = str(error)
        since_s = self._since(topic)
        self._parked[topic] = _Parked(reason, self._now_s() + self._retry_every_s, since_s)
        todo = f"remove the cause; it is tried again every {self._retry_every_s:g} s"
        self._health.park(topic, reason, todo, since_s)
        self._metrics.parked.labels(topic).set(1)
        log.error("a feed is parked", extra={"feed": topic, "reason": reason, "todo": todo})

    def _since(self, topic: str) -> float:
        """When it was parked first (Unix time): a try that failed does not count as work."""
        since_s, tried_s = self._tried.get(topic, (0.0, -math.inf))
        return self._unix_s() if self._now_s() - tried_s > self._retry_every_s else since_s

    def due(self, now_s: float) -> Iterator[str]:
        """The topics whose time has come to try again; each is due again later, whatever comes of it."""
        for topic, parked in list(self._parked.items()):
            if now_s >= parked.retry_s:
                parked.retry_s = now_s + self._retry_every_s
                self._tried[topic] = parked.since_s, now_s
                yield topic

    def resume(self, topic: str) -> None:
        """The topic goes on."""
        log.info("a parked feed goes on", extra={"feed": topic, "was": self.reason(topic)})
        self._forget(topic)

    def clear(self) -> None:
        """Forget all: a new assignment finds out for itself."""
        for topic in list(self._parked):
            self._forget(topic)

    def _forget(self, topic: str) -> None:
        del self._parked[topic]
        self._health.unpark(topic)
        self._metrics.parked.labels(topic).set(0)
