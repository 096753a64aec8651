"""Numpy columns from events, for the `rows` function of a table. Pure; used by stream files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from common.stream import Rows

_LOW_HALF = 2**64 - 1


def one_row_each(**dtypes: DTypeLike) -> Callable[[Sequence[Any]], Rows]:
    """A `rows` function for tables with a row an event: column name = field name, of the given numpy type."""
    fields = [(name, attrgetter(name), np.dtype(dtype)) for name, dtype in dtypes.items()]

    def rows(events: Sequence[Any]) -> Rows:
        count = len(events)
        return Rows({name: np.fromiter(map(get, events), dtype, count) for name, get, dtype in fields})

    return rows


def uint128(values: Iterable[int], count: int) -> np.ndarray:
    """`count` integers of 0..2^128-1 as a (count, 2) array of uint64, low half first: ClickHouse's UInt128."""
    values = list(values)
    pairs = np.zeros((count, 2), np.uint64)
    try:
        pairs[:, 0] = np.fromiter(values, np.uint64, count)
    except OverflowError:  # some are above 64 bits: twice the work, for this block only
        pairs[:, 0] = np.fromiter((value & _LOW_HALF for value in values), np.uint64, count)
        pairs[:, 1] = np.fromiter((value >> 64 for value in values), np.uint64, count)
    return pairs


def index_within(lengths: np.ndarray) -> np.ndarray:
    """0, 1, … within each group: lengths [2, 3] give [0, 1, 0, 1, 2], as uint32."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return (np.arange(total) - np.repeat(ends - lengths, lengths)).astype(np.uint32)
