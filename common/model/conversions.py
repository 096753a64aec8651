"""ClickHouse types: what Python type fits each, its range, and its values as a numpy column. Pure.

A conversion is exact, or it raises ValueError, OverflowError or TypeError. It never wraps, rounds or cuts; a float for
a Float32 becomes the nearest one, as the type means.
"""

from __future__ import annotations

import re
import socket
import uuid
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from common.model.columns import as_objects
from common.model.decimals import decimal
from common.model.encoders import encoder
from common.model.kinds import names_of, refuse_odd, split
from common.model.numbers import boolean, floating, integer
from common.model.times import FIRST_DAY, LAST_DAY, Conversion, Convert, datetime64, days, time

HALVES = np.dtype([("high", "<u8"), ("low", "<u8")])
"""A UUID: plain pairs of integers would be taken for a UInt128, whose low half comes first."""

NULL, VALUE = "null", "value"
"""The fields of a Nullable column of fixed width."""


def conversion(kind: str, unit: str = "") -> Conversion:
    """The conversion for a ClickHouse type, spelled in any way. `unit`: what integers of a time count, of UNITS.

    Texts, and lists and dicts of them, become Encoded. Raises ValueError for a type that is not known here.
    """
    refuse_odd(kind)
    made, encode = _unencoded(kind, unit), encoder(kind)
    return made if encode is None else made._replace(convert=encode)


def _unencoded(kind: str, unit: str = "") -> Conversion:
    name, inner = split(kind)
    if name == "Nullable":
        return _nullable(_unencoded(inner[0], unit))
    if name == "LowCardinality":
        if re.search(r"\bFloat", inner[0]):
            raise ValueError(f"{kind[:60]}: clickhouse-driver takes 0.0 and -0.0 for one value there")
        return _low_cardinality(_unencoded(inner[0], unit))
    if name in ("Array", "Map") and any(map(is_json, inner)):
        raise ValueError(f"{kind[:60]}: JSON is a column of its own, or a String within an {name}")
    if unit and name in ("Array", "Map"):
        raise ValueError(f"{kind[:60]}: a unit is for a time of its own, not for those in an {name}")
    if name == "Array":
        return _array(_unencoded(inner[0], unit))
    if name == "Map":
        return _map(_unencoded(inner[0]), _unencoded(inner[1], unit))
    if name not in _MAKERS:
        raise ValueError(f"{kind[:60]} is no type that values can be made for: {', '.join(_MAKERS)}")
    return _MAKERS[name](inner, unit)


def guarded(made: Conversion) -> Convert:
    """The conversion for values whose type nobody has checked: TypeError for one that does not fit."""

    def convert(values: Sequence[Any]) -> Any:
        for value in values:
            is_odd_bool = isinstance(value, bool) and bool not in made.fits
            if is_odd_bool or not isinstance(value, made.fits):
                raise TypeError
        return made.convert(values)

    return convert


def is_nullable(kind: str) -> bool:
    """Whether a column of that type takes NULL."""
    return kind.replace(" ", "").startswith(("Nullable(", "LowCardinality(Nullable("))


def is_json(kind: str) -> bool:
    """Whether it is JSON, Nullable or not."""
    name, arguments = split(kind)
    return name == "JSON" or (name == "Nullable" and is_json(arguments[0]))


# Text


def _text(values: Sequence[Any]) -> np.ndarray:
    if not set(map(type, values)) <= {str, bytes}:
        raise TypeError
    return as_objects(values)


def _json(arguments: list[str]) -> Conversion:
    if odd := [each for each in arguments if not each.startswith("max_dynamic_")]:
        raise ValueError(f"JSON({odd[0][:60]}): a path of a type of its own may refuse or lose a value")
    return Conversion((str,), _text)


def bytes_of(length: int) -> np.dtype:
    """The type of columns whose values are so many bytes each."""
    return np.dtype([("bytes", f"V{length}")])


def _of_length(values: Sequence[bytes], length: int) -> np.ndarray:
    return np.frombuffer(b"".join(values), bytes_of(length))


def _fixed_string(length: int) -> Conversion:
    def convert(values: Sequence[Any]) -> np.ndarray:
        if not set(map(type, values)) <= {str, bytes}:
            raise TypeError
        encoded = [value.encode() if isinstance(value, str) else value for value in values]
        if any(len(value) != length for value in encoded):  # ClickHouse would fill up what is shorter
            raise ValueError
        return _of_length(encoded, length)

    return Conversion((str, bytes), convert)


