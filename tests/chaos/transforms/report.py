"""What the half with transforms tells at its end, for people on a terminal and as markdown."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tests.chaos.journal import Journal
from tests.chaos.transforms.check import Result
from tests.chaos.transforms.schedule import KINDS, TRANSACTIONAL

SHOWN = 40


@dataclass(frozen=True)
class Report:
    """A run's figures. `findings` are those of the check, `audited` those of the audit."""

    replay: str
    took_s: float
    rounds: int
    journal: Journal
    result: Result
    audited: list[str]
    unknown: int
    transforms_started: int
    sinks_started: int
    ended: int
    not_begun: int

    @property
    def is_sound(self) -> bool:
        """Nothing is wrong, by both judges; and nothing ended by itself."""
        return not (self.result.findings or self.audited or self.ended)

    @property
    def hits(self) -> Counter[str]:
        """Kind → faults that hit something."""
        return Counter(fault.kind for fault in self.journal.faults if fault.hit)

    @property
    def in_transactions(self) -> Counter[str]:
        """Kind → of these, those that hit a transaction that was shown to be open."""
        return Counter(fault.kind for fault in self.journal.faults if fault.hit and fault.in_transaction)

    @property
    def beyond_bars(self) -> list[str]:
        """None: nothing is promised of pauses here."""
        return []

    def verdict(self) -> str:
        """One line."""
        ended = f"; {self.ended} processes ended by themselves" if self.ended else ""
        return (
            f"{len(self.result.findings)} findings by the check, {len(self.audited)} by the audit{ended}: "
            f"{self.in_transactions.total():,} faults in open transactions over {self.result.messages:,} messages"
        )

    def markdown(self) -> str:
        """The whole report."""
        parts = [
            f"# Transforms: {self.verdict()}",
            f"`{self.replay}`: {self.took_s / 60:.1f} minutes of faults in {self.rounds} storms, with 1, 3, then 2 "
            "transforms in each, all streams at once.",
            self._figures(),
            self._table(),
            "In an open transaction: its request was in the proxy's hand when the process or the broker was hurt, was "
            "itself what came late, or was carried out (its answer says so) and its answer lost.",
        ]
        wrong = [*self.result.findings, *self.audited]
        parts += _listed("Findings:", wrong) + _listed("Remarks:", self.journal.remarks)
        return "\n\n".join(parts) + "\n"

    def _figures(self) -> str:
        rows = [
            ("faults that hit something", f"{self.hits.total():,}"),
            ("of these in an open transaction", f"{self.in_transactions.total():,}"),
            ("faults drawn that did not begin", f"{self.not_begun:,}: their storm was over"),
            ("messages acknowledged, without an answer", f"{self.result.messages:,}; {self.unknown:,}"),
            ("outputs of transforms", f"{self.result.outputs:,}"),
            ("transforms started, sinks started", f"{self.transforms_started:,}; {self.sinks_started:,}"),
            ("processes that ended by themselves", f"{self.ended:,}"),
        ]
        return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])

    def _table(self) -> str:
        hits, within = self.hits, self.in_transactions
        misses = Counter(fault.kind for fault in self.journal.faults if not fault.hit)
        lines = ["| fault | struck | of these in an open transaction | missed |", "|---|---:|---:|---:|"]
        for kind in KINDS:
            inside = within[kind.name] if kind in TRANSACTIONAL else ""
            lines.append(f"| {kind.name} | {hits[kind.name]} | {inside} | {misses[kind.name]} |")
        return "\n".join(lines)


def _listed(title: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    more = [f"- … {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return ["\n".join([title, "", *(f"- {line}" for line in lines[:SHOWN]), *more])]
