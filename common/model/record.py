"""What Kafka holds: partitions, the layout of a topic, records, and slabs, which are runs of raw messages. Pure."""

from __future__ import annotations

import uuid
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import NamedTuple, TypeAlias


class Partition(NamedTuple):
    """A partition of a topic; equal to and hashed like kafka-python's TopicPartition."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


class Layout(NamedTuple):
    """A topic: its id (a topic created again has another one) and its partitions."""

    topic_id: uuid.UUID
    partitions: tuple[Partition, ...]


class TooLarge(NamedTuple):
    """Stands among the values for a message that was not unpacked: it takes more than `limit_bytes`."""

    limit_bytes: int


RawValue: TypeAlias = bytes | TooLarge | None
"""What a message carries; None is a tombstone."""


class Record(NamedTuple):
    """One whole Kafka record, decoded on request only."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]

    @property
    def size_bytes(self) -> int:
        """What its key, value and headers take."""
        headers = sum(len(name) + len(value or b"") for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers


class MissingRecord(Record):
    """A record that was not unpacked: only its offset and its time are known. Its content is where it was."""

    __slots__ = ()


class Slab:
    """A run of messages of one partition, in offset order.

    It covers the offsets [start, next_offset): those that hold no message for us (transaction markers,
    aborted or compacted records) lie inside the run but not in `offsets`. `values[i]` is the raw value of the
    message at `offsets[i]`; None is a tombstone. A slab may be empty: then it only says that nothing lies there.
    `records()` decodes keys, headers and timestamps, one message after the other, which costs as much as reading again.
    `size_bytes` is what the values take, or a little more.
    """

    __slots__ = ("start", "next_offset", "offsets", "values", "records", "size_bytes")

    def __init__(
        self,
        start: int,
        next_offset: int,
        offsets: Sequence[int],
        values: Sequence[RawValue],
        records: Callable[[], Iterable[Record]],
        size_bytes: int | None = None,
    ) -> None:
        self.start = start
        self.next_offset = next_offset
        self.offsets = offsets
        self.values = values
        self.records = records
        self.size_bytes = _size_of(values) if size_bytes is None else size_bytes

    def __len__(self) -> int:
        return len(self.values)

    def split(self, offset: int) -> tuple[Slab, Slab]:
        """Cut into [start, offset) and [offset, next_offset). Requires start < offset < next_offset."""
        k = bisect_left(self.offsets, offset)
        records = self.records
        head = Slab(self.start, offset, self.offsets[:k], self.values[:k], lambda: islice(records(), k))
        tail = Slab(
            offset, self.next_offset, self.offsets[k:], self.values[k:], lambda: islice(records(), k, None)
        )
        return head, tail


def _size_of(values: Sequence[RawValue]) -> int:
    """A tombstone counts as nothing, a TooLarge as one byte."""
    try:
        return sum(map(len, values))  # type: ignore[arg-type]
    except TypeError:  # tombstones among them
        return sum(map(len, filter(None, values)))
