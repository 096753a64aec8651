"""Columns as the bytes of ClickHouse's native format, with what a block needs of them. Pure.

They stand beside numpy arrays in a block: `len`, `nbytes`, `tolist`, rows by slice, mask or index. Their bytes stay in
the chunks they were made in, and are written one after the other: nothing is copied when pieces are joined.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from common.model.texts import head_bytes, strings, text, whole_items

OBJECT_BYTES = sys.getsizeof("")
"""What Python adds to each text that is kept as an object: with short ones it is as much again."""

_NEW_DICTIONARY = 1 << 9 | 1 << 10
"""LowCardinality: the keys come with the block, and those of the block before are void."""


class Encoded(ABC):
    """A column in the form of the wire."""

    kind: str
    """Its ClickHouse type."""

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes that it takes, here and about as many on the wire."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def chosen(self, rows: np.ndarray) -> Encoded:
        """The rows of these indices."""

    @abstractmethod
    def tolist(self) -> list[Any]:
        """Its values; bytes that are UTF-8 as str."""

    @abstractmethod
    def wire(self) -> Iterator[bytes]:
        """The bytes that follow name and type of the column in a block, in chunks."""

    @classmethod
    @abstractmethod
    def joined(cls, parts: Sequence[Any]) -> Encoded:
        """Columns of this class end to end."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError("numpy would cut NULs off the ends of texts: choose rows by index")

    def __getitem__(self, rows: Any) -> Encoded:
        indices = np.arange(len(self))[rows]
        if len(indices) == len(self) and (np.diff(indices) == 1).all():  # that many: all of them, in order
            return self
        return self.chosen(indices)


class Strings(Encoded):
    """String: each value after its length, a varint."""

    kind = "String"

    def __init__(self, rows: int, chunks: list[bytes]) -> None:
        self._rows, self._chunks = rows, chunks
        self._nbytes = sum(map(len, chunks))

    @property
    def nbytes(self) -> int:
        """Bytes of all chunks."""
        return self._nbytes

    def __len__(self) -> int:
        return self._rows

    def chosen(self, rows: np.ndarray) -> Strings:
        """The rows of these indices."""
        if not len(rows):
            return Strings(0, [])
        items = [item for chunk in self._chunks for item in whole_items(chunk)]
        return Strings(len(rows), [b"".join([items[row] for row in rows.tolist()])])

    def tolist(self) -> list[Any]:
        """Values as str; as bytes what is no UTF-8."""
        items = chain.from_iterable(map(whole_items, self._chunks))
        return [text(item[head_bytes(item) :]) for item in items]

    def wire(self) -> Iterator[bytes]:
        """The chunks."""
        yield from self._chunks

    @classmethod
    def joined(cls, parts: Sequence[Strings]) -> Strings:
        """Columns of Strings end to end."""
        return cls(sum(map(len, parts)), [chunk for part in parts for chunk in part._chunks])


class Marked(Encoded):
    """Nullable: a byte for each value that tells whether it is NULL, then the values."""

    def __init__(self, marks: np.ndarray, values: Encoded) -> None:
        self._marks, self._values = marks, values
        self.kind = f"Nullable({values.kind})"

    @property
    def nbytes(self) -> int:
        """Bytes of marks and values."""
        return self._marks.nbytes + self._values.nbytes

    def __len__(self) -> int:
        return len(self._marks)

    def chosen(self, rows: np.ndarray) -> Marked:
        """The rows of these indices."""
        return Marked(self._marks[rows], self._values[rows])

    def tolist(self) -> list[Any]:
        """Values, None for NULL."""
        pairs = zip(self._marks.tolist(), self._values.tolist(), strict=True)
        return [None if is_null else value for is_null, value in pairs]

    def wire(self) -> Iterator[bytes]:
        """Marks, then values."""
        yield self._marks.tobytes()
        yield from self._values.wire()

    @classmethod
    def joined(cls, parts: Sequence[Marked]) -> Marked:
        """Columns that may be NULL end to end."""
        values = [part._values for part in parts]
        return cls(np.concatenate([part._marks for part in parts]), type(values[0]).joined(values))


