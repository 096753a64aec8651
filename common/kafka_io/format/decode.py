"""The pure-Python record decoder: walks the varints of a record batch (format v2), keeps the values.

Record => length varint, attributes int8, timestamp delta varlong, offset delta varint, key, value, headers;
key and value are a zigzag varint length (-1 is null) and the bytes. Format: kafka.apache.org, "Record Batch".
"""

from __future__ import annotations


def values(buf: bytes, pos: int, count: int) -> list[bytes | None]:
    """The values of the `count` records from `pos` to the end of `buf`, in one sweep; keys and headers are skipped.

    Raises ValueError or IndexError when the records do not fill `buf` exactly. Written flat on purpose: a call
    a varint would make it three times slower. No varint has more than ten bytes: millions of them would take
    for ever to add up.
    """
    found: list[bytes | None] = []
    keep = found.append
    for _ in range(count):
        byte = buf[pos]
        pos += 1
        length = byte & 127
        shift = 7
        while byte > 127 and shift < 70:
            byte = buf[pos]
            pos += 1
            length |= (byte & 127) << shift
            shift += 7
        if length & 1:
            raise ValueError("a record has a negative length")
        end = pos + (length >> 1)
        pos += 1  # attributes
        while buf[pos] > 127:  # timestamp delta
            pos += 1
        pos += 1
        while buf[pos] > 127:  # offset delta
            pos += 1
        pos += 1
        if buf[pos] == 1:  # no key
            pos += 1
        else:
            size, pos = varint(buf, pos)
            pos += max(size, 0)
        byte = buf[pos]
        pos += 1
        length = byte & 127
        shift = 7
        while byte > 127 and shift < 70:
            byte = buf[pos]
            pos += 1
            length |= (byte & 127) << shift
            shift += 7
        if length & 1:
            keep(None)
        else:
            stop = pos + (length >> 1)
            keep(buf[pos:stop])
            pos = stop
        if pos >= end:  # the header count is still to come
            raise ValueError("a record is shorter than its fields")
        pos = end
    if pos != len(buf):
        raise ValueError("the records do not fill their batch")
    return found


def values_with_deltas(buf: bytes, pos: int, count: int) -> tuple[list[int], list[bytes | None]]:
    """Offset deltas and values: for compacted batches, whose offsets have gaps. Raises as `values` does."""
    deltas: list[int] = []
    where = pos
    for _ in range(count):
        length, pos = varint(buf, pos)
        end = pos + length
        _, pos = varint(buf, pos + 1)
        delta, _ = varint(buf, pos)
        deltas.append(delta)
        pos = end
    return deltas, values(buf, where, count)


def varint(buf: bytes, pos: int) -> tuple[int, int]:
    """The zigzag varint of up to ten bytes at `pos`, and the position behind it. Raises IndexError at the end."""
    byte = buf[pos]
    pos += 1
    raw = byte & 127
    shift = 7
    while byte > 127 and shift < 70:
        byte = buf[pos]
        pos += 1
        raw |= (byte & 127) << shift
        shift += 7
    return (raw >> 1) ^ -(raw & 1), pos
