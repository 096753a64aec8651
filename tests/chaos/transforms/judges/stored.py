"""quotes and collatz: what was acknowledged is in the tables, once. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tests.chaos.transforms.judges.records import Input, Record, differences, judge_letters
from tests.chaos.transforms.messages import Sort

REPORT = ("bid_mean", "ask_mean", "bid_01", "bid_50", "ask_01", "ask_50")


def judge_quotes(
    inputs: Sequence[Input], letters: Iterable[Record], rows: Iterable[tuple[Any, ...]]
) -> list[str]:
    """`rows` are the time in ms and the columns of REPORT."""
    wanted = Counter((event["time"], *(event[name] for name in REPORT)) for event in _good_events(inputs))
    findings = judge_letters("metrics_raw", inputs, letters, least=1, most=None)
    return findings + differences("table metrics", wanted, Counter(rows))


def judge_walks(
    inputs: Sequence[Input], letters: Iterable[Record], rows: Iterable[tuple[Any, ...]]
) -> list[str]:
    """`rows` are of each number: its steps, how many of them differ, the last step, the sum of all values."""
    walks: dict[int, list[list[int]]] = {}
    for event in _good_events(inputs):
        walks.setdefault(event["number"], []).append(event["walk"])
    wanted = Counter(
        (number, sum(map(len, each)), len(each[0]), len(each[0]) - 1, sum(map(sum, each)))
        for number, each in walks.items()
    )
    findings = judge_letters("conjecture.data", inputs, letters, least=1, most=None)
    return findings + differences("table data_series", wanted, Counter(rows))


def _good_events(inputs: Sequence[Input]) -> list[dict[str, Any]]:
    return [event for each in inputs if each.sort is Sort.GOOD for event in each.events]
