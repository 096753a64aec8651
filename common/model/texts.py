"""Texts as the bytes of ClickHouse's native format: each after its length, a varint. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

_Text = TypeVar("_Text", str, bytes)


def head(length: int) -> bytes:
    """A length as a varint."""
    made = bytearray()
    while length >= 0x80:
        made.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([*made, length])


_HEADS = [head(length) for length in range(1 << 14)]
_HEAD_TEXTS = [each.decode("latin-1") for each in _HEADS]


def strings(values: Sequence[Any]) -> bytes:
    """Texts, each after its length. Raises TypeError for what is neither str nor bytes, ValueError for no UTF-8."""
    try:
        whole = _of_one_length(values) or _interleaved(
            [_HEAD_TEXTS[len(value)] for value in values], values, ""
        )
        made = whole.encode("latin-1")
        if whole.isascii() or "".join(values).isascii():
            return made
    except (TypeError, IndexError, UnicodeEncodeError):
        pass  # bytes among them, more than 16 KiB, or signs outside of Latin-1
    try:
        items = list(map(str.encode, values))
    except TypeError:
        items = [value if isinstance(value, bytes) else str.encode(value) for value in values]
    try:
        heads = [_HEADS[len(item)] for item in items]
    except IndexError:
        heads = [head(len(item)) for item in items]
    return _interleaved(heads, items, b"")


def _of_one_length(values: Sequence[str]) -> str:
    """Hashes, ids and times are often as long as each other, and then the quickest; "" if these are not."""
    if not values or len(values[0]) != len(values[-1]) or len(set(map(len, values))) > 1:
        return ""
    before = _HEAD_TEXTS[len(values[0])]
    return before + before.join(values)


def _interleaved(heads: Sequence[_Text], values: Sequence[_Text], nothing: _Text) -> _Text:
    """Head, value, head, value, …: slices of a list take half the time of a generator."""
    items = [nothing] * (2 * len(values))
    items[::2], items[1::2] = heads, values
    return nothing.join(items)


def whole_items(chunk: bytes) -> Iterator[bytes]:
    """The values of a chunk, each with its length before it."""
    at, end = 0, len(chunk)
    while at < end:
        length, shift, start = 0, 0, at
        while chunk[at] >= 0x80:
            length |= (chunk[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
        at += 1 + (length | chunk[at] << shift)
        yield chunk[start:at]


def head_bytes(item: bytes) -> int:
    """How many bytes the length before a value takes."""
    return next(at for at, byte in enumerate(item) if byte < 0x80) + 1


def text(value: bytes) -> str | bytes:
    """As str, if it is UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