class Nested(Encoded):
    """Array, or Map if there are two columns of items: where the items of each row end, then the items."""

    def __init__(self, lengths: np.ndarray, items: Sequence[Encoded]) -> None:
        self._lengths, self._items = lengths, tuple(items)
        self.kind = f"{'Map' if len(self._items) == 2 else 'Array'}({', '.join(each.kind for each in items)})"

    @property
    def lengths(self) -> np.ndarray:
        """How many items each row has."""
        return self._lengths

    @property
    def nbytes(self) -> int:
        """Bytes of ends and items."""
        return 8 * len(self._lengths) + sum(items.nbytes for items in self._items)

    def __len__(self) -> int:
        return len(self._lengths)

    def chosen(self, rows: np.ndarray) -> Nested:
        """The rows of these indices."""
        lengths = self._lengths[rows]
        starts = (np.cumsum(self._lengths) - self._lengths)[rows]
        within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        indices = np.repeat(starts, lengths) + within
        return type(self)(lengths, [items[indices] for items in self._items])

    def tolist(self) -> list[Any]:
        """A list or a dict a row."""
        ends = np.cumsum(self._lengths)
        spans = list(zip((ends - self._lengths).tolist(), ends.tolist(), strict=True))
        columns = [[items[start:end] for start, end in spans] for items in (i.tolist() for i in self._items)]
        if len(columns) == 1:
            return columns[0]
        return [dict(zip(keys, values, strict=True)) for keys, values in zip(*columns, strict=True)]

    def wire(self) -> Iterator[bytes]:
        """Ends, then items."""
        yield np.cumsum(self._lengths).astype("<u8").tobytes()
        for items in self._items:
            yield from items.wire()

    @classmethod
    def joined(cls, parts: Sequence[Nested]) -> Nested:
        """Columns of such rows end to end."""
        items = [type(same[0]).joined(same) for same in zip(*(part._items for part in parts), strict=True)]
        return cls(np.concatenate([part._lengths for part in parts]), items)


class Pairs(Nested):
    """Array of Tuples of two: on the wire as a Map, but a first item may come again."""

    def tolist(self) -> list[Any]:
        """A list of pairs a row."""
        pairs = list(map(list, zip(*(items.tolist() for items in self._items), strict=True)))
        ends = np.cumsum(self._lengths)
        return [pairs[start:end] for start, end in zip(ends - self._lengths, ends, strict=True)]


class Words(Encoded):
    """LowCardinality: the words that occur, and for each row the number of its word; one dictionary a block.

    A chunk has words of its own: they become those of the block when it is written. `is_nullable`: there may be None.
    """

    def __init__(self, chunks: list[tuple[np.ndarray, list[Any]]], is_nullable: bool) -> None:
        self._chunks, self._is_nullable = chunks, is_nullable
        self.kind = "LowCardinality(Nullable(String))" if is_nullable else "LowCardinality(String)"
        self._rows = sum(len(numbers) for numbers, _ in chunks)
        self._nbytes = sum(numbers.nbytes + sum(map(sys.getsizeof, words)) for numbers, words in chunks)

    @property
    def nbytes(self) -> int:
        """Bytes of numbers and words."""
        return self._nbytes

    def __len__(self) -> int:
        return self._rows

    def chosen(self, rows: np.ndarray) -> Words:
        """The rows of these indices."""
        numbers, words = self._together()
        return Words([(numbers[rows], words)], self._is_nullable)

    def tolist(self) -> list[Any]:
        """Words as str, None for NULL."""
        return [
            text(words[number]) if isinstance(words[number], bytes) else words[number]
            for numbers, words in self._chunks
            for number in numbers.tolist()
        ]

    def wire(self) -> Iterator[bytes]:
        """Version, widths, words and numbers."""
        numbers, words = self._together()
        width = max(0, len(words).bit_length() - 1) // 8
        yield np.array([1, _NEW_DICTIONARY | width, len(words)], "<u8").tobytes()
        yield strings(["" if word is None else word for word in words])
        yield np.array([len(numbers)], "<u8").tobytes()
        yield numbers.astype(f"<u{1 << width}").tobytes()

    def _together(self) -> tuple[np.ndarray, list[Any]]:
        """The numbers of all rows, and the words they stand for; NULL is the first of these."""
        known: dict[Any, int] = {None: 0} if self._is_nullable else {}
        together = [np.zeros(0, np.uint32)]
        for numbers, words in self._chunks:
            new = np.fromiter((known.setdefault(word, len(known)) for word in words), np.uint32, len(words))
            together.append(new[numbers])
        return np.concatenate(together), list(known)

    @classmethod
    def joined(cls, parts: Sequence[Words]) -> Words:
        """Columns of words end to end."""
        return cls([chunk for part in parts for chunk in part._chunks], parts[0]._is_nullable)
