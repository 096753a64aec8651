"""The last minutes of each stream, for charts: what was sent, what was stored, and what lay between."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

EVERY_S = 3.0
KEPT_S = 900.0
MEASURES = ("messages_per_second", "rows_per_second", "lag")

Json = dict[str, Any]
Point = tuple[float | None, ...]


class History:
    """A point every few seconds, of all streams at once; those older than `kept_s` go, however many came."""

    def __init__(self, every_s: float = EVERY_S, kept_s: float = KEPT_S) -> None:
        self._every_s, self._kept_s = every_s, kept_s
        self._points: deque[tuple[float, Mapping[str, Point]]] = deque(maxlen=int(kept_s / every_s) + 1)

    def is_due(self, unix_s: float) -> bool:
        """Whether the newest point is old enough for another one; also if the clock was set back."""
        return not self._points or not 0 <= unix_s - self._points[-1][0] < self._every_s

    def add(self, unix_s: float, streams: Iterable[Json]) -> None:
        """Keep how streams stand, as `stream_as_json` tells it."""
        if self._points and unix_s < self._points[-1][0]:
            self._points.clear()  # the clock was set back: times have to rise
        self._points.append((unix_s, {stream["name"]: _point(stream) for stream in streams}))
        while unix_s - self._points[0][0] > self._kept_s:
            self._points.popleft()

    def as_json(self, name: str) -> Json:
        """The points of a stream, the oldest first: `times` in seconds since 1970, and a list for each measure."""
        nothing: Point = (None,) * len(MEASURES)
        points = [of.get(name, nothing) for _, of in self._points]
        columns = {measure: [point[at] for point in points] for at, measure in enumerate(MEASURES)}
        return {"times": [round(unix_s, 3) for unix_s, _ in self._points], **columns}


def _point(stream: Json) -> Point:
    return tuple(stream[measure] for measure in MEASURES)
