"""Finds what an INSERT could not encode while a batch is decoded, when a single message can still be blamed for it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from clickhouse_driver import errors

from common.clickhouse_io.internals import ColumnException
from common.clickhouse_io.strict import encode, strict_column
from common.clickhouse_io.wire import as_wire, wire_dtype
from common.errors import DoesNotFit, StartRefused
from common.model.columns import as_objects
from common.model.conversions import is_json
from common.model.ddl import inserted_columns
from common.model.encoded import Encoded, Nested
from common.model.encoders import Encoder, encoder
from common.model.json_objects import json_texts
from common.model.kinds import names_of, refuse_odd, split
from common.model.record_values import RecordValues
from common.model.stream import Table

OUT_OF_RANGE = "out of range"
WRONG_TYPE = "wrong type"
TOO_LONG = "too long"
NO_SUCH_NAME = "not a name of the Enum"
NONE = "None in a column that is not Nullable"
NOT_VALID = "not a valid value"
MISSING = "rows have no such column"

LONGEST_TYPE = 60

_MAY_BE_NONE = ("Nullable(", "LowCardinality(Nullable(")


class _Column(NamedTuple):
    name: str
    kind: str
    dtype: np.dtype | None
    encoder: Encoder | None
    kind_of_texts: str
    numbers: list[int]
    """The only ones that it can hold; none: any."""


def _column(name: str, kind: str) -> _Column:
    encode = encoder(kind)
    numbers = [0, 1] if kind == "Bool" else list(names_of(kind).values()) if kind.startswith("Enum") else []
    return _Column(name, kind, wire_dtype(kind), encode, encode([]).kind if encode else "", numbers)


class EncodingCheck:
    """Tells whether columns can be encoded as the types that the DDL of their table states.

    Raises StartRefused for a type that the driver cannot write at all, or that cannot hold what the record is to fill.
    """

    def __init__(self, tables: Iterable[Table]) -> None:
        self._columns: dict[str, list[_Column]] = {}
        self._nested: dict[str, list[list[_Column]]] = {}
        for table in tables:
            inserted = inserted_columns(table)
            for column, kind in inserted.items():
                _refuse_unknown(table.name, column, kind)
            self._columns[table.name] = [_column(name, kind) for name, kind in inserted.items()]
            self._nested[table.name] = _nested(inserted)
            _refuse_unfit(table)

    def __call__(self, table: str, columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """The columns in the form of the wire: arrays where numpy has it, Encoded where they are made of texts.

        Raises DoesNotFit with column, type and flaw, never a value, for the first column that cannot be encoded.
        """
        checked: dict[str, Any] = dict(columns)
        for column in self._columns[table]:
            values = columns.get(column.name)
            if values is None:  # the server would fill in a default
                raise DoesNotFit(column.name, _short(column.kind), MISSING)
            if isinstance(values, Encoded):
                if values.kind != column.kind_of_texts:
                    raise DoesNotFit(column.name, _short(column.kind), WRONG_TYPE)
                continue
            is_sent_as_it_is = column.dtype is not None and column.dtype == values.dtype and values.ndim == 1
            made = values if is_sent_as_it_is else _checked(column, values)
            _refuse_other_numbers(column, made)
            checked[column.name] = made
        for columns_of_one in self._nested[table]:
            _refuse_other_lengths(columns_of_one, checked)
        return checked


def _refuse_other_numbers(column: _Column, made: Any) -> None:
    """The server stores any number in a Bool or an Enum; a query that meets it fails, or takes it for another."""
    are_numbers = isinstance(made, np.ndarray) and made.dtype.kind in "iu"
    if column.numbers and are_numbers and not np.isin(made, column.numbers).all():
        raise DoesNotFit(column.name, _short(column.kind), OUT_OF_RANGE)


def _nested(inserted: Mapping[str, str]) -> list[list[_Column]]:
    """Arrays called a.b and a.c: the server takes them for one Nested, whose arrays are of one length in each row."""
    found: dict[str, list[_Column]] = {}
    for name, kind in inserted.items():
        before, dot, _ = name.partition(".")
        if dot and split(kind)[0] == "Array":
            found.setdefault(before, []).append(_column(name, kind))
    return [columns for columns in found.values() if len(columns) > 1]


def _refuse_other_lengths(columns: list[_Column], checked: Mapping[str, Any]) -> None:
    first, *others = columns
    lengths = _lengths(checked[first.name])
    for column in others:
        if not np.array_equal(_lengths(checked[column.name]), lengths):
            raise DoesNotFit(column.name, _short(column.kind), f"not as many items as in {first.name}")


def _lengths(values: Any) -> np.ndarray:
    return (
        values.lengths if isinstance(values, Nested) else np.fromiter(map(len, values), np.int64, len(values))
    )


def _refuse_unfit(table: Table) -> None:
    if table.record:
        try:
            RecordValues(table)
        except ValueError as error:
            raise StartRefused(f"{table.name}: {error}") from error


def _refuse_unknown(table: str, column: str, kind: str) -> None:
    try:
        refuse_odd(kind)
    except ValueError as error:
        raise StartRefused(f"{table}: column {column}: {error}") from error
    try:
        strict_column(kind)
    except Exception as error:
        raise StartRefused(
            f"{table}: clickhouse-driver cannot write column {column} of type {_short(kind)} "
            f"({type(error).__name__}): state another type in the stream's DDL"
        ) from error


def _checked(column: _Column, values: np.ndarray) -> np.ndarray | Encoded:
    name, kind, encoder_of_texts = column.name, column.kind, column.encoder
    try:
        if encoder_of_texts is not None:
            return encoder_of_texts(values.tolist() if values.dtype.hasobject else list(values))
        wire = as_wire(kind, values)
        if wire is not None:
            return wire
        items = list(values)
        if is_json(kind):
            if None in items and not kind.startswith(_MAY_BE_NONE):
                raise TypeError
            return as_objects(json_texts(items))
        encode(kind, items)
    except MemoryError:
        raise
    except Exception as error:
        is_none = not kind.startswith(_MAY_BE_NONE) and any(value is None for value in values)
        raise DoesNotFit(name, _short(kind), NONE if is_none else _flaw_of(error)) from error
    return values


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
