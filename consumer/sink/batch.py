"""The messages of one partition between two offsets, as the columns of one INSERT per table. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from common.model.reasons import Reason
from common.model.record import Partition, Record
from consumer.rows import Columns
from consumer.sink.cutting import Cut


class DeadLetter(NamedTuple):
    """A whole record of which no row can be made, and why."""

    record: Record
    reason: Reason


@dataclass
class Batch:
    """The messages [first, next) of one partition, ready to insert: table name → columns, address included."""

    partition: Partition
    tp: int
    first: int
    next: int
    messages: int
    payload_bytes: int
    born_s: float
    blocks: dict[str, Columns]
    dead: list[DeadLetter] = field(default_factory=list)
    bad_run_before: int = 0
    longest_bad_run: int = 0
    cut: Cut = Cut.AGE

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(len(columns["_off"]) for columns in self.blocks.values())
