"""What a histogram has counted in all: the newest counts of each partition of its source, added up. Pure."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from common.model.headers import Header, source_name, source_of, topic_of
from common.model.record import RawValue
from common.model.transform import Histogram

RATE_OVER_S = 5.0

Count = Annotated[int, Meta(ge=0)]


class Counts:
    """Takes the outputs of a histogram in the order of their partitions; those of another source are left out.

    `unreadable` counts outputs that hold no counts of that many bins.
    """

    def __init__(self, histogram: Histogram, source_id: uuid.UUID) -> None:
        """`source_id`: the id of the source topic; what a former topic of that name held does not count."""
        self._histogram = histogram
        self._topic = topic_of(source_name(source_id, 0))
        self._newest: dict[bytes, list[int]] = {}
        self.unreadable = 0

    def take(self, values: Sequence[RawValue], headers: Sequence[Sequence[Header]]) -> None:
        """Outputs that follow those taken before, of one partition of the target."""
        newest: dict[bytes, RawValue] = {}
        for value, said in zip(values, headers, strict=True):
            source = source_of(said)
            if source is not None and topic_of(source) == self._topic:
                newest[source] = value
        for source, value in newest.items():
            try:
                self._newest[source] = counts_in(value, self._histogram)
            except ValueError:
                self.unreadable += 1

    @property
    def bins(self) -> list[int] | None:
        """The counts of all partitions, a number a bin; None before the first output."""
        return [sum(each) for each in zip(*self._newest.values(), strict=True)] or None

    @property
    def partitions(self) -> int:
        """How many partitions of the source have counted something."""
        return len(self._newest)


def counts_in(value: RawValue, histogram: Histogram) -> list[int]:
    """The counts that an output holds. Raises ValueError for what is no output of that histogram."""
    if not isinstance(value, bytes):
        raise ValueError("no value")
    fields = msgspec.json.decode(value, type=dict[str, msgspec.Raw])
    counts = msgspec.json.decode(fields.get(histogram.counts_field, b"null"), type=list[Count])
    if len(counts) != histogram.bins:
        raise ValueError(f"{len(counts)} bins instead of {histogram.bins}")
    return counts


class Rate:
    """How fast a total grows, over the last RATE_OVER_S."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def of(self, total: int, now_s: float) -> float | None:
        """Per second; None for the first second."""
        self._seen.append((now_s, total))
        while now_s - self._seen[0][0] > RATE_OVER_S and now_s - self._seen[1][0] >= RATE_OVER_S:
            self._seen.popleft()
        since_s, before = self._seen[0]
        return (total - before) / (now_s - since_s) if now_s - since_s >= 1 else None
