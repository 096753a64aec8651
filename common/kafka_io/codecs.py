"""Decompresses the payload of a record batch, whatever codec its producer chose. Called by batches."""

from __future__ import annotations

import threading
from collections.abc import Callable

import zstandard
from kafka import codec as stock
from kafka.errors import CorruptRecordError, UnsupportedCodecError

NAMES = {1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}


def decompress(codec: int, payload: bytes) -> bytes:
    """The bytes behind `payload`; `codec` is the number in the batch's attributes, 1 to 4.

    Raises kafka.errors.UnsupportedCodecError when its library is not installed, CorruptRecordError when the
    payload is damaged.
    """
    if codec not in NAMES or not _INSTALLED[codec]():
        name = NAMES.get(codec, f"number {codec}")
        raise UnsupportedCodecError(f"no library for the codec {name}: install kafka-python's extra for it")
    try:
        return _DECODERS[codec](payload)
    except Exception as error:  # each library has errors of its own, none of them a common class
        raise CorruptRecordError(f"{NAMES[codec]} cannot decompress a record batch: {error}") from error


class _PerThread(threading.local):
    """A zstd decompressor costs 15 µs to build and must not be shared by threads."""

    def __init__(self) -> None:
        self.zstd = zstandard.ZstdDecompressor()


_own = _PerThread()


def _zstd(payload: bytes) -> bytes:
    """In one go when the frame tells its size; Java's producer streams its frames and tells none."""
    try:
        return _own.zstd.decompress(payload, allow_extra_data=False)
    except zstandard.ZstdError:
        data: bytes = stock.zstd_decode(payload)
        return data


_INSTALLED: dict[int, Callable[[], bool]] = {
    1: stock.has_gzip,
    2: stock.has_snappy,
    3: stock.has_lz4,
    4: stock.has_zstd,
}
_DECODERS: dict[int, Callable[[bytes], bytes]] = {
    1: stock.gzip_decode,
    2: stock.snappy_decode,
    3: stock.lz4_decode,
    4: _zstd,
}
