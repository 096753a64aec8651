"""Ranges of offsets: what a group has committed, and what a table holds. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Committed(NamedTuple):
    """What a group has committed for a partition: the next offset to store, and our words beside it."""

    offset: int
    metadata: str


class Range(NamedTuple):
    """Offsets [first, next) of one `_tp` (48 bits of the topic id's hash, 16 of the partition)."""

    tp: int
    first: int
    next: int


class Stored(NamedTuple):
    """The addresses that a table holds of a range, in no order: arrays of offsets and of row indexes."""

    offsets: np.ndarray
    rows: np.ndarray


class Beyond(NamedTuple):
    """Rows where there should be none: the lowest and the highest offset that they come from."""

    lowest: int
    highest: int


class Extent(NamedTuple):
    """How many rows a table holds of a range of offsets, and that they lie in [first, next)."""

    rows: int
    first: int
    next: int


class Seen(NamedTuple):
    """What a table holds of a slice of offsets; arrays are sorted offsets.

    `rows` counts all rows, `whole_rows` the distinct addresses of whole messages. `holes` are the offsets of the slice
    without a whole message, `partial` those of them that have some rows, `repeated` those with an address twice.
    """

    rows: int
    whole_rows: int
    holes: np.ndarray
    partial: np.ndarray
    repeated: np.ndarray


class Place(NamedTuple):
    """Where in its partition a row comes from: the offset of its message, the index within that."""

    offset: int
    row: int


class Found(NamedTuple):
    """The address of a row, and the part of the table that held it when it was found."""

    tp: int
    place: Place
    part: str
