"""Columns of what Kafka's record says beside its value, for tables that ask for them. Pure.

table(Reading, …, record={"key": Key(), "sent": Timestamp(), "headers": Headers()})
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from common.model.record import Details

NO_TIMESTAMP_MS = -1


class Messages(NamedTuple):
    """Messages of one partition: where they are, and what they carry; `details` are there where a column needs them."""

    topic: str
    partition: int
    offsets: np.ndarray
    details: Details | None

    def at(self, indices: np.ndarray) -> Messages:
        """Those of them at these indices, which ascend."""
        if len(indices) == len(self.offsets):
            return self
        details = None if self.details is None else self.details.at(indices.tolist())
        return self._replace(offsets=self.offsets[indices], details=details)

    @property
    def carried(self) -> Details:
        """The details."""
        assert self.details is not None
        return self.details


@dataclass(frozen=True)
class RecordColumn(ABC):
    """A column that the record fills. A derived table takes type, codec and comment from here, another from its DDL."""

    type: str
    codec: str = ""
    comment: str = ""

    holds: ClassVar[Any]
    unit: ClassVar[str] = ""
    needs_details: ClassVar[bool] = False

    @abstractmethod
    def values(self, messages: Messages) -> Sequence[Any]:
        """One for each message, of the type `holds`, None where the record has none."""


@dataclass(frozen=True)
class Key(RecordColumn):
    """The key, byte for byte; NULL is no key, which is not an empty one."""

    type: str = "Nullable(String)"
    holds = bytes
    needs_details = True

    def values(self, messages: Messages) -> Sequence[bytes | None]:
        """The keys."""
        return messages.carried.keys


@dataclass(frozen=True)
class Timestamp(RecordColumn):
    """The time that the producer has set, or the broker in a topic with LogAppendTime. A record may have none (-1)."""

    type: str = "DateTime64(3, 'UTC')"
    holds = int
    unit = "ms"
    needs_details = True

    def values(self, messages: Messages) -> Sequence[int | None]:
        """Milliseconds since 1970."""
        found = messages.carried.timestamps
        if NO_TIMESTAMP_MS not in found:
            return found
        return [None if each == NO_TIMESTAMP_MS else each for each in found]


@dataclass(frozen=True)
class Headers(RecordColumn):
    """Names and values in their order, byte for byte; names may repeat, values may be NULL. 1,000 a message at most."""

    type: str = "Array(Tuple(name String, value Nullable(String)))"
    holds = list
    needs_details = True

    def values(self, messages: Messages) -> Sequence[list[tuple[bytes, bytes | None]]]:
        """Pairs of name and value."""
        return [
            [(name.encode("utf-8", "surrogateescape"), value) for name, value in headers]
            for headers in messages.carried.headers
        ]


@dataclass(frozen=True)
class Topic(RecordColumn):
    """The topic."""

    type: str = "LowCardinality(String)"
    holds = str

    def values(self, messages: Messages) -> Sequence[str]:
        """The same name for all."""
        return [messages.topic] * len(messages.offsets)


@dataclass(frozen=True)
class PartitionNumber(RecordColumn):
    """The number of the partition."""

    type: str = "UInt32"
    holds = int

    def values(self, messages: Messages) -> Sequence[int]:
        """The same number for all."""
        return [messages.partition] * len(messages.offsets)


@dataclass(frozen=True)
class Offset(RecordColumn):
    """The offset of the message."""

    type: str = "UInt64"
    holds = int

    def values(self, messages: Messages) -> Sequence[int]:
        """The offsets."""
        return list(map(int, messages.offsets))
