"""Answers of ClickHouse as JSON has them. Pure."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from common.model.question import LARGEST_EXACT, Answer, Question, Row

Cells = tuple[Any, ...]
WIDE = ("Int64", "Int128", "Int256")


def rows_of(question: Question, answer: Answer) -> list[Row]:
    """Its rows. The example says which columns have integers as text; without one, those of 64 bits and more do."""
    as_text = [
        isinstance(question.example[name], str)
        if name in question.example
        else any(wide in kind for wide in WIDE)
        for name, kind in zip(answer.columns, answer.types, strict=True)
    ]
    as_truth = [isinstance(question.example.get(name), bool) for name in answer.columns]
    return [
        {
            name: bool(value) if is_truth else plain(value, wide_as_text=is_text)
            for name, value, is_text, is_truth in zip(answer.columns, row, as_text, as_truth, strict=True)
        }
        for row in answer.rows
    ]


def plain(value: Any, *, wide_as_text: bool = True) -> Any:
    """A value that JSON has: integers exact (as text where wished, or past 2^53 - 1), times in UTC, no NaN."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return str(value) if wide_as_text or abs(value) > LARGEST_EXACT else int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, date | timedelta):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each, wide_as_text=wide_as_text) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [plain(each, wide_as_text=wide_as_text) for each in value]
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def cell(value: Any) -> Any:
    """A value of a column of which nothing is known: an integer is text only where JSON's readers would cut it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) <= LARGEST_EXACT else str(value)
    if isinstance(value, list | tuple):
        return [cell(each) for each in value]
    return plain(value)


def newest_first(runs: Sequence[Sequence[Cells]], first: int) -> list[Cells]:
    """The rows of several partitions, each newest first and kept in its order, as one list, newest first.

    What counts is the first column of times from number `first` on; without one, the offset in column 1.
    """
    heads = [run[0] for run in runs if run]
    columns = range(first, len(heads[0]) if heads else 0)
    times = [at for at in columns if any(isinstance(head[at], date) for head in heads)]

    def age(row: Cells) -> tuple[Any, ...]:
        time = row[times[0]] if times else None
        return (time is not None, time if time is not None else 0, row[1])

    left = [deque(run) for run in runs if run]
    merged = []
    while left:
        newest = max(left, key=lambda run: age(run[0]))
        merged.append(newest.popleft())
        left = [run for run in left if run]
    return merged


def time_text(time: datetime) -> str:
    """2026-11-01T12:34:56.123Z; without a fraction if there is none; a time without a zone is UTC."""
    aware = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    spec = "microseconds" if aware.microsecond % 1000 else "milliseconds" if aware.microsecond else "seconds"
    return aware.isoformat(timespec=spec).replace("+00:00", "Z")
