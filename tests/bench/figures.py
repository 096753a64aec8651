"""Arithmetic on measurements: medians, spreads, percentiles. Pure; every section and the report use it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Run = Mapping[str, float]


class Spread(NamedTuple):
    """The middle of some runs, the lowest and the highest of them."""

    median: float
    low: float
    high: float


def spread(values: Iterable[float]) -> Spread:
    """Median, lowest and highest. Raises ValueError without values."""
    kept = list(values)
    if not kept:
        raise ValueError("no run was measured")
    return Spread(statistics.median(kept), min(kept), max(kept))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least `share` (0 < share <= 1) of them do not exceed."""
    if not values:
        raise ValueError("no value was measured")
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 10_000) // 10_000) - 1)]


def per_second(runs: Iterable[Run]) -> Spread:
    """Rows a second of wall time."""
    return spread(run["rows"] / run["wall_s"] for run in runs)


def per_cpu_second(runs: Iterable[Run], *fields: str) -> float:
    """Median of rows a CPU-second; `fields` names whose: cpu_s, clickhouse_cpu_s, or both together."""
    return spread(run["rows"] / max(sum(run[field] for field in fields), 0.01) for run in runs).median
