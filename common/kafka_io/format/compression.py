"""Decompresses the payload of a record batch, whatever codec its producer chose, up to a limit.

A payload of a kilobyte may unpack to a gigabyte. So each codec checks the sizes that it is told before it believes
them, unpacks piece by piece where it is told none, and stops at the limit.
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from io import BytesIO
from struct import Struct
from typing import Protocol

import lz4.frame
import snappy
import zstandard
from kafka.errors import CorruptRecordError, KafkaError, UnsupportedCodecError

NAMES = {1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}
PIECE_BYTES = 1 << 18
ZSTD_WINDOW_BYTES = 1 << 27
"""A zstd frame may refer so far back, as in every Kafka client: it is memory that a frame can ask for."""

XERIAL_MAGIC = b"\x82SNAPPY\0"
XERIAL_HEADER_BYTES = 16
BLOCK_SIZE = Struct(">i")
SNAPPY_PREAMBLE_BYTES = 5


class TooLargeToUnpack(KafkaError):
    """A payload takes more bytes than its reader allows, and was not unpacked further."""


def decompress(codec: int, payload: bytes, limit_bytes: int) -> bytes:
    """The bytes behind `payload`, at most `limit_bytes`; `codec` is the number in the batch's attributes, 1 to 4.

    Raises TooLargeToUnpack when there are more, kafka.errors.UnsupportedCodecError for any other number,
    CorruptRecordError when the payload is damaged.
    """
    if codec not in NAMES:
        known = ", ".join(NAMES.values())
        raise UnsupportedCodecError(f"no library for the codec number {codec}: Kafka knows {known}")
    try:
        return _DECODERS[codec](payload, limit_bytes)
    except TooLargeToUnpack:
        raise
    except Exception as error:  # each library has errors of its own, none of them a common class
        raise CorruptRecordError(f"{NAMES[codec]} cannot decompress a record batch: {error}") from error


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Room:
    """Gathers pieces, and raises TooLargeToUnpack when they take more than the limit."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = self._left_bytes = limit_bytes
        self._pieces = BytesIO()

    @property
    def next_bytes(self) -> int:
        """How large the next piece should be at most: one byte above the limit tells that it is passed."""
        return min(PIECE_BYTES, self._left_bytes + 1)

    def claim(self, size_bytes: int) -> None:
        """Take that much of the room."""
        self._left_bytes -= size_bytes
        if self._left_bytes < 0:
            raise TooLargeToUnpack(f"it unpacks to more than {self._limit_bytes:,} bytes")

    def put(self, piece: bytes) -> None:
        """Claim room for a piece and keep it."""
        self.claim(len(piece))
        self._pieces.write(piece)

    def content(self) -> bytes:
        """All pieces."""
        return self._pieces.getvalue()


def _drained(stream: _Stream, limit_bytes: int) -> bytes:
    room = _Room(limit_bytes)
    while piece := stream.read(room.next_bytes):
        room.put(piece)
    return room.content()


def _gzip(payload: bytes, limit_bytes: int) -> bytes:
    with gzip.GzipFile(fileobj=BytesIO(payload)) as stream:
        return _drained(stream, limit_bytes)


def _snappy(payload: bytes, limit_bytes: int) -> bytes:
    """One block, or the blocks of the xerial framing that Java writes: each tells its size in its first bytes."""
    room = _Room(limit_bytes)
    if not payload.startswith(XERIAL_MAGIC):
        room.claim(_snappy_size(payload))
        data: bytes = snappy.decompress(payload)
        return data
    blocks = _xerial_blocks(payload)
    for block in blocks:
        room.claim(_snappy_size(block))
    return b"".join(map(snappy.decompress, blocks))


def _xerial_blocks(payload: bytes) -> list[bytes]:
    blocks = []
    at = XERIAL_HEADER_BYTES
    while at < len(payload):
        start = at + BLOCK_SIZE.size
        (size_bytes,) = BLOCK_SIZE.unpack_from(payload, at)
        at = start + size_bytes
        if size_bytes < 0 or at > len(payload):
            raise ValueError(f"a block says it has {size_bytes} bytes")
        blocks.append(payload[start:at])
    return blocks


def _snappy_size(block: bytes) -> int:
    """What a block says it unpacks to, an unsigned varint. Its decompressor allocates as much."""
    size_bytes = 0
    for index, byte in enumerate(block[:SNAPPY_PREAMBLE_BYTES]):
        size_bytes |= (byte & 127) << 7 * index
        if byte < 128:
            return size_bytes
    raise ValueError("a block does not say its size")


def _lz4(payload: bytes, limit_bytes: int) -> bytes:
    """Any number of frames, one behind the other."""
    room = _Room(limit_bytes)
    context = lz4.frame.create_decompression_context()
    waiting = memoryview(payload)
    is_ended = False
    while waiting or not is_ended:
        piece, taken_bytes, is_ended = lz4.frame.decompress_chunk(
            context, waiting, max_length=room.next_bytes
        )
        if not (piece or taken_bytes or is_ended):
            raise EOFError("the last frame has no end")
        room.put(piece)
        waiting = waiting[taken_bytes:]
    return room.content()


class _PerThread(threading.local):
    """A zstd decompressor costs 15 µs to build and must not be shared by threads."""

    def __init__(self) -> None:
        self.zstd = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)


_own = _PerThread()


def _zstd(payload: bytes, limit_bytes: int) -> bytes:
    """In one go when the frame tells its size; Java's producer streams its frames and tells none."""
    told_bytes = zstandard.frame_content_size(payload)
    if told_bytes > limit_bytes:
        _Room(limit_bytes).claim(told_bytes)
    if told_bytes > 0:
        try:
            return _own.zstd.decompress(payload, allow_extra_data=False)
        except zstandard.ZstdError:  # several frames
            pass
    once = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)  # gives its window back afterwards
    return _drained(once.stream_reader(payload, read_across_frames=True), limit_bytes)


_DECODERS: dict[int, Callable[[bytes, int], bytes]] = {1: _gzip, 2: _snappy, 3: _lz4, 4: _zstd}
