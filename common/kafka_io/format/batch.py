"""One record batch of a fetch: its header, its check, its values, its whole records.

Two decoders give the same answer: `decode_pure` needs nothing, `decode_compiled` needs aiokafka (the extra `fast`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any, TypeVar

from crc32c import crc32c
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch as StockBatch

from common.kafka_io.format import decode as pure
from common.kafka_io.format import whole
from common.kafka_io.format.compression import decompress
from common.model.record import MOST_HEADERS, Details, Record

try:
    from aiokafka.record._crecords import DefaultRecordBatch as CompiledBatch
except ImportError:  # without the extra `fast`
    CompiledBatch = None

HEADER = struct.Struct(">qiibIhiqqqhii")
CRC_FROM = 21  # the check covers everything from the attributes on
CODEC_BITS = 0x07
LOG_APPEND_TIME_BIT = 0x08
TRANSACTIONAL_BIT, CONTROL_BIT = 0x10, 0x20
ATTRIBUTES_LOW_BYTE = 22
TIMESTAMPS = struct.Struct(">qq")  # the first and the latest
TIMESTAMPS_AT = 27

Values = list[bytes | None]
Headers = Sequence[tuple[str, bytes | None]]
Made = TypeVar("Made")
Decoder = Callable[["Batch", bytes], tuple[Sequence[int], Values]]

_value, _key, _headers = attrgetter("value"), attrgetter("key"), attrgetter("headers")
_timestamp = attrgetter("timestamp")
_offset = attrgetter("offset")


class Batch:
    """The header of a record batch (format v2), over its raw bytes. It holds the offsets [base_offset, next_offset)."""

    __slots__ = (
        "attributes",
        "base_offset",
        "count",
        "crc",
        "leader_epoch",
        "next_offset",
        "producer_id",
        "raw",
    )

    def __init__(self, raw: memoryview) -> None:
        if len(raw) < HEADER.size:
            raise CorruptRecordError(f"a record batch of {len(raw)} bytes is shorter than its header")
        header = HEADER.unpack_from(raw)
        self.raw = raw
        self.base_offset: int = header[0]
        self.leader_epoch: int = header[2]
        self.crc: int = header[4]
        self.attributes: int = header[5]
        self.next_offset: int = header[0] + header[6] + 1
        self.producer_id: int = header[9]
        self.count: int = header[12]

    @property
    def is_intact(self) -> bool:
        """Whether the bytes are those that the broker stored (CRC-32C)."""
        return bool(crc32c(self.raw[CRC_FROM:]) == self.crc)

    @property
    def is_control(self) -> bool:
        """Whether it holds a transaction marker, which no application reads."""
        return bool(self.attributes & CONTROL_BIT)

    @property
    def is_transactional(self) -> bool:
        """Whether it belongs to a transaction."""
        return bool(self.attributes & TRANSACTIONAL_BIT)

    @property
    def is_dense(self) -> bool:
        """Whether every offset it covers holds a record; false after compaction."""
        return self.count == self.next_offset - self.base_offset

    @property
    def is_single(self) -> bool:
        """Whether it holds one message, at a known offset."""
        return self.count == 1 and self.is_dense

    @property
    def max_ms(self) -> int:
        """Its latest timestamp; when the topic has log-append time, that of all its records."""
        latest: int = TIMESTAMPS.unpack_from(self.raw, TIMESTAMPS_AT)[1]
        return latest

    def is_abort_marker(self) -> bool:
        """Whether it ends a transaction by abort. A marker whose record was compacted away says nothing."""
        return self.is_control and self.count > 0 and bool(next(StockBatch(self.raw)).abort)

    def plain(self, limit_bytes: int) -> bytes:
        """The batch as bytes with an uncompressed payload.

        Raises TooLargeToUnpack when the payload takes more than `limit_bytes`, UnsupportedCodecError,
        CorruptRecordError.
        """
        codec = self.attributes & CODEC_BITS
        if not codec:
            return bytes(self.raw)
        header = bytearray(self.raw[: HEADER.size])
        header[ATTRIBUTES_LOW_BYTE] &= ~CODEC_BITS
        return bytes(header) + decompress(codec, self.raw[HEADER.size :].tobytes(), limit_bytes)

    def placed(self, index: int, record: Record) -> Record:
        """Its record at `index` with the offset that a decoder gives, and its time, in place of both deltas."""
        first_ms, max_ms = TIMESTAMPS.unpack_from(self.raw, TIMESTAMPS_AT)
        has_one_time = bool(self.attributes & LOG_APPEND_TIME_BIT)
        delta = index if self.is_dense else record.offset
        timestamp_ms = max_ms if has_one_time else first_ms + record.timestamp_ms
        return record._replace(offset=self.base_offset + delta, timestamp_ms=timestamp_ms)


class WholeRecords:
    """The whole records of a batch by their index in it; slow.

    The batch is unpacked at the first request, and walked forward from one to the next: in order, any number of them
    costs one walk. One that goes back starts over. After the last record the bytes are released.
    """

    __slots__ = ("_batch", "_limit_bytes", "_plain", "_index", "_at", "_sweep", "_swept")

    def __init__(self, batch: Batch, limit_bytes: int) -> None:
        self._batch, self._limit_bytes = batch, limit_bytes
        self._plain: bytes | None = None
        self._sweep: Iterator[Any] | None = None
        self._swept = 0  # records that the sweep has passed

    def details(self, indexes: range) -> Details:
        """Timestamps, keys and headers of records that follow each other. Raises what Batch.plain does.

        Runs in order cost one walk together, as records do.
        """
        if CompiledBatch is not None and self._swept >= 0:
            try:
                found = list(self._compiled(indexes))
                return Details(
                    list(map(_timestamp, found)),
                    list(map(_key, found)),
                    [
                        headers if len(headers) <= MOST_HEADERS else headers[: MOST_HEADERS + 1]
                        for headers in map(_headers, found)
                    ],
                )
            except Exception:  # it decodes names of headers, which may be any bytes
                self._sweep, self._swept = None, -1
        return Details.of([self[index] for index in indexes])

    def times_and(
        self, indexes: range, of_headers: Callable[[Headers], Made] | None
    ) -> tuple[list[int], list[Made]]:
        """Timestamps of records that follow each other, and what is made of the headers of each; keeps nothing else."""
        if CompiledBatch is not None and self._swept >= 0:
            try:
                times: list[int] = []
                made: list[Made] = []
                for record in self._compiled(indexes):
                    times.append(record.timestamp)
                    if of_headers is not None:
                        headers = record.headers
                        made.append(
                            of_headers(
                                headers if len(headers) <= MOST_HEADERS else headers[: MOST_HEADERS + 1]
                            )
                        )
                return times, made
            except Exception:
                self._sweep, self._swept = None, -1
        records = [self[index] for index in indexes]
        made = [] if of_headers is None else [of_headers(record.headers) for record in records]
        return [record.timestamp_ms for record in records], made

    def _compiled(self, indexes: range) -> Iterator[Any]:
        """The records as the compiled decoder gives them; all are to be taken before others are asked for."""
        if self._sweep is None or indexes.start < self._swept:
            self._sweep, self._swept = iter(CompiledBatch(self._batch.plain(self._limit_bytes))), 0
        found = islice(self._sweep, indexes.start - self._swept, indexes.stop - self._swept)
        self._swept = indexes.stop
        if indexes.stop == self._batch.count:
            self._sweep = None
        return found

    def __getitem__(self, index: int) -> Record:
        """Raises what Batch.plain does."""
        plain = self._plain
        if plain is None:
            plain = self._plain = self._batch.plain(self._limit_bytes)
            self._index, self._at = 0, HEADER.size  # of the record that the walk has come to
        elif index < self._index:
            self._index, self._at = 0, HEADER.size
        at = whole.skip(plain, self._at, index - self._index)
        record, at = whole.record(plain, at)
        self._index, self._at = index + 1, at
        if index + 1 == self._batch.count:
            self._plain = None
        return self._batch.placed(index, record)


def decode_pure(batch: Batch, plain: bytes) -> tuple[Sequence[int], Values]:
    """Offsets and values of a batch, in plain Python; `plain` is batch.plain(). Raises CorruptRecordError."""
    try:
        if batch.is_dense:
            return range(batch.base_offset, batch.next_offset), pure.values(plain, HEADER.size, batch.count)
        deltas, values = pure.values_with_deltas(plain, HEADER.size, batch.count)
    except (IndexError, ValueError) as error:
        raise CorruptRecordError(
            f"the record batch at offset {batch.base_offset} is damaged: {error}"
        ) from error
    return [batch.base_offset + delta for delta in deltas], values


def decode_compiled(batch: Batch, plain: bytes) -> tuple[Sequence[int], Values]:
    """The same through aiokafka's compiled decoder, two to three times faster.

    It decodes names of headers, which may be any bytes: whatever it refuses is left to `decode_pure`.
    """
    try:
        if batch.is_dense:
            return range(batch.base_offset, batch.next_offset), list(map(_value, CompiledBatch(plain)))
        records = list(CompiledBatch(plain))
    except Exception:
        return decode_pure(batch, plain)
    return list(map(_offset, records)), list(map(_value, records))


BEST_DECODER: Decoder = decode_pure if CompiledBatch is None else decode_compiled
