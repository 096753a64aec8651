"""What a transform does with one source partition, as values that go in and come out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from common.errors import FeedBlocked
from common.model.reasons import Reason
from common.model.record import RawValue


class Run(NamedTuple):
    """Messages of one partition, in order: [start, next_offset), with one entry each in the sequences.

    `timestamps` are those of the records, ms since 1970. `upstreams[i]` tells which partition the message was made
    from, None if it does not say; there are none where a work does not need them.
    """

    start: int
    next_offset: int
    values: Sequence[RawValue]
    offsets: Sequence[int]
    timestamps: Sequence[int]
    upstreams: Sequence[bytes | None]


@dataclass
class Outputs:
    """Messages to produce, in order, one entry each: body, key, timestamp in ms, and the message that it comes from.

    `offsets[i]` and `indexes[i]` are that message's offset, and which of its outputs this one is. Without keys they go
    to the partition of the source's number. `counted` has how many events each one counts, as the header COUNTED.
    """

    values: list[bytes] = field(default_factory=list)
    keys: list[bytes] | None = None
    timestamps: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    counted: list[bytes] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def part(self, rows: Sequence[int]) -> Outputs:
        """Those at these places, in that order."""
        return Outputs(
            [self.values[row] for row in rows],
            None if self.keys is None else [self.keys[row] for row in rows],
            [self.timestamps[row] for row in rows],
            [self.offsets[row] for row in rows],
            [self.indexes[row] for row in rows],
            None if self.counted is None else [self.counted[row] for row in rows],
        )


def joined(parts: Sequence[Outputs]) -> Outputs:
    """All of them in order, as one; of the same work."""
    if len(parts) == 1:
        return parts[0]
    whole = Outputs(
        keys=[] if any(part.keys is not None for part in parts) else None,
        counted=[] if any(part.counted is not None for part in parts) else None,
    )
    for part in parts:
        whole.values += part.values
        whole.timestamps += part.timestamps
        whole.offsets += part.offsets
        whole.indexes += part.indexes
        if whole.keys is not None:
            whole.keys += part.keys or ()
        if whole.counted is not None:
            whole.counted += part.counted or ()
    return whole


class Made(NamedTuple):
    """What a run made: outputs, and index of the message → why none can be made of it.

    `late` counts events that came after their window was closed.
    """

    outputs: Outputs
    bad: dict[int, Reason]
    late: int = 0


class Remembered(NamedTuple):
    """What is committed with the outputs made so far.

    `offset`: where a restart begins to read. `read`: everything below it is done; what lies in between is read again
    without making outputs. `state` is JSON, small: brokers take 4,096 bytes.
    """

    offset: int
    read: int
    state: Any


class Work(Protocol):
    """A transform at work on one partition. What it has made is void unless what it remembers is committed with it."""

    needs_upstreams: bool
    """Whether its runs are to say which partitions messages were made from."""

    def take(self, run: Run, now_s: float) -> Made:
        """The outputs of the next run, which begins where the last one ended. Raises FeedBlocked, MemoryError."""

    def tick(self, now_s: float, *, is_at_end: bool) -> Outputs:
        """Outputs that are due, asked for before each commit; `is_at_end`: there is nothing more to read."""

    @property
    def remembered(self) -> Remembered:
        """What to commit now."""

    @property
    def is_behind(self) -> bool:
        """Whether it reads again what was done before: nothing of it may be committed until it has caught up."""


def too_much(what: str) -> FeedBlocked:
    """The partition cannot go on within its bounds."""
    return FeedBlocked(what)
