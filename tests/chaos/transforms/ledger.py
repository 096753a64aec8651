"""What the brokers acknowledged, topic by topic: where each message is, what it is, and what must become of it."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import NamedTuple

from tests.chaos.transforms.messages import Message, Sort, checksum


class Entry(NamedTuple):
    """An acknowledged message; `mark` is the checksum of its value."""

    partition: int
    offset: int
    sort: Sort
    mark: int


class Ledger:
    """Any thread may write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, list[Entry]] = defaultdict(list)
        self._unknown: dict[str, list[Entry]] = defaultdict(list)
        self.waiting = 0

    def hand_over(self) -> None:
        """A message is on its way."""
        with self._lock:
            self.waiting += 1

    def acknowledge(self, topic: str, partition: int, offset: int, message: Message) -> None:
        """It is in the topic, there."""
        entry = Entry(partition, offset, message.sort, checksum(message.value))
        with self._lock:
            self.waiting -= 1
            self._entries[topic].append(entry)

    def give_up(self, topic: str, partition: int, message: Message) -> None:
        """It ended without an acknowledgement: it may be in the topic or not."""
        with self._lock:
            self.waiting -= 1
            self._unknown[topic].append(Entry(partition, -1, message.sort, checksum(message.value)))

    def __len__(self) -> int:
        with self._lock:
            return sum(map(len, self._entries.values()))

    @property
    def unknown(self) -> int:
        """Messages that may be there or not."""
        with self._lock:
            return sum(map(len, self._unknown.values()))

    def of(self, topic: str) -> tuple[list[Entry], list[Entry]]:
        """Acknowledged ones, and those of which nobody knows."""
        with self._lock:
            return list(self._entries[topic]), list(self._unknown[topic])
