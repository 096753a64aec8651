"""Decodes whole records of a record batch, in plain Python: for the few that need keys, headers or timestamps.

`decode` describes the format. Names of headers may be any bytes: UTF-8 with `surrogateescape` keeps them all.
"""

from __future__ import annotations

from common.kafka_io.format.decode import varint
from common.model.record import MOST_HEADERS, Record

Headers = list[tuple[str, bytes | None]]


def skip(buf: bytes, pos: int, count: int) -> int:
    """The position behind the `count` records from `pos` on."""
    for _ in range(count):
        length, pos = varint(buf, pos)
        pos += length
    return pos


def record(buf: bytes, pos: int) -> tuple[Record, int]:
    """The record at `pos`, its offset and timestamp as deltas, as the batch has them; and the position behind it.

    Takes what `decode.values` takes. Of headers it gives the first MOST_HEADERS that fit
    into their record, and one more to tell that there are others.
    """
    length, pos = varint(buf, pos)
    end = pos + length
    delta_ms, pos = varint(buf, pos + 1)  # behind the attributes
    delta, pos = varint(buf, pos)
    key, pos = _bytes(buf, pos)
    value, pos = _bytes(buf, pos)
    return Record(delta, delta_ms, key, value, _headers(buf[pos:end])), end


def _headers(buf: bytes) -> Headers:
    found: Headers = []
    try:
        count, pos = varint(buf, 0)
        while len(found) < min(count, MOST_HEADERS + 1):
            name, pos = _bytes(buf, pos)
            value, pos = _bytes(buf, pos)
            if name is None or pos > len(buf):
                break
            found.append((name.decode("utf-8", "surrogateescape"), value))
    except (IndexError, ValueError):  # the record ends before its headers do
        pass
    return found


def _bytes(buf: bytes, pos: int) -> tuple[bytes | None, int]:
    """The bytes behind their length at `pos`, None if it is negative, and the position behind them."""
    size, pos = varint(buf, pos)
    if size < 0:
        return None, pos
    return buf[pos : pos + size], pos + size
