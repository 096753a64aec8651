"""Columns of numbers from Python's own: exact or refused. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from common.model.columns import as_objects
from common.model.times import Conversion


def integer(bits: int, signed: bool) -> Conversion:
    """Integers; those of more than 64 bits stay Python's own."""
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


def floating(bits: int) -> Conversion:
    """Finite floats, the nearest of that width."""

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


def boolean() -> Conversion:
    """0 and 1, as on the wire, from bools."""

    def convert(values: Sequence[Any]) -> np.ndarray:
        if not set(map(type, values)) <= {bool}:
            raise TypeError
        return np.array(values, np.bool_).view(np.uint8)

    return Conversion((bool,), convert)
