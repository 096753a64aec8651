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
    twice; `lowest` has, of each, the lowest address in each source partition. `is_judged`: everything that was written
    is there to be looked at.
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
    lowest: dict[str, list[str]] = field(default_factory=lambda: {"missing": [], "repeated": []})
    notes: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is missing or repeated."""
        return not (self.missing or self.repeated)


class Lowest(NamedTuple):
    """The lowest offset of what is missing and of what is repeated; None where there is none, or nobody can tell."""

    missing: int | None = None
    repeated: int | None = None


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


class Sums(NamedTuple):
    """The events of a source partition: all, those of messages that are done, and those of them in dead letters."""

    total: int = 0
    done: int = 0
    gone: int = 0

    def plus(self, entered: Entered, dead: np.ndarray, before: Done) -> Sums:
        """With some more messages; `dead` are offsets of dead letters, and what is below `before.read` is done."""
        gone = entered.at(dead[dead < before.read])
        return Sums(
            self.total + int(entered.events.sum()), self.done + entered.below(before.read), self.gone + gone
        )


class Left(NamedTuple):
    """The outputs made of one source partition: offset of the message each, and which of its outputs it is.

    Where they are counts, `counted` and `late` are how many events each one counts, and `is_total` whether it takes
    the place of those before it. One entry an output, in no order.
    """

    offsets: np.ndarray
    indexes: np.ndarray
    counted: np.ndarray
    late: np.ndarray
    is_total: np.ndarray

    def where(self, chosen: np.ndarray) -> Left:
        """Some of them."""
        return Left(*(each[chosen] for each in self))

    def sums(self) -> tuple[int, int]:
        """How many events they count, and how many were late."""
        added = ~self.is_total
        counted, late = int(self.counted[added].sum()), int(self.late[added].sum())
        if self.is_total.any():
            totals = self.where(self.is_total)
            newest = np.lexsort((totals.counted, totals.indexes, totals.offsets))[-1]
            counted, late = counted + int(totals.counted[newest]), late + int(totals.late[newest])
        return counted, late


class Done(NamedTuple):
    """What is committed of a partition: everything below `read` is done, `open` events are not put out yet."""

    read: int = 0
    open: int = 0


def judge_each(
    verdict: StageVerdict, entered: Entered, left: Left, dead: np.ndarray, before: Done, after: Done
) -> Lowest:
    """Add a partition whose events have one output each, or the messages of a partition a part at a time.

    `before` was committed before the outputs were looked at, and `after` afterwards: what was done in between may have
    been seen or not.
    """
    pairs, copies = np.unique(np.stack([left.offsets, left.indexes]), axis=1, return_counts=True)
    held = pairs[0][np.isin(pairs[0], entered.offsets)]  # of messages that retention has left
    lost = len(left.offsets) - pairs.shape[1]
    is_dead = np.isin(entered.offsets, dead)
    outputs = np.bincount(np.searchsorted(entered.offsets, held), minlength=len(entered.offsets))
    is_done, is_begun = entered.offsets < before.read, entered.offsets < after.read
    most = np.where(is_dead | ~is_begun, 0, entered.events)
    lacking = np.where(is_dead, 0, np.maximum(entered.events - np.minimum(outputs, most), 0))
    verdict.entered += int(entered.events.sum())
    verdict.dead += int(entered.events[is_dead].sum())
    verdict.left += len(held)
    verdict.pending += int(lacking[~is_done].sum())
    verdict.missing += int(lacking[is_done].sum())
    verdict.repeated += lost + int(np.maximum(outputs - most, 0).sum())
    twice = np.concatenate([pairs[0][copies > 1], entered.offsets[outputs > most]])
    return Lowest(_lowest(entered.offsets[is_done & (lacking > 0)]), _lowest(twice))


def _lowest(offsets: np.ndarray) -> int | None:
    return int(offsets.min()) if len(offsets) else None


def judge_counts(verdict: StageVerdict, entered: Sums, left: Left, before: Done, after: Done) -> Lowest:
    """Add a whole partition whose events are counted; `before` and `after` as `judge_each` has them."""
    least_open = after.open
    if after.read > before.read:  # what is known of is what was made before that; the last of it may be later
        left = left.where(left.offsets < before.read)
        least_open = 0 if (left.offsets + 1 == before.read).any() else before.open
    counted, late = left.sums()
    total, done, gone = entered
    verdict.entered += total
    verdict.dead += gone
    verdict.left += counted
    verdict.late += late
    still_open = done - gone - counted - late
    verdict.pending += total - done + max(still_open, 0)
    verdict.missing += max(still_open - before.open, 0)
    verdict.repeated += max(least_open - still_open, 0)
    return Lowest()


def entered_of(offsets: Sequence[np.ndarray], events: Sequence[np.ndarray]) -> Entered:
    """The parts of a partition end to end."""
    if not offsets:
        return Entered(np.zeros(0, np.uint64), np.zeros(0, np.int64))
    return Entered(np.concatenate(offsets), np.concatenate(events))
