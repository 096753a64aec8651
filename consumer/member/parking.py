"""Feeds that cannot go on: why, since when, and when to try again. The loop and the sink report to it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

from common.errors import FeedBlocked
from common.model.stream import Feed
from common.process.health import Health
from consumer.metrics import SinkMetrics
from consumer.sink.lane import Lane

log = logging.getLogger(__name__)


@dataclass
class _Parked:
    feed: Feed
    reason: str
    retry_s: float
    since_s: float


class Parking:
    """Parks and unparks feeds.

    `stop(feed, reason)` makes the feed's lanes stand still; `resume(feed)` opens them again, or says what is still in
    the way.
    """

    def __init__(
        self,
        health: Health,
        metrics: SinkMetrics,
        *,
        stop: Callable[[Feed, str], None],
        resume: Callable[[Feed], FeedBlocked | None],
        retry_every_s: float,
        dead_letter_limit: int,
        now_s: Callable[[], float],
        unix_s: Callable[[], float],
    ) -> None:
        self._health, self._metrics = health, metrics
        self._stop, self._resume = stop, resume
        self._retry_every_s, self._dead_letter_limit = retry_every_s, dead_letter_limit
        self._now_s, self._unix_s = now_s, unix_s
        self._parked: dict[str, _Parked] = {}
        self._tried: dict[str, tuple[float, float]] = {}  # topic → parked first (Unix time), tried last

    def reason(self, feed: Feed) -> str:
        """Why the feed stands still, empty if it does not."""
        parked = self._parked.get(feed.topic)
        return parked.reason if parked else ""

    @property
    def is_any_parked(self) -> bool:
        """Whether any feed stands still."""
        return bool(self._parked)

    def park(self, feed: Feed, error: FeedBlocked) -> None:
        """The feed's partitions stand still from now on; the other feeds go on."""
        reason = str(error)
        since_s = self._since(feed.topic)
        self._parked[feed.topic] = _Parked(feed, reason, self._now_s() + self._retry_every_s, since_s)
        todo = f"remove the cause; it is tried again every {self._retry_every_s:g} s"
        self._health.park(feed.topic, reason, todo, since_s)
        self._metrics.parked.labels(feed.topic).set(1)
        log.error("a feed is parked", extra={"feed": feed.topic, "reason": reason, "todo": todo})
        self._stop(feed, reason)

    def _since(self, topic: str) -> float:
        """When it was parked first (Unix time): a try that failed does not count as work."""
        since_s, tried_s = self._tried.get(topic, (0.0, -math.inf))
        if self._now_s() - tried_s > self._retry_every_s:
            since_s = self._unix_s()
        return since_s

    def check_flood(self, lane: Lane) -> None:
        """Park the feed if more bad messages came in a row than allowed, before any of this batch is let go."""
        if not lane.parked and lane.longest_bad_run > self._dead_letter_limit:
            self.park(
                lane.feed,
                FeedBlocked(
                    f"{lane.partition}: more than {self._dead_letter_limit} bad messages in a row from offset "
                    f"{lane.committed} on{lane.first_fault}. Correct the producer; to send them all to "
                    f"{lane.feed.dead_topic}, raise DEAD_LETTER_LIMIT and start the sink again"
                ),
            )

    def retry_due(self, now_s: float) -> None:
        """Let feeds whose time has come try again. Raises what `resume` raises; such a feed stays parked."""
        for topic, parked in list(self._parked.items()):
            if now_s >= parked.retry_s:
                parked.retry_s = now_s + self._retry_every_s
                self._tried[topic] = parked.since_s, now_s
                still = self._resume(parked.feed)
                if still is None:
                    self._forget(topic)
                    log.info("a parked feed goes on", extra={"feed": topic, "was": parked.reason})
                else:
                    self.park(parked.feed, still)

    def clear(self) -> None:
        """Forget all: a new assignment finds out for itself."""
        for topic in list(self._parked):
            self._forget(topic)

    def _forget(self, topic: str) -> None:
        del self._parked[topic]
        self._health.unpark(topic)
        self._metrics.parked.labels(topic).set(0)
