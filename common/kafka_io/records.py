"""Turns the record set of one fetched partition into slabs, in place of kafka-python's Fetcher.PartitionRecords.

The fetcher builds it, calls take() and drain(), tests it, and reads the attributes set in __init__ (fetcher.py,
_append and _parse_fetched_data). It decides what a reader sees: data that is committed
(if asked for), at or past the fetch offset, whole batches only.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from kafka import TopicPartition
from kafka.errors import CorruptRecordError, KafkaError, UnsupportedCodecError, UnsupportedVersionError
from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords

from common.kafka_io import internals
from common.kafka_io.format.batch import BEST_DECODER, Batch, Decoder, WholeRecords
from common.kafka_io.format.compression import TooLargeToUnpack
from common.kafka_io.unpacking import Unpacking
from common.model.record import MissingRecord, Slab, TooLarge

_LENGTH = struct.Struct(">i")
# Every message format has the length at byte 8, counting from byte 12, and its version ("magic") at byte 16.
LENGTH_AT, LENGTH_FROM, MAGIC_AT = 8, 12, 16
MAGIC = 2
SMALLEST_BYTES = 26  # an empty message of format v0


def most_messages(limit_bytes: int) -> int:
    """A limit of bytes to unpack is one of messages, too: each costs Python some 50 bytes, however short it is."""
    return max(65_536, limit_bytes // 16)


class Budget:
    """How many decoded bytes one poll() may still hand out. Shared by the partitions of a consumer."""

    __slots__ = ("left_bytes",)

    def __init__(self, left_bytes: int) -> None:
        self.left_bytes = left_bytes


class Enough(list[Slab]):
    """A take that stopped at the budget. The fetcher subtracts its length from the slabs it still wants: claiming
    all of them is the one way to end that poll()."""

    def __init__(self, slabs: list[Slab], wanted: int) -> None:
        super().__init__(slabs)
        self.wanted = wanted

    def __len__(self) -> int:
        return self.wanted


class PartitionRecords:
    """The slabs of one fetch: one a record batch, in order, contiguous from the fetch offset on.

    Transaction markers and aborted batches come out as empty slabs, so that the reader's position passes them; a
    message that unpacks to more than its limit comes out as a TooLarge.
    An error is raised when nothing came before it in the same take, and again on every later take: the position
    does not move past a damaged batch.
    """

    TAKE_BYTES = 4 << 20  # decoded payload that ends a take, unless a shared budget says otherwise

    def __init__(
        self,
        fetch_offset: int,
        tp: TopicPartition,
        records: MemoryRecords,
        key_deserializer: None = None,
        value_deserializer: None = None,
        check_crcs: bool = True,
        isolation_level: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
        aborted_transactions: Iterable[Any] | None = None,
        metric_aggregator: Any = None,
        on_drain: Callable[[PartitionRecords], object] = lambda _: None,
        *,
        decoder: Decoder = BEST_DECODER,
        budget: Budget | None = None,
        unpacking: Unpacking | None = None,
    ) -> None:
        self.topic_partition = tp
        self.next_fetch_offset = fetch_offset
        self.leader_epoch = -1
        self.bytes_read = self.records_read = 0
        self._check_crcs = check_crcs
        self._read_committed = isolation_level == IsolationLevel.READ_COMMITTED
        self._aborts = deque(sorted(aborted_transactions or (), key=lambda aborted: aborted.first_offset))
        self._aborting: set[int] = set()
        self._metrics = metric_aggregator
        self._on_drain = on_drain
        self._decoder = decoder
        self._budget = budget
        self._unpacking = unpacking or Unpacking()
        self._at = 0
        self._buffer: memoryview | None = memoryview(internals.raw_bytes(records) or b"")
        self._drain_at_end(self._buffer)

    def __bool__(self) -> bool:
        return self._buffer is not None

    def drain(self) -> None:
        """Give up what is left and tell the fetcher that this partition may be fetched again."""
        if self._buffer is not None:
            self._buffer = None
            if self._metrics:
                self._metrics.record(self.topic_partition, self.bytes_read, self.records_read)
            self._on_drain(self)

    def take(self, n: int | None = None) -> list[Slab]:
        """The next `n` slabs (None: no such limit), fewer when the budget of bytes is spent.

        Raises kafka.errors.CorruptRecordError, UnsupportedVersionError, UnsupportedCodecError, and TooLargeToUnpack
        for several messages together, with the partition as their attribute `unreadable`.
        """
        slabs: list[Slab] = []
        budget = self._budget or Budget(self.TAKE_BYTES)
        while self._buffer is not None and (n is None or len(slabs) < n):
            before_bytes = self.bytes_read
            try:
                slab = self._next(self._buffer)
            except KafkaError as error:
                if slabs:
                    return slabs  # the next take meets the same batch, and raises
                error.unreadable = self.topic_partition
                raise
            if slab is not None:
                slabs.append(slab)
            budget.left_bytes -= self.bytes_read - before_bytes
            if slabs and budget.left_bytes <= 0 and n is not None:
                return Enough(slabs, n)
        return slabs

    def _next(self, buffer: memoryview) -> Slab | None:
        """The slab of the next batch; None when the batch lies before the position."""
        batch = self._batch(buffer)
        visible = self._is_visible(batch)
        self.leader_epoch = batch.leader_epoch
        start = self.next_fetch_offset
        slab = None
        if batch.next_offset > start:
            slab = self._slab(batch, start) if visible else Slab(start, batch.next_offset, (), [], ())
            self.next_fetch_offset = batch.next_offset
        self._at += len(batch.raw)
        self._drain_at_end(buffer)
        return slab

    def _batch(self, buffer: memoryview) -> Batch:
        """The batch at the read position, checked."""
        raw = buffer[self._at : self._end_of_batch(buffer)]
        where = self._where
        if len(raw) < SMALLEST_BYTES:
            raise CorruptRecordError(f"a record batch of {where} says it has {len(raw)} bytes")
        if raw[MAGIC_AT] != MAGIC:
            raise UnsupportedVersionError(
                f"{where} is in message format v{raw[MAGIC_AT]}, not v{MAGIC}, which every producer since Kafka 0.11 "
                "writes: copy the topic with a newer one"
            )
        batch = Batch(raw)
        if self._check_crcs and not batch.is_intact:
            raise CorruptRecordError(
                f"the record batch of {where} fails its CRC: a disk or a network damaged it"
            )
        return batch

    def _is_visible(self, batch: Batch) -> bool:
        """Whether its records are for applications: no marker, not empty, not of an aborted transaction."""
        aborted = False
        if self._read_committed and batch.producer_id >= 0:
            while self._aborts and self._aborts[0].first_offset < batch.next_offset:
                self._aborting.add(self._aborts.popleft().producer_id)
            if batch.is_abort_marker():
                self._aborting.discard(batch.producer_id)
            aborted = batch.is_transactional and batch.producer_id in self._aborting
        return not aborted and not batch.is_control and batch.count > 0

    def _slab(self, batch: Batch, start: int) -> Slab:
        """Decode a batch, without what lies before `start`."""
        limit_bytes = self._unpacking.limit_bytes(self.topic_partition, batch.base_offset, batch.is_single)
        if batch.count > most_messages(limit_bytes):
            raise self._too_large(batch, f"holds more than {most_messages(limit_bytes):,}")
        try:
            plain = batch.plain(limit_bytes)
            offsets, values = self._decoder(batch, plain)
        except TooLargeToUnpack:
            if batch.is_single:
                return self._missing(batch, start, limit_bytes)
            raise self._too_large(batch, f"unpacks to more than {limit_bytes:,} bytes") from None
        except (CorruptRecordError, UnsupportedCodecError) as error:
            raise type(error)(f"{self._where}: {error.args[0]}") from error
        size_bytes: int | None = len(plain)
        first = 0
        if batch.base_offset < start:
            first = bisect_left(offsets, start)
            offsets, values, size_bytes = offsets[first:], values[first:], None
        self.bytes_read += len(plain)
        self.records_read += len(values)
        source = WholeRecords(batch, limit_bytes)
        return Slab(start, batch.next_offset, offsets, values, source, size_bytes, first)

    def _too_large(self, batch: Batch, how: str) -> TooLargeToUnpack:
        """Of several messages nobody knows which one is too large, nor what the others are."""
        topic, partition = self.topic_partition
        return TooLargeToUnpack(
            f"{topic}-{partition} at offset {batch.base_offset}: a record batch of {batch.count:,} messages {how}: "
            "raise MAX_UNPACKED_BYTES and restart"
        )

    def _missing(self, batch: Batch, start: int, limit_bytes: int) -> Slab:
        """One message at a known offset, which is not unpacked."""
        self.bytes_read += len(batch.raw)
        self.records_read += 1
        missing = MissingRecord(batch.base_offset, batch.max_ms, None, None, ())
        values = [TooLarge(limit_bytes)]
        return Slab(start, batch.next_offset, [batch.base_offset], values, [missing])

    @property
    def _where(self) -> str:
        topic, partition = self.topic_partition
        return f"{topic}-{partition} near offset {self.next_fetch_offset}"

    def _end_of_batch(self, buffer: memoryview) -> int:
        length: int = _LENGTH.unpack_from(buffer, self._at + LENGTH_AT)[0]
        return self._at + LENGTH_FROM + length

    def _drain_at_end(self, buffer: memoryview) -> None:
        """Drain when no whole batch is left; a fetch may end in the middle of one."""
        if len(buffer) - self._at < LENGTH_FROM or self._end_of_batch(buffer) > len(buffer):
            self.drain()
