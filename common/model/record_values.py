"""Fills the columns of a table that Kafka's record gives: one value a message, in each of its rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from common.errors import DoesNotFit
from common.model.columns import as_objects
from common.model.conversions import conversion, guarded, is_nullable
from common.model.ddl import inserted_columns
from common.model.encoders import is_pairs_of_texts
from common.model.fitting import fitted
from common.model.record import MOST_HEADERS
from common.model.record_columns import Headers, Messages, RecordColumn
from common.model.stream import Table
from common.model.times import Convert

MOST_REPEATED_BYTES = 64 << 20
"""What a column may take of one message of several rows: a long key in each of 100,000 would fill the memory."""

NONE = "the record has none"
TOO_MANY = f"the record has more than {MOST_HEADERS:,}"
TOO_LONG = f"in every row of its message it takes more than {MOST_REPEATED_BYTES >> 20} MiB"


class _Filled(NamedTuple):
    name: str
    kind: str
    column: RecordColumn
    convert: Convert


class RecordValues:
    """The columns of one table that the record fills, in the types that its DDL states.

    Raises ValueError, in one line, for a column that the DDL does not have, or whose type cannot hold it.
    """

    def __init__(self, table: Table) -> None:
        stated = inserted_columns(table)
        self._columns = [_filled(name, column, stated) for name, column in table.record.items()]
        self.need_details = any(each.column.needs_details for each in self._columns)

    def beside(self, columns: Mapping[str, np.ndarray], messages: Messages) -> dict[str, np.ndarray]:
        """The columns of rows that these messages make, address included, with those of the record.

        Only messages with rows are looked at. Raises DoesNotFit, and ValueError for a column that is there already.
        """
        if doubles := [each.name for each in self._columns if each.name in columns]:
            raise ValueError(f"rows make the column {doubles[0]}, which the record fills")
        firsts = np.flatnonzero(columns["_row"] == 0)
        counts = columns["_rows"][firsts]
        at = np.searchsorted(messages.offsets, columns["_off"][firsts])
        with_rows = messages.at(at)
        return {**columns, **{each.name: _repeated(each, with_rows, counts) for each in self._columns}}


def _filled(name: str, column: RecordColumn, stated: Mapping[str, str]) -> _Filled:
    if name not in stated:
        raise ValueError(f"the record is to fill the column {name}, which the DDL does not state")
    kind, what, usual = stated[name], type(column).__name__, vars(type(column))["type"]
    if isinstance(column, Headers):
        if not is_pairs_of_texts(kind):
            raise ValueError(f"column {name}: {kind[:60]} cannot hold {what}, {usual} can")
        return _Filled(name, kind, column, as_objects)
    made = conversion(kind, column.unit)
    if column.holds not in made.fits:
        raise ValueError(f"column {name}: {kind[:60]} cannot hold {what}, {usual} can")
    return _Filled(name, kind, column, guarded(made))


def _repeated(each: _Filled, messages: Messages, counts: np.ndarray) -> np.ndarray:
    name, kind, column, convert = each
    values = column.values(messages)
    if not is_nullable(kind) and None in values:
        raise DoesNotFit(name, kind, NONE)
    if column.holds is list and max(map(len, values), default=0) > MOST_HEADERS:
        raise DoesNotFit(name, kind, TOO_MANY)
    made = fitted(name, kind, lambda: convert(values))
    if not len(counts) or counts.max() == 1:
        return made
    if column.needs_details and (_sizes(values) * counts).max() > MOST_REPEATED_BYTES:
        raise DoesNotFit(name, kind, TOO_LONG)
    return made[np.repeat(np.arange(len(made)), counts)]


def _sizes(values: Sequence[Any]) -> np.ndarray:
    """About what each takes, in bytes."""
    return np.fromiter(map(_size, values), np.int64, len(values))


def _size(value: Any) -> int:
    if isinstance(value, list):
        return sum(16 + len(name) + len(text or b"") for name, text in value)
    return len(value) if isinstance(value, bytes) else 8
