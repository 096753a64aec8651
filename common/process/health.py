"""What a service knows about its own health, and how that is told over HTTP.

The service updates it from its loop; common.process.endpoint reads it from another thread.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any, NamedTuple


class Parked(NamedTuple):
    """A feed that cannot go on until somebody acts. `since_s` is Unix time."""

    feed: str
    reason: str
    todo: str
    since_s: float


class Health:
    """Alive: the main loop came round lately. Ready: at work on everything it should work on."""

    def __init__(self, now_s: float, max_silence_s: float = 60.0) -> None:
        """Not ready yet; alive until `max_silence_s` after `now_s` (monotonic, like every beat's)."""
        self._lock = threading.Lock()
        self._last_beat_s = now_s
        self._max_silence_s = max_silence_s
        self._ready = False
        self._detail = "starting"
        self._parked: dict[str, Parked] = {}

    def beat(self, now_s: float) -> None:
        """The main loop came round at `now_s`."""
        self._last_beat_s = now_s

    def set_ready(self, ready: bool, detail: str) -> None:
        """Whether the service is at work, and what it does or waits for ("no partitions assigned yet")."""
        with self._lock:
            self._ready, self._detail = ready, detail

    def park(self, feed: str, reason: str, todo: str, since_s: float) -> None:
        """A feed stopped: why, what somebody can do, since when (Unix time; a first one is kept)."""
        with self._lock:
            before = self._parked.get(feed)
            self._parked[feed] = Parked(feed, reason, todo, before.since_s if before else since_s)

    def unpark(self, feed: str) -> None:
        """A feed goes on (nothing happens if it was not parked)."""
        with self._lock:
            self._parked.pop(feed, None)

    def liveness(self, now_s: float) -> tuple[bool, dict[str, Any]]:
        """Whether the loop is alive at `now_s`, and the answer of /health."""
        silence_s = max(0.0, now_s - self._last_beat_s)
        live = silence_s <= self._max_silence_s
        answer: dict[str, Any] = {"live": live, "last_beat_s_ago": round(silence_s, 3)}
        if not live:
            answer["detail"] = f"the main loop has not come round for more than {self._max_silence_s:g} s"
        return live, answer

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Whether the service is at work on all its feeds, and the answer of /ready."""
        with self._lock:
            ready = self._ready and not self._parked
            parked = [{**feed._asdict(), "since": iso(feed.since_s)} for feed in self._parked.values()]
            detail = self._detail
        for feed in parked:
            del feed["since_s"]
        return ready, {"ready": ready, "detail": detail, "parked": parked}


def iso(time_s: float) -> str:
    """Unix time as 2026-11-22T09:30:01+00:00."""
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="seconds")
