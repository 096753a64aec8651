"""How far event time has come: the least of what each partition upstream has reached. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

NEVER = -1
FORGOTTEN_AFTER = 10
"""A partition upstream is forgotten, as if it had never spoken, after this many times `silence_s`."""


class EventTime:
    """The watermark of one partition. It never goes back; what is remembered of it is `state`.

    `slowest_ms` is how far the slowest partition upstream that has spoken has come, whether it was waited for or not.
    At a first start, `upstreams` are waited for before they have spoken.
    """

    def __init__(self, state: dict[str, Any] | None, now_s: float, upstreams: Collection[bytes] = ()) -> None:
        self.watermark_ms: int = state["watermark"] if state else NEVER
        self._reached: dict[bytes, int] = {
            upstream.encode("latin-1"): self.watermark_ms + ahead
            for upstream, ahead in (state["ahead"] if state else {}).items()
        }
        if state is None:
            self._reached |= dict.fromkeys(upstreams, NEVER)
        self._heard_s = dict.fromkeys(self._reached, now_s)
        self._silent: set[bytes] = set()

    @property
    def slowest_ms(self) -> int:
        """NEVER before the first event."""
        return min((reached for reached in self._reached.values() if reached != NEVER), default=NEVER)

    def hear(self, upstream: bytes | None, time_ms: int, now_s: float) -> bool:
        """An event of that time came from there; whether the watermark moved."""
        name = upstream or b""
        self._heard_s[name] = now_s
        self._silent.discard(name)
        before = self._reached.get(name, NEVER)
        if time_ms <= before:
            return False
        self._reached[name] = time_ms
        return before <= self.watermark_ms and self._move_to(self._least())

    def _least(self) -> int:
        if not self._silent:
            return min(self._reached.values(), default=NEVER)
        return min(
            (reached for name, reached in self._reached.items() if name not in self._silent), default=NEVER
        )

    def _move_to(self, time_ms: int) -> bool:
        if time_ms <= self.watermark_ms:
            return False
        self.watermark_ms = time_ms
        return True

    def pass_silence(self, now_s: float, silence_s: float, end_ms: int) -> bool:
        """Leave out what was silent for so long. Whether the watermark moved.

        If all were, event time is taken to have gone on with the clock, up to `end_ms`.
        """
        for name, heard_s in list(self._heard_s.items()):
            is_over = now_s - heard_s >= FORGOTTEN_AFTER * silence_s
            if is_over and name in self._silent and len(self._heard_s) > 1:  # time has moved past it already
                del self._heard_s[name], self._reached[name]
        self._silent = {name for name, heard_s in self._heard_s.items() if now_s - heard_s >= silence_s}
        if not self._silent:
            return False
        everyone = len(self._silent) == len(self._reached)
        return self._move_to(min(end_ms, self._gone_on(now_s)) if everyone else self._least())

    def _gone_on(self, now_s: float) -> int:
        return max(
            reached + round((now_s - self._heard_s[name]) * 1000) for name, reached in self._reached.items()
        )

    @property
    def state(self) -> dict[str, Any]:
        """JSON, some dozens of bytes and about twenty more a partition upstream."""
        ahead = {
            name.decode("latin-1"): reached - self.watermark_ms for name, reached in self._reached.items()
        }
        return {"watermark": self.watermark_ms, "ahead": ahead}
