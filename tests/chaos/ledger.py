"""What the brokers acknowledged: for each message its partition, offset, the rows it must make, and its mark.

Producers write here, from several threads; the flow and the check at the end read. A million messages take 32 MB.
"""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Entry(NamedTuple):
    """One acknowledged message; `rows` 0: a bad one."""

    partition: int
    offset: int
    rows: int
    mark: int


class Ledger:
    """Acknowledged messages, those under way, and those whose fate nobody knows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._columns = tuple(array("q") for _ in Entry._fields)
        self._unknown: list[Entry] = []
        self._under_way: Counter[int] = Counter()
        self._last_valid: dict[int, int] = {}
        self.rows = 0
        self.waiting = 0  # messages under way, of all partitions

    def hand_over(self, partition: int) -> None:
        """A message for that partition is on its way to the brokers."""
        with self._lock:
            self._under_way[partition] += 1
            self.waiting += 1

    def acknowledge(self, entry: Entry) -> None:
        """It is in the topic, at that offset."""
        with self._lock:
            self._under_way[entry.partition] -= 1
            self.waiting -= 1
            for column, value in zip(self._columns, entry, strict=True):
                column.append(value)
            self.rows += entry.rows
            if entry.rows:
                last = self._last_valid.get(entry.partition, -1)
                self._last_valid[entry.partition] = max(last, entry.offset)

    def give_up(self, partition: int, rows: int, mark: int) -> None:
        """It ended without an acknowledgement: it may be in the topic, once, or not at all."""
        with self._lock:
            self._under_way[partition] -= 1
            self.waiting -= 1
            self._unknown.append(Entry(partition, -1, rows, mark))

    def __len__(self) -> int:
        return len(self._columns[0])

    def last_valid(self) -> dict[int, int]:
        """Partition → highest offset of an acknowledged message that makes rows."""
        with self._lock:
            return dict(self._last_valid)

    def under_way(self) -> dict[int, int]:
        """Partition → messages that are handed over and not answered; none where there are none."""
        with self._lock:
            return {partition: count for partition, count in self._under_way.items() if count}

    def columns(self) -> tuple[array[int], ...]:
        """Partitions, offsets, rows and marks of all acknowledged messages, as they came."""
        with self._lock:
            return tuple(array("q", column) for column in self._columns)

    def save(self, file: Path) -> None:
        """As a numpy array with a row for each field of Entry, for whoever looks into a failure."""
        np.save(file, np.asarray(self.columns()))

    def unknown(self) -> list[Entry]:
        """Messages that may be there or not; their offset is -1."""
        with self._lock:
            return list(self._unknown)
