"""What a run tells at its end: faults by kind, pauses, rows, the verdict; for people on a terminal and as markdown."""

from __future__ import annotations

import os
import platform
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.check import Result
from tests.chaos.journal import Fault, Journal, Pause
from tests.chaos.schedule import KINDS, SESSION_S

BARS_S = {"broker-killed": 5.0, "sink-killed": SESSION_S + 2.0}
SHOWN_REMARKS = 40


@dataclass(frozen=True)
class Line:
    """One kind of fault: how often it hit, how often it missed, and its pauses when it was alone."""

    kind: str
    hits: int
    misses: int
    pauses_s: tuple[float, ...]
    behind_s: tuple[float, ...]

    @property
    def bar_s(self) -> float | None:
        """The longest pause allowed, where there is a promise."""
        return BARS_S.get(self.kind)

    @property
    def is_within_bar(self) -> bool:
        """Whether every pause was short enough."""
        return self.bar_s is None or max(self.pauses_s, default=0.0) <= self.bar_s


def lines(faults: Sequence[Fault], pauses: Sequence[Pause]) -> list[Line]:
    """A line for each kind, in the order of the schedule; those that did not happen too."""
    hits = Counter(fault.kind for fault in faults if fault.hit)
    misses = Counter(fault.kind for fault in faults if not fault.hit)
    return [
        Line(
            kind.name,
            hits[kind.name],
            misses[kind.name],
            tuple(pause.whole_s for pause in pauses if pause.kind == kind.name),
            tuple(pause.behind_s for pause in pauses if pause.kind == kind.name),
        )
        for kind in KINDS
    ]


@dataclass(frozen=True)
class Report:
    """A run's figures."""

    replay: str  # the command
    took_s: float
    rounds: int
    journal: Journal
    check: Result
    audit: dict[str, Any]
    audit_exit_code: int
    sinks_started: int
    sinks_ended: int
    partitions: int
    replaced_clients: int
    not_begun: int

    @property
    def lines(self) -> list[Line]:
        """The table of faults."""
        return lines(self.journal.faults, self.journal.pauses)

    @property
    def hits(self) -> int:
        """Faults that hit something."""
        return sum(line.hits for line in self.lines)

    @property
    def beyond_bars(self) -> list[Line]:
        """Kinds whose pauses were longer than promised."""
        return [line for line in self.lines if not line.is_within_bar]

    @property
    def is_sound(self) -> bool:
        """Nothing missing, nothing repeated, by both judges; and no sink ended by itself."""
        return not self.check.findings and self.audit_exit_code == 0 and not self.sinks_ended

    def verdict(self) -> str:
        """One line."""
        check, audit = self.check, self.audit
        ended = f"; {self.sinks_ended} sinks ended by themselves" if self.sinks_ended else ""
        return (
            f"{check.missing} missing, {check.repeated} repeated by the check; {audit.get('missing')} missing, "
            f"{audit.get('repeated')} repeated by the audit{ended}: {self.hits:,} faults over {check.rows:,} rows"
        )

    def markdown(self) -> str:
        """The whole report."""
        parts = [
            f"# Chaos: {self.verdict()}",
            f"`{self.replay}`: {self.took_s / 60:.1f} minutes of faults in {self.rounds} rounds, {self._place()}.",
            self._figures(),
            _table(self.lines),
            "A pause is the longest time that any partition got no new row while a message for it was under way or "
            "waited; measured where the fault was alone. Behind the brokers: from the acknowledgement on.",
        ]
        remarks = self.journal.remarks
        if remarks:
            more = [f"- … {len(remarks) - SHOWN_REMARKS} more"] if len(remarks) > SHOWN_REMARKS else []
            parts.append(
                "\n".join(["Remarks:", "", *(f"- {text}" for text in remarks[:SHOWN_REMARKS]), *more])
            )
        return "\n\n".join(parts) + "\n"

    def _place(self) -> str:
        return f"{os.cpu_count()} cores, Python {platform.python_version()}"

    def _figures(self) -> str:
        check, per_minute = self.check, self.hits / (self.took_s / 60)
        rows = [
            ("faults that hit something", f"{self.hits:,} ({per_minute:.1f} a minute)"),
            ("faults drawn that did not begin", f"{self.not_begun}: their storm was over"),
            ("messages acknowledged, rows they make", f"{check.messages:,}; {check.rows:,}"),
            ("dead letters, distinct and in all", f"{check.dead:,}; {check.letters:,}"),
            ("messages without an answer, of which stored", f"{check.unknown:,}; {check.unknown_stored:,}"),
            ("sinks started, ended by themselves", f"{self.sinks_started:,}; {self.sinks_ended:,}"),
            ("partitions at the end", f"{self.partitions}"),
            ("producer clients replaced", f"{self.replaced_clients}"),
        ]
        return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _table(every: Sequence[Line]) -> str:
    head = (
        "| fault | hit | missed | alone | median pause, s | longest pause, s | longest behind the brokers, s |",
        "|---|---:|---:|---:|---:|---:|---:|",
    )
    return "\n".join([*head, *map(_row, every)])


def _row(line: Line) -> str:
    median = f"{statistics.median(line.pauses_s):.1f}" if line.pauses_s else ""
    longest = f"{max(line.pauses_s):.1f}" if line.pauses_s else ""
    if longest and line.bar_s is not None:
        longest += f" (bar {line.bar_s:g}{'' if line.is_within_bar else ', MISSED'})"
    behind = f"{max(line.behind_s):.1f}" if line.behind_s else ""
    cells = (line.kind, line.hits, line.misses, len(line.pauses_s), median, longest, behind)
    return "| " + " | ".join(map(str, cells)) + " |"
