"""What a stream file states about its transforms: topic → topic, as frozen values. Pure.

A transform is one such value; whatever runs it knows no stream by name. All that it remembers of a partition travels in
the commit of its offsets, so that a restart goes on from exactly there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import msgspec

from common.model.record import dead_name


@dataclass(frozen=True, kw_only=True)
class Transform:
    """Reads events of `source` and writes to `target`, each source partition by itself.

    `target_partitions` is how many partitions the target has, None: as many as other topics.
    """

    name: str
    source: str
    event: type[msgspec.Struct]
    target: str
    target_partitions: int | None = None

    @property
    def dead_topic(self) -> str:
        """Where messages go of which no output can be made."""
        return dead_name(self.source)

    def with_settings(self, environ: Mapping[str, str]) -> Self:
        """The transform as the environment wants it; each value has been checked."""
        return self

    @property
    def fixed_topics(self) -> frozenset[str]:
        """Topics that cannot get more partitions: what was written before would be at odds with what comes after."""
        return frozenset([self.target]) if self.target_partitions is not None else frozenset()


@dataclass(frozen=True, kw_only=True)
class Each(Transform):
    """Makes one output of each event: `make(event, timestamp_ms)`, a pure function of the record.

    With `key`, outputs are regrouped: equal keys are in one partition of the target. Without, an output goes to the
    partition of the number that its record came from. An output keeps the timestamp of its record. A message is bad
    data if `make` or `key` raises for one of its events.
    """

    make: Callable[[Any, int], msgspec.Struct]
    key: Callable[[Any], bytes] | None = None

    @property
    def fixed_topics(self) -> frozenset[str]:
        """The target, if equal keys must stay in one partition."""
        return super().fixed_topics | ({self.target} if self.key else set())


@dataclass(frozen=True, kw_only=True)
class Histogram(Transform):
    """Counts the values of events in `bins` of equal width over [low, high], the upper end included.

    A message is bad data if a value is outside. An output holds the counts of one source partition since its first
    message: `make(counts, so_far)`, in its field `counts_field`. Those of all partitions add up.
    """

    values: Callable[[Sequence[Any]], Sequence[float]]
    low: float
    high: float
    bins: int
    make: Callable[[list[int], SoFar], msgspec.Struct]
    counts_field: str = "counts"

    @property
    def fixed_topics(self) -> frozenset[str]:
        """Both: what a partition has counted is remembered under its number."""
        return frozenset([self.source, self.target])


@dataclass(frozen=True)
class SoFar:
    """How far a partial result goes: it counts every message of `partition` below offset `next`.

    `timestamp_ms` is the latest record timestamp among them, in ms since 1970.
    """

    partition: int
    next: int
    timestamp_ms: int


@dataclass(frozen=True, kw_only=True)
class DistinctPerWindow(Transform):
    """Counts distinct ids per key in tumbling windows of event time, of `size_s` seconds.

    The source holds all events of a key in one partition. A window closes when event time has passed its end by
    `grace_s`; each window and key gets updates while it is open, and one final count. What comes after that is late:
    counted, not added. Time is that of the slowest of the partitions upstream, those that were silent for `silence_s`
    left out; when all were, it goes on with the clock. A message is bad data if its time is more than `ahead_s` ahead
    of its record's timestamp. The source is parked when the open windows of a partition hold more than `most_events`
    events. `make(key, count)` makes an output of a Count. `size_variable` and `grace_variable` name the settings that
    replace size and grace.
    """

    key: Callable[[Any], bytes]
    id: Callable[[Any], str]
    time_ms: Callable[[Any], int]
    size_s: float
    grace_s: float
    make: Callable[[bytes, Count], msgspec.Struct]
    size_variable: str | None = None
    grace_variable: str | None = None
    ahead_s: float = 60.0
    silence_s: float = 30.0
    most_events: int = 10_000_000

    def with_settings(self, environ: Mapping[str, str]) -> Self:
        """With the windows that the environment gives."""
        size_s = environ.get(self.size_variable or "") or self.size_s
        grace_s = environ.get(self.grace_variable or "") or self.grace_s
        return replace(self, size_s=float(size_s), grace_s=float(grace_s))

    @property
    def fixed_topics(self) -> frozenset[str]:
        """Both: the events of a window are in one partition."""
        return frozenset([self.source, self.target])


@dataclass(frozen=True)
class Count:
    """What is known of one key in one window: [start_ms, end_ms) of event time.

    `distinct` ids so far, or in the end if `is_final`. `late` counts the events that came after the end: such a Count
    says only how many came since the one before. `closed_by_silence`: slower partitions upstream were not waited for.
    """

    start_ms: int
    end_ms: int
    distinct: int
    late: int
    is_final: bool
    closed_by_silence: bool = False
