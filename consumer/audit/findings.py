"""Makes the rows of a round out of what it found; what it finds wrong has to be found twice. Pure.

One look can be wrong about a transform: the markers of one transaction reach the outputs and the committed offsets one
after the other, and after a failover of a coordinator or a leader that takes seconds. So can a look at a topic whose
records retention deletes meanwhile. What is really missing or repeated is there again a round later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from common.model.transform import Transform
from common.model.verdicts import SINK, Judged, VerdictRow
from consumer.audit.judge import Verdict
from consumer.audit.stage import StageVerdict


class Wrong(NamedTuple):
    """Something that is wrong: its kind ("missing", "repeated", "expired"), its address, and how."""

    kind: str
    where: str
    how: str
    offset: int | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.where}: {self.how}"


@dataclass(frozen=True)
class Found:
    """A row, and the first addresses of what is wrong with it: all of them matter for the next round.

    `looked`: whether anything could be asked of it.
    """

    row: VerdictRow
    wrong: tuple[Wrong, ...] = ()
    looked: bool = True


def of_sink(
    stream: str, topic: str, verdicts: Sequence[Verdict], time: datetime, took_ms: int
) -> list[Found]:
    """One row a partition; one row in all of a topic that does not exist."""
    if not verdicts:
        return [of_unjudged(stream, SINK, topic, "there is no such topic", time, took_ms)]
    return [_of_partition(stream, topic, verdict, time, took_ms) for verdict in verdicts]


def _of_partition(stream: str, topic: str, verdict: Verdict, time: datetime, took_ms: int) -> Found:
    wrong = [
        Wrong(kind, f"{verdict.partition} offset {finding.offset}", finding.how, finding.offset)
        for kind, findings in verdict.findings.items()
        for finding in findings
    ]
    if verdict.out_of_range:
        how = "the log does not hold the offset that is committed"
        wrong.append(Wrong("expired", f"{verdict.partition}", how))
    return _found(
        VerdictRow(
            time=time,
            stream=stream,
            stage=SINK,
            topic=topic,
            partition=verdict.partition.partition,
            judged_from=verdict.first,
            judged_until=verdict.until,
            messages=verdict.messages,
            dead=verdict.dead,
            pending=verdict.lag,
            missing=verdict.missing,
            repeated=verdict.repeated,
            sound=verdict.is_sound,
            judged=verdict.judged or not (verdict.lag or verdict.rows),
            notes=tuple(verdict.notes),
            took_ms=took_ms,
            cut_by=verdict.cut_by,
            parked=verdict.parked,
        ),
        wrong,
    )


def of_stage(
    stream: str,
    transform: Transform,
    verdict: StageVerdict,
    time: datetime,
    took_ms: int,
    parked: str = "",
) -> Found:
    """The row of a transform; `parked`: why nobody goes on with a partition of its source."""
    how = {
        "missing": f"nowhere in {verdict.target}, nor in dead letters",
        "repeated": f"more than once in {verdict.target}",
    }
    wrong = [Wrong(kind, at, how[kind]) for kind, each in verdict.lowest.items() for at in each]
    return _found(
        VerdictRow(
            time=time,
            stream=stream,
            stage=transform.name,
            topic=transform.source,
            messages=verdict.left,
            dead=verdict.dead,
            late=verdict.late,
            pending=verdict.pending,
            missing=verdict.missing,
            repeated=verdict.repeated,
            sound=verdict.is_sound,
            judged=verdict.is_judged,
            notes=tuple(verdict.notes),
            took_ms=took_ms,
            parked=parked,
        ),
        wrong,
    )


def of_unjudged(stream: str, stage: str, topic: str, why: str, time: datetime, took_ms: int) -> Found:
    """The row of what could not be judged at all."""
    row = VerdictRow(
        time=time, stream=stream, stage=stage, topic=topic, judged=False, notes=(why,), took_ms=took_ms
    )
    return Found(row, looked=False)


def _found(row: VerdictRow, wrong: Sequence[Wrong]) -> Found:
    return Found(replace(row, first_wrong=str(wrong[0]) if wrong else ""), tuple(wrong))


class Confirmation:
    """Remembers what the last look at each stage and partition found wrong, a few addresses each."""

    def __init__(self) -> None:
        self._before: dict[Judged, tuple[Wrong, ...]] = {}

    def confirm(self, found: Iterable[Found]) -> list[VerdictRow]:
        """The rows of a round. Of each kind, what is wrong for the first time is not counted yet: see `_confirmed`."""
        rows = []
        for each in found:
            if not each.looked:  # what the last look found stands until there is another
                rows.append(each.row)
                continue
            before = self._before.get(each.row.about, ())
            self._before[each.row.about] = each.wrong
            again = [wrong for wrong in each.wrong if _is_again(wrong, before, each.row)]
            rows.append(each.row if each.row.sound else _confirmed(each, again))
        return rows


def _is_again(wrong: Wrong, before: Sequence[Wrong], row: VerdictRow) -> bool:
    """Whether it was found before, or what was found of its kind has left the log since, every address of it."""
    same_kind = [each for each in before if each.kind == wrong.kind]
    if any(each.where == wrong.where for each in same_kind):
        return True
    offsets = [each.offset for each in same_kind]
    return bool(offsets) and all(offset is not None and offset < row.judged_from for offset in offsets)


def _confirmed(found: Found, again: Sequence[Wrong]) -> VerdictRow:
    """The row with the kinds that are confirmed; of the others a note, and not `judged`."""
    row, kinds = found.row, {wrong.kind for wrong in again}
    if opened := [wrong for wrong in found.wrong if wrong.kind not in kinds]:
        note = f"seen once, the next round tells: {opened[0]}"
        row = replace(row, judged=False, notes=(*row.notes, note))
    return replace(
        row,
        missing=row.missing if "missing" in kinds else 0,
        repeated=row.repeated if "repeated" in kinds else 0,
        sound=not again,
        first_wrong=str(again[0]) if again else "",
    )
