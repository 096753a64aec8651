"""The verdict of a stream's newest audit as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.answers import time_text
from api.look import Look
from common.model.verdicts import SINK


class Rounds:
    """How far apart the audits of each stream are, told from the verdicts that are seen."""

    def __init__(self) -> None:
        self._newest: dict[str, float] = {}
        self._apart: dict[str, float] = {}

    def see(self, now: Look) -> Mapping[str, float]:
        """Stream → seconds between its two newest rounds; a stream of which only one was seen is not there."""
        newest: dict[str, float] = {}
        for row in now.verdicts or ():
            newest[row.stream] = max(row.time.timestamp(), newest.get(row.stream, 0.0))
        for stream, time_s in newest.items():
            before = self._newest.get(stream)
            if before is not None and time_s > before:
                self._apart[stream] = round(time_s - before, 1)
        self._newest |= newest
        return dict(self._apart)


def verdict_as_json(stream: str, now: Look) -> dict[str, Any] | None:
    """What the newest audit found; None without one.

    `messages` are those that it found whole in the tables; `interval_s` is how often audits come, null if not known.
    """
    rows = [row for row in now.verdicts or () if row.stream == stream]
    if not rows:
        return None
    newest = max(row.time for row in rows)
    wrong = [row.first_wrong for row in rows if row.first_wrong]
    return {
        "time": time_text(newest),
        "age_s": round(max(0.0, now.unix_s - newest.timestamp()), 1),
        "sound": all(row.sound for row in rows),
        "judged": all(row.judged for row in rows),
        "interval_s": now.audits_apart_s.get(stream),
        "messages": sum(row.messages for row in rows if row.stage == SINK),
        "missing": sum(row.missing for row in rows),
        "repeated": sum(row.repeated for row in rows),
        "dead": sum(row.dead for row in rows),
        "first": wrong[0] if wrong else "",
    }
