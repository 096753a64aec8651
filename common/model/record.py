"""What Kafka holds: partitions, the layout of a topic, records, and slabs, which are runs of raw messages. Pure."""

from __future__ import annotations

import uuid
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, Protocol, TypeAlias, TypeVar, runtime_checkable


class Partition(NamedTuple):
    """A partition of a topic; equal to and hashed like kafka-python's TopicPartition."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


def dead_name(topic: str) -> str:
    """The topic for those messages of a topic that nothing can be made of."""
    return f"{topic}.dead"


class Layout(NamedTuple):
    """A topic: its id (a topic created again has another one) and its partitions."""

    topic_id: uuid.UUID
    partitions: tuple[Partition, ...]


class TooLarge(NamedTuple):
    """Stands among the values for a message that was not unpacked: it takes more than `limit_bytes`."""

    limit_bytes: int


MOST_HEADERS = 1_000
"""A message of a megabyte can have half a million headers, and one that unpacks to more can have thirty million."""

Headers: TypeAlias = Sequence[tuple[str, bytes | None]]
Made = TypeVar("Made")

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


class Details(NamedTuple):
    """What some messages carry beside their values, one entry each; timestamps are ms since 1970.

    Of headers there are the first MOST_HEADERS, and one more to tell that there are others.
    """

    timestamps: list[int]
    keys: list[bytes | None]
    headers: list[Sequence[tuple[str, bytes | None]]]

    @classmethod
    def of(cls, records: Sequence[Record]) -> Details:
        """Those of whole records."""
        return cls(
            [record.timestamp_ms for record in records],
            [record.key for record in records],
            [record.headers for record in records],
        )

    @classmethod
    def joined(cls, parts: Sequence[Details]) -> Details:
        """Those of runs of messages end to end."""
        if len(parts) == 1:
            return parts[0]
        return cls(*(list(chain.from_iterable(same)) for same in zip(*parts, strict=True)))

    def at(self, indices: Sequence[int]) -> Details:
        """Those of the messages at these indices."""
        return Details(
            [self.timestamps[index] for index in indices],
            [self.keys[index] for index in indices],
            [self.headers[index] for index in indices],
        )


class Records(Protocol):
    """Whole records by their index; any sequence of records is one."""

    def __getitem__(self, index: int, /) -> Record:
        """The record at `index`."""


@runtime_checkable
class Sweeping(Protocol):
    """Records that give the details of many at once."""

    def details(self, indexes: range) -> Details:
        """Those of the records at these indexes, which follow each other."""
        ...

    def times_and(
        self, indexes: range, of_headers: Callable[[Headers], Made] | None, /
    ) -> tuple[list[int], list[Made]]:
        """Their timestamps, and what is made of the headers of each."""
        ...


class Slab:
    """A run of messages of one partition, in offset order.

    It covers the offsets [start, next_offset): those that hold no message for us (transaction markers,
    aborted or compacted records) lie inside the run but not in `offsets`. `values[i]` is the raw value of the
    message at `offsets[i]`; None is a tombstone. A slab may be empty: then it only says that nothing lies there.
    `source[first + i]` is its whole record: key, headers and timestamp are decoded on request, at the price of reading
    again what lies before it in the source. `size_bytes` is what the values take, or a little more.
    """

    __slots__ = (
        "start",
        "next_offset",
        "size_bytes",
        "_offsets",
        "_values",
        "_from",
        "_to",
        "_source",
        "_first",
        "_is_measured",
    )

    def __init__(
        self,
        start: int,
        next_offset: int,
        offsets: Sequence[int],
        values: Sequence[RawValue],
        source: Records,
        size_bytes: int | None = None,
        first: int = 0,
    ) -> None:
        self.start = start
        self.next_offset = next_offset
        self._offsets, self._values = offsets, values
        self._from, self._to = 0, len(values)  # where the slab lies in them: parts share them
        self._source, self._first = source, first
        self._is_measured = size_bytes is None
        self.size_bytes = _size_of(values) if size_bytes is None else size_bytes

    def __len__(self) -> int:
        return self._to - self._from

    @property
    def offsets(self) -> Sequence[int]:
        """One a message. Of a part they are cut out at each call, as its values are."""
        return self._offsets if self._is_all else self._offsets[self._from : self._to]

    @property
    def values(self) -> Sequence[RawValue]:
        """One a message."""
        return self._values if self._is_all else self._values[self._from : self._to]

    def record(self, index: int) -> Record:
        """The whole record of the message at `offsets[index]`; cheap for one behind the last one asked for."""
        return self._source[self._first + range(self._from, self._to)[index]]

    def details(self) -> Details:
        """Timestamps, keys and headers of all messages, in one sweep through what was fetched."""
        mine = range(self._first + self._from, self._first + self._to)
        if isinstance(self._source, Sweeping):
            return self._source.details(mine)
        return Details.of([self._source[index] for index in mine])

    def times_and(self, of_headers: Callable[[Headers], Made] | None) -> tuple[list[int], list[Made]]:
        """Timestamps of all messages, and what is made of the headers of each; None: nothing, and no entries."""
        mine = range(self._first + self._from, self._first + self._to)
        if isinstance(self._source, Sweeping):
            return self._source.times_and(mine, of_headers)
        records = [self._source[index] for index in mine]
        made = [] if of_headers is None else [of_headers(record.headers) for record in records]
        return [record.timestamp_ms for record in records], made

    def records(self) -> Iterator[Record]:
        """All of them, in order."""
        return map(self.record, range(len(self)))

    def split(self, offset: int) -> tuple[Slab, Slab]:
        """Cut into [start, offset) and [offset, next_offset). Requires start < offset < next_offset."""
        return self._cut(bisect_left(self._offsets, offset, self._from, self._to), offset)

    def split_at(self, index: int) -> tuple[Slab, Slab]:
        """Cut before the message at `offsets[index]`, which is not the first."""
        at = self._from + index
        return self._cut(at, self._offsets[at])

    @property
    def _is_all(self) -> bool:
        return self._to - self._from == len(self._values)

    def _cut(self, at: int, offset: int) -> tuple[Slab, Slab]:
        total_bytes = self.size_bytes if self._is_measured else _size_of(self.values)
        head_bytes = _size_of(self._values[self._from : at])
        head = self._part(self.start, offset, self._from, at, head_bytes)
        return head, self._part(offset, self.next_offset, at, self._to, total_bytes - head_bytes)

    def _part(self, start: int, next_offset: int, at: int, to: int, size_bytes: int) -> Slab:
        """Only a part of half the length or less is copied: hundreds of splits cost no more than the slab is long."""
        offsets, values, first = self._offsets, self._values, self._first
        if 2 * (to - at) <= len(values):
            offsets, values, first, at, to = offsets[at:to], values[at:to], first + at, 0, to - at
        part = Slab(start, next_offset, offsets, values, self._source, size_bytes, first)
        part._from, part._to, part._is_measured = at, to, True
        return part


def _size_of(values: Sequence[RawValue]) -> int:
    """A tombstone counts as nothing, a TooLarge as one byte."""
    try:
        return sum(map(len, values))  # type: ignore[arg-type]
    except TypeError:  # tombstones among them
        return sum(map(len, filter(None, values)))
