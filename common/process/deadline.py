"""How long something may still take."""

from __future__ import annotations

from collections.abc import Callable


class Deadline:
    """The moment `timeout_s` from now on the clock `now_s`."""

    def __init__(self, now_s: Callable[[], float], timeout_s: float) -> None:
        self._now_s = now_s
        self._end_s = now_s() + timeout_s

    @property
    def left_s(self) -> float:
        """Seconds until then; negative once it has passed."""
        return self._end_s - self._now_s()

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        return self._now_s() >= self._end_s
