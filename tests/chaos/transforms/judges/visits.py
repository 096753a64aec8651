"""visits: each is regrouped once, and counted in one window, or counted as late. Pure."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from tests.chaos.transforms.judges.records import Input, Record, differences, judge_letters, made_of
from tests.chaos.transforms.messages import Sort

Window = tuple[str, str, int]
"""Account, store, and where it starts, in ms."""
CLOSED = ("final", "silence")


def judge_regrouped(
    inputs: Sequence[Input], outputs: Iterable[Record], letters: Iterable[Record]
) -> list[str]:
    """Each good visit is in visits-by-store once, all of an account's store in one partition."""
    wanted = {
        (*each.at, index): event
        for each in inputs
        if each.sort is Sort.GOOD
        for index, event in enumerate(each.events)
    }
    findings = judge_letters("visits", inputs, letters, least=1, most=1)
    seen: Counter[tuple[int, int, int]] = Counter()
    homes: dict[tuple[str, str], int] = {}
    for source, record in made_of(outputs):
        seen[source] += 1
        if json.loads(record.value or b"") != wanted.get(source):
            findings.append(f"visits-by-store: what was made of visits {source} is not that visit")
            continue
        key = wanted[source]["account_id"], wanted[source]["store_id"]
        if homes.setdefault(key, record.partition) != record.partition:
            findings.append(f"visits-by-store: {key} is in partitions {homes[key]} and {record.partition}")
    findings += [f"visits-by-store: lost, visits {source}" for source in wanted if not seen[source]]
    return findings + [
        f"visits-by-store: repeated, visits {at} {count} times" for at, count in seen.items() if count > 1
    ]


class _Counted:
    def __init__(self) -> None:
        self.finals: list[int] = []
        self.left = self.late = self.late_said = 0


def judge_windows(inputs: Sequence[Input], outputs: Iterable[Record], size_ms: int) -> list[str]:
    """One final count of each window: final ≤ distinct ≤ final + late; events = those counted + those late.

    All windows must be closed.
    """
    events: Counter[Window] = Counter()
    distinct: dict[Window, set[str]] = defaultdict(set)
    for each in inputs:
        for visit in each.events if each.sort is Sort.GOOD else ():
            window = visit["account_id"], visit["store_id"], visit["time"] // size_ms * size_ms
            events[window] += 1
            distinct[window].add(visit["visit_id"])
    counted: dict[Window, _Counted] = defaultdict(_Counted)
    for record in outputs:
        count = json.loads(record.value or b"")
        of = counted[count["account_id"], count["store_id"], count["start"]]
        left, late = (dict(record.headers)["penstock-counted"] or b"").split(b":")
        of.left, of.late_said, of.late = (
            of.left + int(left),
            of.late_said + int(late),
            of.late + count["late"],
        )
        if count["state"] in CLOSED:
            of.finals.append(count["visits"])
    findings = []
    for window in sorted(events.keys() | counted.keys()):
        findings += [
            f"active-visitors: window {window}: {wrong}"
            for wrong in _wrong(events[window], len(distinct[window]), counted[window])
        ]
    return findings


def _wrong(events: int, distinct: int, of: _Counted) -> list[str]:
    wrong = []
    if len(of.finals) > 1:
        wrong.append(f"closed {len(of.finals)} times")
    if not of.finals and of.late < events:
        wrong.append("not closed")
    final = sum(of.finals[:1])
    if not final <= distinct <= final + of.late:
        wrong.append(f"final {final}, late {of.late}, and there were {distinct} distinct visits")
    if of.left + of.late != events:
        wrong.append(f"{of.left} counted and {of.late} late of {events} events")
    if of.late != of.late_said:
        wrong.append(f"{of.late} late, and the header says {of.late_said}")
    return wrong


def judge_stored(outputs: Iterable[Record], rows: Iterable[tuple[Any, ...]]) -> list[str]:
    """`rows` are (account_id, store_id, start in ms, visits, late, state), as ClickHouse has them."""
    fields = ("account_id", "store_id", "start", "visits", "late", "state")
    wanted = Counter(
        tuple(count[field] for field in fields)
        for count in (json.loads(record.value or b"") for record in outputs)
    )
    return differences("table active_visitors", wanted, Counter(rows))
