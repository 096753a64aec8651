"""Judges what the tables hold of a partition: which messages are missing, which repeated. Pure.

It is given slices of offsets and, for what these leave open, what Kafka says when it is read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from common.commits.intent import DEFAULT_MESSAGE_ROWS
from common.model.ranges import Extent, Range, Seen
from common.model.record import Details, Partition, RawValue
from common.model.stream import Feed
from consumer.rows import Check, RowMaker

SLICE_OFFSETS = 500_000
SLICE_ROWS = 2_000_000
"""A slice is so wide at most; the answers for one fit into some 100 MB on either side."""

FINDINGS_KEPT = 10
NO_LETTER = "neither rows nor a dead letter"
JOINED_GAP = 10_000
"""Offsets read for nothing rather than asking Kafka once more."""


_NONE = np.zeros(0, np.uint64)


@dataclass(frozen=True)
class Finding:
    """A message that is missing or repeated: its offset, and how."""

    offset: int
    how: str


@dataclass
class Verdict:
    """What was found of one partition.

    Judged are the offsets [first, until). `messages` are valid and whole in their tables, `events` theirs; `rows` are
    all rows of the partition in the tables, `dead` its dead letters; `missing` and `repeated` count messages. Of each
    kind of finding the first few are kept. `out_of_range`: Kafka does not hold what comes next. `judged`: the group
    has committed something of it, else there was nothing to hold against the tables. `cut_by` and `parked` are what the
    commit says of its last batch, and of why it stands still.
    """

    partition: Partition
    tp: int
    first: int
    until: int
    messages: int = 0
    events: int = 0
    rows: int = 0
    dead: int = 0
    missing: int = 0
    repeated: int = 0
    lag: int = 0
    out_of_range: bool = False
    judged: bool = True
    cut_by: str = ""
    parked: str = ""
    first_missing: int | None = None
    findings: dict[str, list[Finding]] = field(default_factory=lambda: {"missing": [], "repeated": []})
    notes: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is missing or repeated, nor lost before it could be stored."""
        return not (self.missing or self.repeated or self.out_of_range)


class Judge:
    """Judges one partition, slice by slice in order of offsets. `dead` are the sorted offsets of its dead letters.

    `message_rows` and `check` tell which messages are bad, as in `RowMaker`.
    """

    def __init__(
        self,
        feed: Feed,
        partition: Partition,
        tp: int,
        first: int,
        until: int,
        dead: np.ndarray,
        *,
        message_rows: int = DEFAULT_MESSAGE_ROWS,
        check: Check | None = None,
    ) -> None:
        self.verdict = Verdict(partition, tp, first, max(first, until), dead=len(dead))
        self._maker = RowMaker(feed, tp, message_rows=message_rows, check=check)
        self._tables = feed.tables
        self._dead = dead
        self._seen: Mapping[str, Seen] = {}
        self.whole_rows = 0
        self.partial_offsets: list[int] = []
        self.repeated_offsets: list[int] = []

    def judge(self, first: int, next_offset: int, seen: Mapping[str, Seen]) -> np.ndarray:
        """Take in what each table holds of a slice; returns the offsets that Kafka must be asked about.

        A slice lies inside the judged offsets or outside of them. Outside only repeated rows matter.
        """
        verdict, self._seen = self.verdict, seen
        verdict.rows += sum(one.rows for one in seen.values())
        repeated = _union([one.repeated for one in seen.values()])
        self._count_repeated(repeated, "rows that are there twice")
        if not verdict.first <= first < verdict.until:
            return _NONE
        holes = _union([one.holes for one in seen.values()])
        partial = _union([one.partial for one in seen.values()])
        dead = self._dead[np.searchsorted(self._dead, first) : np.searchsorted(self._dead, next_offset)]
        verdict.messages += next_offset - first - len(holes)
        both = _union([_without(dead, _without(one.holes, one.partial)) for one in seen.values()])
        self._count_repeated(_without(both, repeated), "a dead letter, and rows as well")
        self._count_missing(_without(partial, dead), "only some of its rows are there")
        self._remember_first_table(seen[self._tables[0].name])
        return _without(_without(holes, dead), partial)

    def _remember_first_table(self, seen: Seen) -> None:
        """What the count of events needs."""
        self.whole_rows += seen.whole_rows
        self.partial_offsets += seen.partial.tolist()
        self.repeated_offsets += _without(seen.repeated, seen.partial).tolist()

    @property
    def needs_details(self) -> bool:
        """Whether it takes keys, timestamps and headers to tell which rows there should be."""
        return self._maker.needs_details

    def read_again(
        self, offsets: np.ndarray, values: Sequence[RawValue], details: Details | None = None
    ) -> None:
        """Kafka holds these messages, at offsets that `judge` has returned last. Should there be rows of them?

        `details` are theirs, if they are needed.
        """
        made = self._maker.make(values, offsets, details=details)
        for index, reason in made.bad.items():
            self._count_missing(offsets[index : index + 1], f"{NO_LETTER} ({reason})")
        lacking = _NONE
        for name, columns in made.blocks.items():
            gone = np.intersect1d(np.unique(columns["_off"]), self._seen[name].holes, assume_unique=True)
            self._count_missing(_without(gone, lacking), f"no rows in {name}")
            lacking = np.union1d(lacking, gone)
        self.verdict.messages += len(values) - len(made.bad) - len(lacking)

    def _count_missing(self, offsets: np.ndarray, how: str) -> None:
        verdict = self.verdict
        if len(offsets):
            lowest = int(offsets[0]) if verdict.first_missing is None else verdict.first_missing
            verdict.first_missing = min(lowest, int(offsets[0]))
            verdict.missing += len(offsets)
            self._note("missing", offsets, how)

    def _count_repeated(self, offsets: np.ndarray, how: str) -> None:
        self.verdict.repeated += len(offsets)
        self._note("repeated", offsets, how)

    def _note(self, kind: str, offsets: np.ndarray, how: str) -> None:
        kept = self.verdict.findings[kind]
        kept += [Finding(int(offset), how) for offset in offsets[: FINDINGS_KEPT - len(kept)]]


def _without(offsets: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.setdiff1d(offsets, others, assume_unique=True)


def _union(arrays: list[np.ndarray]) -> np.ndarray:
    return arrays[0] if len(arrays) == 1 else np.unique(np.concatenate(arrays))


def slices(first: int, next_offset: int, rows: int) -> Iterator[tuple[int, int]]:
    """[first, next_offset), of which a table holds `rows` rows, cut so that each piece fits into memory."""
    per_offset = rows / max(1, next_offset - first)
    width = int(min(SLICE_OFFSETS, SLICE_ROWS / max(per_offset, 1e-9)))
    for start in range(first, next_offset, max(1, width)):
        yield start, min(start + max(1, width), next_offset)


def cuts(range_: Range, extents: Sequence[Extent], *, is_judged: bool) -> list[tuple[int, int]]:
    """`slices` of a range of which tables hold these extents: of all of it if it is judged, else of where rows are."""
    rows = sum(extent.rows for extent in extents)
    if is_judged:
        return list(slices(range_.first, range_.next, rows))
    if not extents:
        return []
    return list(slices(min(extent.first for extent in extents), max(extent.next for extent in extents), rows))


def runs(offsets: np.ndarray) -> list[np.ndarray]:
    """Sorted offsets, cut where this many lie between two of them that reading Kafka from one to the next is waste."""
    if not len(offsets):
        return []
    return np.split(offsets, np.flatnonzero(np.diff(offsets.astype(np.int64)) > JOINED_GAP) + 1)
