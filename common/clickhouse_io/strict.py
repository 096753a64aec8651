"""The driver's column writers, made strict: they raise where the driver would wrap or replace a value in silence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np

from common.clickhouse_io.internals import (
    ArrayColumn,
    BoolColumn,
    BufferedSocketWriter,
    Column,
    Context,
    DateColumn,
    DateTimeColumn,
    DecimalColumn,
    FloatColumn,
    IPv6Column,
    LargeIntColumn,
    ServerInfo,
    TupleColumn,
    get_column_by_spec,
)

_BUFFER_BYTES = 1 << 16
_IPV6_BYTES = 16
_WIDTH = re.compile(r"\bDecimal(32|64|128|256)\(\s*(\d+)\s*\)")
_DIGITS = {"32": 9, "64": 18, "128": 38, "256": 76}


def encode(kind: str, items: list[Any]) -> None:
    """Encode values as the driver does for a column of this type, and throw the bytes away.

    Raises whatever the driver raises; OverflowError, ValueError and TypeError where it would change a value.
    """
    column = strict_column(kind)
    nowhere = BufferedSocketWriter(_Nowhere(), _BUFFER_BYTES)
    column.write_state_prefix(nowhere, items)
    column.write_data(items, nowhere)


def strict_column(kind: str) -> Column:
    """A writer of a type, for one use. Raises what the driver raises for a type it does not know."""
    column = get_column_by_spec(_WIDTH.sub(_as_the_driver_spells_it, kind), {"context": _context()})
    _harden(column)
    return column


def _as_the_driver_spells_it(decimal: re.Match[str]) -> str:
    return f"Decimal({_DIGITS[decimal[1]]}, {decimal[2]})"


class _Nowhere:
    """In place of a socket: takes bytes and forgets them."""

    def sendall(self, data: bytes) -> None:
        """Forget them."""


def _context() -> Context:
    context = Context()
    context.settings = {}
    context.client_settings = {"strings_as_bytes": False, "use_numpy": False}
    context.server_info = ServerInfo("", 0, 0, 0, 0, "UTC", "", 0)
    return context


def _harden(column: Column) -> None:
    for inner in _inner(column):
        _harden(inner)
    refuse = next((check for kind, check in _REFUSALS.items() if isinstance(column, kind)), None)
    if refuse is not None:
        column.prepare_items = _checked(column, column.prepare_items, refuse)


def _inner(column: Column) -> Iterator[Column]:
    for name in ("nested_column", "key_column", "value_column"):
        if hasattr(column, name):
            yield getattr(column, name)
    yield from getattr(column, "nested_columns", ())


def _checked(
    column: Column, prepare: Callable[[Any], Any], refuse: Callable[[Any, Any], None]
) -> Callable[[Sequence[Any]], Any]:
    def prepare_checked(items: Sequence[Any]) -> Any:
        for item in items:
            if item is not None or not column.nullable:
                refuse(column, item)
        return prepare(items)

    return prepare_checked


def _refuse_decimal(column: DecimalColumn, item: Any) -> None:
    number = item if isinstance(item, Decimal) else Decimal(str(item))
    if number.is_nan():
        raise ValueError
    if number.is_infinite() or (number and number.adjusted() >= column.precision - column.scale):
        raise OverflowError
    finer = -int(number.as_tuple().exponent) - column.scale
    if finer > 0 and any(number.as_tuple().digits[-finer:]):  # the driver would cut them off
        raise ValueError


def _refuse_large_integer(column: LargeIntColumn, item: Any) -> None:
    if not isinstance(item, int | np.integer):
        raise TypeError
    bits = 8 * column.int_size
    lowest, end = (0, 1 << bits) if column.ch_type.startswith("U") else (-1 << bits - 1, 1 << bits - 1)
    if not lowest <= item < end:
        raise OverflowError


def _refuse_date(column: DateColumn, item: Any) -> None:
    if not column.min_value <= date(item.year, item.month, item.day) <= column.max_value:
        raise OverflowError
    if isinstance(item, datetime) and item.time() != time():
        raise ValueError


def _refuse_time(column: DateTimeColumn, item: Any) -> None:
    """The driver cuts off what is finer, and counts the fraction of a second before 1970 in the wrong direction."""
    if not isinstance(item, datetime) or not item.microsecond:
        return
    places = getattr(column, "scale", 0)
    if item.microsecond % 10 ** max(0, 6 - places) or item.timestamp() < 0:
        raise ValueError


def _refuse_float(column: FloatColumn, item: Any) -> None:
    """An integer that no float of that width is."""
    width = np.float32 if column.ch_type == "Float32" else np.float64
    if isinstance(item, int) and int(width(item)) != item:
        raise ValueError


def _refuse_bool(column: BoolColumn, item: Any) -> None:
    if not isinstance(item, int | np.integer | np.bool_):
        raise TypeError
    if item not in (0, 1):
        raise OverflowError


def _refuse_ipv6(column: IPv6Column, item: Any) -> None:
    if isinstance(item, bytes) and len(item) != _IPV6_BYTES:
        raise ValueError


def _refuse_array(column: ArrayColumn, item: Any) -> None:
    if isinstance(item, str | bytes | dict):
        raise TypeError


def _refuse_tuple(column: TupleColumn, item: Any) -> None:
    if isinstance(item, str | bytes | dict) or len(item) != len(column.nested_columns):
        raise TypeError


_REFUSALS: dict[type, Callable[[Any, Any], None]] = {
    DecimalColumn: _refuse_decimal,  # before the integers, which wide ones are as well
    LargeIntColumn: _refuse_large_integer,
    DateColumn: _refuse_date,
    DateTimeColumn: _refuse_time,  # DateTime64 is one
    FloatColumn: _refuse_float,
    BoolColumn: _refuse_bool,
    IPv6Column: _refuse_ipv6,
    ArrayColumn: _refuse_array,
    TupleColumn: _refuse_tuple,
}
