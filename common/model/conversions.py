"""ClickHouse types: what Python type fits each, its range, and its values as a numpy column. Pure.

A conversion is exact, or it raises ValueError, OverflowError or TypeError. It never wraps, rounds or cuts; a float for
a Float32 becomes the nearest one, as the type means.
"""

from __future__ import annotations

import re
import socket
import uuid
from collections.abc import Callable, Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any

import numpy as np

from common.model.columns import as_objects
from common.model.identifiers import until
from common.model.times import FIRST_DAY, LAST_DAY, Conversion, Convert, datetime64, days, time

LONGEST_DECIMAL = 76
SCALED = "scaled"
"""The field of a decimal column that holds its digits: plain integers would be taken for whole numbers."""

NULL, VALUE = "null", "value"
"""The fields of a Nullable column of fixed width."""

_EXACT = Context(prec=4 * LONGEST_DECIMAL, traps=[Inexact, InvalidOperation])
_CALL = re.compile(r"(?P<name>\w+)\((?P<inner>.*)\)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NAME = re.compile(r"'((?:[^'\\]|\\.)*)'\s*=\s*(-?\d+)")


def conversion(kind: str, unit: str = "") -> Conversion:
    """The conversion for a ClickHouse type, spelled in any way. `unit`: what integers of a time count, of UNITS.

    Raises ValueError for a type that is not known here.
    """
    name, inner = split(kind)
    if name == "Nullable":
        return _nullable(conversion(inner[0], unit))
    if name == "LowCardinality":
        return _as_they_are(conversion(inner[0], unit))
    if unit and name in ("Array", "Map"):
        raise ValueError(f"{kind[:60]}: a unit is for a time of its own, not for those in an {name}")
    if name == "Array":
        return _array(conversion(inner[0], unit))
    if name == "Map":
        return _map(conversion(inner[0]), conversion(inner[1], unit))
    if name not in _MAKERS:
        raise ValueError(f"{kind[:60]} is no type that values can be made for: {', '.join(_MAKERS)}")
    try:
        return _MAKERS[name](inner, unit)
    except IndexError:
        raise ValueError(f"{kind[:60]} lacks an argument") from None


def guarded(made: Conversion) -> Convert:
    """The conversion for values whose type nobody has checked: TypeError for one that does not fit."""

    def convert(values: Sequence[Any]) -> np.ndarray:
        for value in values:
            is_odd_bool = isinstance(value, bool) and bool not in made.fits
            if is_odd_bool or not isinstance(value, made.fits):
                raise TypeError
        return made.convert(values)

    return convert


def split(kind: str) -> tuple[str, list[str]]:
    """`Map(String, Array(UInt8))` as its name and arguments."""
    call = _CALL.fullmatch(kind.strip())
    if call is None:
        return kind.strip(), []
    arguments, rest = [], call["inner"]
    while rest:
        argument, rest = until(rest, ",".__eq__)
        arguments.append(argument.strip())
        rest = rest[1:]
    return call["name"], arguments


def is_nullable(kind: str) -> bool:
    """Whether a column of that type takes NULL."""
    return kind.replace(" ", "").startswith(("Nullable(", "LowCardinality(Nullable("))


# Numbers


def _integer(bits: int, signed: bool) -> Conversion:
    lowest = -(2 ** (bits - 1)) if signed else 0
    end = lowest + 2**bits
    dtype = np.dtype(f"{'i' if signed else 'u'}{bits // 8}") if bits <= 64 else None

    def convert(values: Sequence[Any]) -> np.ndarray:
        if not set(map(type, values)) <= {int}:  # numpy would cut floats and read texts
            raise TypeError
        if dtype is not None:
            return np.array(values, dtype)
        if any(not lowest <= value < end for value in values):
            raise OverflowError
        return as_objects(values)

    return Conversion((int,), convert)


def _float(bits: int) -> Conversion:
    def convert(values: Sequence[Any]) -> np.ndarray:
        if not set(map(type, values)) <= {float}:  # an int might be rounded
            raise TypeError
        wide = np.array(values, np.float64)
        if np.isnan(wide).any():
            raise ValueError
        with np.errstate(over="ignore"):
            narrow = wide.astype(np.dtype(f"f{bits // 8}"))
        if np.isinf(narrow).any():
            raise OverflowError
        return narrow

    return Conversion((float,), convert)


def _boolean(values: Sequence[Any]) -> np.ndarray:
    if not set(map(type, values)) <= {bool}:
        raise TypeError
    return np.array(values, np.bool_)


def _decimal(precision: int, scale: int) -> Conversion:
    if not 0 <= scale <= precision <= LONGEST_DECIMAL or not precision:
        raise ValueError(f"Decimal({precision}, {scale}) is none that ClickHouse has")
    end = 10**precision

    def scaled(value: Any) -> int:
        moved = _EXACT.scaleb(value, scale)  # InvalidOperation, an ArithmeticError, for what is no number
        whole = int(moved) if moved.is_finite() and abs(moved.adjusted()) <= LONGEST_DECIMAL else None
        if whole is None or not -end < whole < end:
            raise OverflowError if not moved.is_nan() else ValueError
        if whole != moved:
            raise ValueError
        return whole

    def convert(values: Sequence[Any]) -> np.ndarray:
        numbers = [scaled(value) for value in values]
        if precision <= 18:
            width = np.dtype("<i4" if precision <= 9 else "<i8")
            return np.array(numbers, width).view([(SCALED, width)])
        return as_objects(values)

    return Conversion((Decimal,), convert)


