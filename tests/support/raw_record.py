"""A record of format v2 as any client may write it: names of headers are bytes."""

from __future__ import annotations

from collections.abc import Sequence


def groups(number: int) -> bytes:
    """A number that is not negative, in as few groups of seven bits as it takes."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def varint(number: int) -> bytes:
    """Zigzag, as records have it."""
    return groups((number << 1) ^ (number >> 63))


def sized(data: bytes | None) -> bytes:
    """Bytes after their length; None has the length -1."""
    return varint(-1) if data is None else varint(len(data)) + data


def written(
    delta: int,
    delta_ms: int,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[bytes, bytes | None]],
) -> bytes:
    """The record, `delta` offsets and `delta_ms` after the first of its batch."""
    parts = [b"\0", varint(delta_ms), varint(delta), sized(key), sized(value), varint(len(headers))]
    body = b"".join(parts + [sized(part) for header in headers for part in header])
    return varint(len(body)) + body