def _enum(arguments: list[str], dtype: Any) -> Conversion:
    numbers = names_of(f"Enum16({', '.join(arguments)})")

    def convert(values: Sequence[Any]) -> np.ndarray:
        return np.array([numbers[value] for value in values], dtype)  # KeyError: no such name

    return Conversion((str,), convert)


# Addresses


def _ipv4(values: Sequence[Any]) -> np.ndarray:
    packed = b"".join([socket.inet_pton(socket.AF_INET, value) for value in values])
    return np.frombuffer(packed, ">u4").astype("<u4")


def _ipv6(values: Sequence[Any]) -> np.ndarray:
    return _of_length([socket.inet_pton(socket.AF_INET6, value) for value in values], 16)


def _uuid(values: Sequence[Any]) -> np.ndarray:
    if not set(map(type, values)) <= {uuid.UUID}:
        raise TypeError
    halves = np.frombuffer(b"".join([value.int.to_bytes(16) for value in values]), ">u8").astype("<u8")
    return halves.view(HALVES)


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

    return Conversion((*inner.fits, type(None)), convert, inner.counts)


def _left_to_the_driver(inner: Conversion, values: Sequence[Any]) -> Sequence[Any]:
    """The values once they are checked; of times their numbers."""
    made = inner.convert(values)
    if not inner.counts:
        return values
    if made.dtype.names:
        return [None if is_null else number for is_null, number in made.tolist()]
    return list(made.tolist())


def _low_cardinality(inner: Conversion) -> Conversion:
    def convert(values: Sequence[Any]) -> np.ndarray:
        return as_objects(_left_to_the_driver(inner, values))

    return Conversion(inner.fits, convert, inner.counts)


def _array(inner: Conversion) -> Conversion:
    def convert(values: Sequence[Any]) -> np.ndarray:
        made = _left_to_the_driver(inner, [item for value in values for item in value])
        if not inner.counts:
            return as_objects(values)
        items = iter(made)
        return as_objects([list(islice(items, len(value))) for value in values])

    return Conversion((list, tuple), convert, inner.counts)


def _map(keys_of: Conversion, values_of: Conversion) -> Conversion:
    def convert(values: Sequence[Any]) -> np.ndarray:
        keys = _left_to_the_driver(keys_of, [key for value in values for key in value])
        items = _left_to_the_driver(values_of, [item for value in values for item in value.values()])
        if not keys_of.counts and not values_of.counts:
            return as_objects(values)
        pairs = zip(keys, items, strict=True)
        return as_objects([dict(islice(pairs, len(value))) for value in values])

    return Conversion((dict,), convert, keys_of.counts or values_of.counts)


Maker = Callable[[list[str], str], Conversion]
"""Makes a conversion from the arguments of a type and the unit of a time."""


def _plain(made: Conversion) -> Maker:
    return lambda arguments, unit: made


def _fixed_decimal(digits: int) -> Maker:
    return lambda arguments, unit: decimal(digits, int(arguments[0]))


_MAKERS: dict[str, Maker] = {
    **{f"Int{bits}": _plain(integer(bits, signed=True)) for bits in (8, 16, 32, 64, 128, 256)},
    **{f"UInt{bits}": _plain(integer(bits, signed=False)) for bits in (8, 16, 32, 64, 128, 256)},
    "Float32": _plain(floating(32)),
    "Float64": _plain(floating(64)),
    "Bool": _plain(boolean()),
    "String": _plain(Conversion((str, bytes), _text)),
    "JSON": lambda arguments, unit: _json(arguments),
    "UUID": _plain(Conversion((uuid.UUID,), _uuid)),
    "IPv4": _plain(Conversion((str,), _ipv4)),
    "IPv6": _plain(Conversion((str,), _ipv6)),
    "Date": _plain(days(0, 65_535, np.uint16)),
    "Date32": _plain(days(FIRST_DAY, LAST_DAY, np.int32)),
    "DateTime": lambda arguments, unit: time(0, unit, 0, 2**32 - 1, np.uint32),
    "DateTime64": lambda arguments, unit: datetime64(int(arguments[0]), unit),
    "FixedString": lambda arguments, unit: _fixed_string(int(arguments[0])),
    "Enum8": lambda arguments, unit: _enum(arguments, np.int8),
    "Enum16": lambda arguments, unit: _enum(arguments, np.int16),
    "Decimal": lambda arguments, unit: decimal(int(arguments[0]), int(arguments[1])),
    "Decimal32": _fixed_decimal(9),
    "Decimal64": _fixed_decimal(18),
    "Decimal128": _fixed_decimal(38),
    "Decimal256": _fixed_decimal(76),
}