# Text


def _text(values: Sequence[Any]) -> np.ndarray:
    if not set(map(type, values)) <= {str, bytes}:
        raise TypeError
    return as_objects(values)


def _fixed_string(length: int) -> Conversion:
    def convert(values: Sequence[Any]) -> np.ndarray:
        if not set(map(type, values)) <= {str, bytes}:
            raise TypeError
        encoded = [value.encode() if isinstance(value, str) else value for value in values]
        if any(len(value) != length for value in encoded):  # ClickHouse would fill up what is shorter
            raise ValueError
        return as_objects(encoded)

    return Conversion((str, bytes), convert)


def names_of(kind: str) -> dict[str, int]:
    """The names of an Enum8 or Enum16, as its type states them. Raises ValueError if there is none."""
    names = {_ESCAPED.sub(r"\1", name): int(number) for name, number in _NAME.findall(kind)}
    if not names:
        raise ValueError(f"{kind[:60]}: state names and numbers, Enum8('a' = 1)")
    return names


def _enum(kind: str, dtype: Any) -> Conversion:
    numbers = names_of(kind)

    def convert(values: Sequence[Any]) -> np.ndarray:
        return np.array([numbers[value] for value in values], dtype)  # KeyError: no such name

    return Conversion((str,), convert)


# Addresses


def _ipv4(values: Sequence[Any]) -> np.ndarray:
    packed = b"".join([socket.inet_pton(socket.AF_INET, value) for value in values])
    return np.frombuffer(packed, ">u4").astype("<u4")


def _ipv6(values: Sequence[Any]) -> np.ndarray:
    return as_objects([socket.inet_pton(socket.AF_INET6, value) for value in values])


def _uuid(values: Sequence[Any]) -> np.ndarray:
    if not set(map(type, values)) <= {uuid.UUID}:
        raise TypeError
    return as_objects(values)


# Types made of others


def _nullable(inner: Conversion) -> Conversion:
    """Fixed-width values as an array of (is it NULL?, value), others as objects."""

    def convert(values: Sequence[Any]) -> np.ndarray:
        present = [value for value in values if value is not None]
        made = inner.convert(present)
        is_null = np.fromiter((value is None for value in values), np.uint8, len(values))
        if made.dtype.hasobject:
            filled = np.full(len(values), None, object)
            filled[is_null == 0] = made
            return filled
        column = np.zeros(len(values), [(NULL, "u1"), (VALUE, made.dtype)])
        column[NULL] = is_null
        column[VALUE][is_null == 0] = made
        return column

    return Conversion((*inner.fits, type(None)), convert)


def _as_they_are(inner: Conversion) -> Conversion:
    """Values that are checked, and left for the driver to encode."""

    def convert(values: Sequence[Any]) -> np.ndarray:
        inner.convert(values)
        return as_objects(values)

    return Conversion(inner.fits, convert)


def _array(inner: Conversion) -> Conversion:
    def convert(values: Sequence[Any]) -> np.ndarray:
        inner.convert([item for value in values for item in value])  # raises what does not fit
        return as_objects(values)

    return Conversion((list, tuple), convert)


def _map(keys: Conversion, values_of: Conversion) -> Conversion:
    def convert(values: Sequence[Any]) -> np.ndarray:
        keys.convert([key for value in values for key in value])
        values_of.convert([item for value in values for item in value.values()])
        return as_objects(values)

    return Conversion((dict,), convert)


Maker = Callable[[list[str], str], Conversion]
"""Makes a conversion from the arguments of a type and the unit of a time."""


def _plain(made: Conversion) -> Maker:
    return lambda arguments, unit: made


def _fixed_decimal(digits: int) -> Maker:
    return lambda arguments, unit: _decimal(digits, int(arguments[0]))


_MAKERS: dict[str, Maker] = {
    **{f"Int{bits}": _plain(_integer(bits, signed=True)) for bits in (8, 16, 32, 64, 128, 256)},
    **{f"UInt{bits}": _plain(_integer(bits, signed=False)) for bits in (8, 16, 32, 64, 128, 256)},
    "Float32": _plain(_float(32)),
    "Float64": _plain(_float(64)),
    "Bool": _plain(Conversion((bool,), _boolean)),
    "String": _plain(Conversion((str, bytes), _text)),
    "JSON": _plain(Conversion((str,), _text)),
    "UUID": _plain(Conversion((uuid.UUID,), _uuid)),
    "IPv4": _plain(Conversion((str,), _ipv4)),
    "IPv6": _plain(Conversion((str,), _ipv6)),
    "Date": _plain(days(0, 65_535, np.uint16)),
    "Date32": _plain(days(FIRST_DAY, LAST_DAY, np.int32)),
    "DateTime": lambda arguments, unit: time(0, unit, 0, 2**32 - 1, np.uint32),
    "DateTime64": lambda arguments, unit: datetime64(int(arguments[0]), unit),
    "FixedString": lambda arguments, unit: _fixed_string(int(arguments[0])),
    "Enum8": lambda arguments, unit: _enum(", ".join(arguments), np.int8),
    "Enum16": lambda arguments, unit: _enum(", ".join(arguments), np.int16),
    "Decimal": lambda arguments, unit: _decimal(int(arguments[0]), int(arguments[1])),
    "Decimal32": _fixed_decimal(9),
    "Decimal64": _fixed_decimal(18),
    "Decimal128": _fixed_decimal(38),
    "Decimal256": _fixed_decimal(76),
}
