"""Encodes messages into whole record batches, ready for kafka-python's producer."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import zstandard
from crc32c import crc32c
from kafka.record.default_records import DefaultRecordBatchBuilder as StockBuilder

from common.kafka_io.format.batch import ATTRIBUTES_LOW_BYTE, CRC_FROM, HEADER, TRANSACTIONAL_BIT
from common.model.headers import Header

try:
    from aiokafka.record._crecords import DefaultRecordBatchBuilder as CompiledBuilder
except ImportError:  # without the extra `fast`
    CompiledBuilder = None

Timestamps = int | Sequence[int] | np.ndarray
"""Milliseconds since 1970 for each of some messages, or for all of them."""

LENGTH, CRC, PRODUCER = struct.Struct(">i"), struct.Struct(">I"), struct.Struct(">qhi")
LENGTH_AT, CRC_AT, PRODUCER_AT = 8, 17, 43
LENGTH_FROM = 12
ZSTD = 4
NO_PRODUCER = (-1, -1, -1)
COMPILED_BUILDER = CompiledBuilder is not None


class SealedRecords:
    """An encoded record batch that takes nothing more; stands in for kafka-python's MemoryRecordsBuilder.

    The producer's sender calls the methods below; all it changes are the producer's id, epoch and sequence number.
    """

    def __init__(self, raw: bytearray, count: int) -> None:
        self._raw = raw
        self._count = count
        self._is_closed = False
        self.producer_id, self.producer_epoch, self.base_sequence = NO_PRODUCER

    def append(self, *_: Any) -> None:
        """Nothing fits any more: None, as kafka-python has it."""

    def is_full(self) -> bool:
        """Always: it may be sent at once."""
        return True

    def next_offset(self) -> int:
        """How many messages it holds."""
        return self._count

    def size_in_bytes(self) -> int:
        """Its size on the wire."""
        return len(self._raw)

    def set_producer_state(self, producer_id: int, epoch: int, sequence: int, is_transactional: bool) -> None:
        """Number it, just before it is sent for the first time."""
        self.producer_id, self.producer_epoch, self.base_sequence = producer_id, epoch, sequence
        PRODUCER.pack_into(self._raw, PRODUCER_AT, producer_id, epoch, sequence)
        if is_transactional:
            self._raw[ATTRIBUTES_LOW_BYTE] |= TRANSACTIONAL_BIT

    def close(self) -> None:
        """Seal it with its CRC; later calls do nothing."""
        if not self._is_closed:
            CRC.pack_into(self._raw, CRC_AT, crc32c(memoryview(self._raw)[CRC_FROM:]))
            self._is_closed = True

    def buffer(self) -> bytearray:
        """The batch as it goes over the wire."""
        return self._raw


class Encoder:
    """Turns lists of messages into sealed batches, zstd-compressed where that helps. One thread only."""

    def __init__(self, *, compress: bool = True, compiled: bool = COMPILED_BUILDER) -> None:
        self._builder = CompiledBuilder if compiled else StockBuilder
        self._zstd = zstandard.ZstdCompressor() if compress else None

    def seal(
        self,
        values: Sequence[bytes | None],
        keys: Sequence[bytes | None] | None,
        headers: Iterable[list[Header]] | None,
        *,
        timestamp_ms: Timestamps,
        limit_bytes: int,
    ) -> Iterator[SealedRecords]:
        """The messages in as few batches as stay under `limit_bytes` before compression, in order.

        `keys` and `headers` have one entry a message, `timestamp_ms` too unless it is one for all. A message that is
        larger than the limit gets a batch of its own, whatever its size. Raises ValueError for lists of unlike length,
        TypeError for timestamps that are no integers.
        """
        messages, make_builder = len(values), self._builder
        times: Iterable[int] = ()
        if isinstance(timestamp_ms, int):
            times = repeat(timestamp_ms, messages)
        else:
            make_builder, times = self._for_times(timestamp_ms)
        rows = zip(
            times, keys or repeat(None, messages), values, headers or repeat([], messages), strict=True
        )
        row = next(rows, None)
        while row is not None:
            builder = make_builder(2, 0, 0, *NO_PRODUCER, limit_bytes)
            count = 0
            while row is not None and builder.append(count, *row) is not None:
                count += 1
                row = next(rows, None)
            yield SealedRecords(self._compressed(bytearray(builder.build())), count)

    def _for_times(self, timestamps_ms: Sequence[int] | np.ndarray) -> tuple[Any, list[int]]:
        """The builder for these timestamps, and them: aiokafka's writes wrong ones where -1 is among them."""
        times = np.asarray(timestamps_ms)
        if times.ndim != 1 or (times.size and times.dtype.kind not in "iu"):
            raise TypeError("timestamps are integers, milliseconds since 1970")
        is_odd = times.size and times.min() < 0
        return StockBuilder if is_odd else self._builder, times.tolist()

    def _compressed(self, raw: bytearray) -> bytearray:
        if self._zstd is None:
            return raw
        payload = self._zstd.compress(memoryview(raw)[HEADER.size :])
        if len(payload) + HEADER.size >= len(raw):
            return raw
        raw[HEADER.size :] = payload
        raw[ATTRIBUTES_LOW_BYTE] |= ZSTD
        LENGTH.pack_into(raw, LENGTH_AT, len(raw) - LENGTH_FROM)
        return raw
