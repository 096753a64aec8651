"""How fast to send: a count of events that are due, from a rate and the clock. Pure."""

from __future__ import annotations

import math

CREDIT_S = 1.0
"""After a stall, at most this many seconds' worth of events are made up for at once."""


class Pace:
    """Events due since `start_s` at `rate` a second (None: as fast as possible). The first is due at once."""

    def __init__(self, rate: float | None, start_s: float) -> None:
        self._rate = rate
        self._start_s = start_s
        self._sent = 0

    def due(self, now_s: float, at_most: int) -> int:
        """How many events to send now, 0 to `at_most`."""
        if self._rate is None:
            return at_most
        behind = (now_s - self._start_s) * self._rate + 1 - self._sent
        credit = max(1.0, CREDIT_S * self._rate)
        if behind > credit:  # forget what a stall made impossible
            self._start_s += (behind - credit) / self._rate
            behind = credit
        return min(math.floor(behind + 1e-9), at_most)

    def sent(self, events: int) -> None:
        """So many events were sent."""
        self._sent += events

    def wait_s(self, now_s: float) -> float:
        """How long until the next event is due."""
        if self._rate is None:
            return 0.0
        return max(0.0, self._start_s + self._sent / self._rate - now_s)
