"""sensors: the newest bins of each partition count every good measurement of it once. Pure."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.chaos.transforms.judges.records import Input, Record, differences, judge_letters
from tests.chaos.transforms.messages import Sort

LIMITS = {"temperature": (-25, 25), "humidity": (40, 80), "pressure": (800, 1200)}
BINS = 40
Row = tuple[float, datetime]


def judge_sensor(
    topic: str,
    inputs: Sequence[Input],
    outputs: Iterable[Record],
    letters: Iterable[Record],
    rows: Iterable[Row],
    stored_bins: Iterable[tuple[int, int]],
) -> list[str]:
    """`rows` are (measurement, measurement_time), `stored_bins` (partition, until), as ClickHouse has them."""
    findings = judge_letters(topic, inputs, letters, least=2, most=None)  # of the transform and of the sink
    wanted: dict[int, list[int]] = defaultdict(lambda: [0] * BINS)
    measured: Counter[Any] = Counter()
    for each in inputs:
        if each.sort is Sort.BAD:
            continue
        for event in each.events:
            wanted[each.at[0]][_bin_of(topic, event["measurement"])] += 1
            if each.sort is Sort.GOOD:
                measured[event["measurement"], _time_of(event["measurement_time"])] += 1
    findings += _judge_bins(topic, wanted, outputs, stored_bins)
    stored = Counter((value, time.replace(tzinfo=UTC)) for value, time in rows)
    return findings + differences(f"table measurements, {topic}", measured, stored)


def _judge_bins(
    topic: str,
    wanted: dict[int, list[int]],
    outputs: Iterable[Record],
    stored_bins: Iterable[tuple[int, int]],
) -> list[str]:
    findings = []
    newest: dict[int, dict[str, Any]] = {}
    published: Counter[tuple[int, int]] = Counter()
    for record in outputs:
        bins = json.loads(record.value or b"")
        at = bins["partition"], bins["until"]
        published[at] += 1
        if published[at] > 1:
            findings.append(f"hist_{topic}: repeated, partition {at[0]} until {at[1]}")
        if bins["until"] >= newest.get(at[0], bins)["until"]:
            newest[at[0]] = bins
    for partition in sorted(wanted.keys() | newest.keys()):
        counts, right = newest.get(partition, {"counts": [0] * BINS})["counts"], wanted[partition]
        if counts != right:
            findings.append(
                f"hist_{topic}: partition {partition} counts {sum(counts)} of {sum(right)}, "
                f"{sum(a != b for a, b in zip(counts, right, strict=True))} bins are wrong"
            )
    return findings + differences(f"table histograms, {topic}", published, Counter(stored_bins))


def _bin_of(topic: str, value: float) -> int:
    low, high = LIMITS[topic]
    width = (high - low) / BINS
    found = 0
    while found < BINS - 1 and value >= low + (found + 1) * width:
        found += 1
    return found


def _time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)
