"""Judges one stage of a stream, a transform: where each event is that has entered it. Pure.

entered = left + dead + late + pending, or something is missing or repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

COUNTS = ("entered", "left", "dead", "late", "pending", "missing", "repeated")


@dataclass
class StageVerdict:
    """What was found of one stage, in events; a message that no event can be made of counts as one.

    `entered` its source; `left` it, as outputs or within a final count; `dead`, in dead letters; `late`, for a window
    that was closed; `pending`, not done yet or in a window that is open. `missing` are nowhere, `repeated` somewhere
    twice. `is_judged`: everything that was written is there to be looked at.
    """

    name: str
    source: str
    target: str
    entered: int = 0
    left: int = 0
    dead: int = 0
    late: int = 0
    pending: int = 0
    missing: int = 0
    repeated: int = 0
    is_judged: bool = True
    notes: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is missing or repeated."""
        return not (self.missing or self.repeated)


class Entered(NamedTuple):
    """The messages of one source partition: sorted offsets, and how many events each holds."""

    offsets: np.ndarray
    events: np.ndarray

    def at(self, offsets: np.ndarray) -> int:
        """The events of the messages at these offsets."""
        return int(self.events[np.isin(self.offsets, offsets)].sum())

    def below(self, offset: int) -> int:
        """The events of the messages below an offset."""
        return int(self.events[: np.searchsorted(self.offsets, offset)].sum())


class Left(NamedTuple):
    """The outputs made of one source partition: offset of the message each, and which of its outputs it is.

    `counted` and `late` are how many events they count, where they are counts.
    """

    offsets: np.ndarray
    indexes: np.ndarray
    counted: int = 0
    late: int = 0


def judge_each(verdict: StageVerdict, entered: Entered, left: Left, dead: np.ndarray, read: int) -> None:
    """Add a partition whose events have one output each; `read` is the offset up to which it was done."""
    pairs = np.unique(np.stack([left.offsets, left.indexes.astype(np.uint64)]), axis=1)
    held = pairs[0][np.isin(pairs[0], entered.offsets)]  # of messages that retention has left
    lost = len(left.offsets) - pairs.shape[1]
    is_dead = np.isin(entered.offsets, dead)
    outputs = np.bincount(np.searchsorted(entered.offsets, held), minlength=len(entered.offsets))
    is_done = entered.offsets < read
    verdict.entered += int(entered.events.sum())
    verdict.dead += int(entered.events[is_dead].sum())
    verdict.left += len(held)
    verdict.pending += int(entered.events[~is_done & ~is_dead].sum())
    lacking = np.where(is_dead | ~is_done, 0, entered.events - outputs)
    verdict.missing += int(np.maximum(lacking, 0).sum())
    too_many = np.where(is_dead | ~is_done, outputs, outputs - entered.events)
    verdict.repeated += lost + int(np.maximum(too_many, 0).sum())


def judge_counts(
    verdict: StageVerdict, entered: Entered, left: Left, dead: np.ndarray, read: int, open_events: int
) -> None:
    """Add a partition whose events are counted; `open_events` are those that it says it has not put out yet."""
    total, done = int(entered.events.sum()), entered.below(read)
    gone = entered.at(dead)
    verdict.entered += total
    verdict.dead += gone
    verdict.left += left.counted
    verdict.late += left.late
    still_open = done - gone - left.counted - left.late
    verdict.pending += total - done + max(still_open, 0)
    verdict.missing += max(still_open - open_events, 0)
    verdict.repeated += max(open_events - still_open, 0)


def entered_of(offsets: Sequence[np.ndarray], events: Sequence[np.ndarray]) -> Entered:
    """The parts of a partition end to end."""
    if not offsets:
        return Entered(np.zeros(0, np.uint64), np.zeros(0, np.int64))
    return Entered(np.concatenate(offsets), np.concatenate(events))
