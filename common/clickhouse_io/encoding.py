"""Finds what an INSERT could not encode while a batch is decoded, when a single message can still be blamed for it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from clickhouse_driver import errors

from common.clickhouse_io.internals import ColumnException
from common.clickhouse_io.strict import encode, strict_column
from common.clickhouse_io.wire import as_wire, wire_dtype
from common.errors import DoesNotFit, StartRefused
from common.model.columns import as_objects
from common.model.conversions import is_json
from common.model.ddl import inserted_columns
from common.model.json_objects import json_texts
from common.model.stream import Table

OUT_OF_RANGE = "out of range"
WRONG_TYPE = "wrong type"
TOO_LONG = "too long"
NO_SUCH_NAME = "not a name of the Enum"
NONE = "None in a column that is not Nullable"
NOT_VALID = "not a valid value"
MISSING = "rows have no such column"

LONGEST_TYPE = 60

_TEXT = ("String", "LowCardinality(String)")
_TEXT_OR_NONE = ("Nullable(String)", "LowCardinality(Nullable(String))")
_MAY_BE_NONE = ("Nullable(", "LowCardinality(Nullable(")


class EncodingCheck:
    """Tells whether columns can be encoded as the types that the DDL of their table states.

    Raises StartRefused for a type that the driver cannot write at all.
    """

    def __init__(self, tables: Iterable[Table]) -> None:
        self._columns: dict[str, list[tuple[str, str, np.dtype | None]]] = {}
        for table in tables:
            inserted = inserted_columns(table)
            self._columns[table.name] = [(name, kind, wire_dtype(kind)) for name, kind in inserted.items()]
            for column, kind in inserted.items():
                _refuse_unknown(table.name, column, kind)

    def __call__(self, table: str, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The columns in the form of the wire, where numpy has it: so pieces that are joined stay what they are.

        Raises DoesNotFit with column, type and flaw, never a value, for the first column that cannot be encoded.
        """
        checked = dict(columns)
        for name, kind, dtype in self._columns[table]:
            values = columns.get(name)
            if values is None:  # the server would fill in a default
                raise DoesNotFit(name, _short(kind), MISSING)
            if dtype is not None and values.dtype == dtype and values.ndim == 1:  # sent as it is
                continue
            checked[name] = _checked(name, kind, values)
        return checked


def _refuse_unknown(table: str, column: str, kind: str) -> None:
    try:
        strict_column(kind)
    except Exception as error:
        raise StartRefused(
            f"{table}: clickhouse-driver cannot write column {column} of type {_short(kind)} "
            f"({type(error).__name__}): state another type in the stream's DDL"
        ) from error


def _checked(name: str, kind: str, values: np.ndarray) -> np.ndarray:
    try:
        wire = as_wire(kind, values)
        if wire is not None:
            return wire
        items = list(values)
        if is_json(kind):
            if None in items and not kind.startswith(_MAY_BE_NONE):
                raise TypeError
            return as_objects(json_texts(items))
        if not _is_text(kind, items):
            encode(kind, items)
    except MemoryError:
        raise
    except Exception as error:
        is_none = not kind.startswith(_MAY_BE_NONE) and any(value is None for value in values)
        raise DoesNotFit(name, _short(kind), NONE if is_none else _flaw_of(error)) from error
    return values


def _is_text(kind: str, items: list[Any]) -> bool:
    """Whether these are strings for a column of strings: a fraction of the work of encoding them."""
    if kind in _TEXT_OR_NONE:
        items = [item for item in items if item is not None]
    elif kind not in _TEXT:
        return False
    try:
        text = "".join(items)
    except TypeError:
        return False
    return text.isascii() or bool(text.encode())  # a lone surrogate raises


def _flaw_of(error: Exception) -> str:
    if isinstance(error, errors.TooLargeStringSize):
        return TOO_LONG
    if isinstance(error, errors.LogicalError):
        return NO_SUCH_NAME
    cause = error.args[0] if isinstance(error, ColumnException) and error.args else error
    if isinstance(cause, struct.error):
        return WRONG_TYPE if "required argument is not" in str(cause) else OUT_OF_RANGE
    if isinstance(cause, OverflowError):
        return OUT_OF_RANGE
    if isinstance(cause, TypeError | AttributeError | LookupError):
        return WRONG_TYPE
    return NOT_VALID


def _short(kind: str) -> str:
    return kind if len(kind) <= LONGEST_TYPE else f"{kind[:LONGEST_TYPE]}…"
