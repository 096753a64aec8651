"""Decimals as ClickHouse stores them, exact or refused. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, Subnormal
from typing import Any

import numpy as np

from common.model.columns import as_objects
from common.model.times import Conversion

LONGEST_DECIMAL = 76
SCALED = "scaled"
"""The field of a decimal column that holds its digits: plain integers would be taken for whole numbers."""

_EXACT = Context(prec=4 * LONGEST_DECIMAL, traps=[Inexact, InvalidOperation])


def decimal(precision: int, scale: int) -> Conversion:
    """Decimals of so many digits, as their digits without the point; above 18 digits as they are.

    Raises ValueError for a type that there is none of.
    """
    if not 0 <= scale <= precision <= LONGEST_DECIMAL or not precision:
        raise ValueError(f"Decimal({precision}, {scale}) is none that ClickHouse has")
    end = 10**precision
    tight = Context(prec=precision, Emin=-99, Emax=99, traps=[Inexact, InvalidOperation, Overflow, Subnormal])

    def scaled(value: Any) -> int:
        moved = _EXACT.scaleb(value, scale)  # InvalidOperation, an ArithmeticError, for what is no number
        is_short = moved.is_finite() and (not moved or abs(moved.adjusted()) <= LONGEST_DECIMAL)
        whole = int(moved) if is_short else None
        if whole is None or not -end < whole < end:
            raise OverflowError if not moved.is_nan() else ValueError
        if whole != moved:
            raise ValueError
        return whole

    width = np.dtype("<i4" if precision <= 9 else "<i8")
    move, whole = tight.scaleb, tight.to_integral_exact

    def convert(values: Sequence[Any]) -> np.ndarray:
        if precision > 18:
            for value in values:
                scaled(value)
            return as_objects(values)
        try:
            numbers = [int(whole(move(value, scale))) for value in values]
        except (ArithmeticError, ValueError, TypeError):
            numbers = [scaled(value) for value in values]  # raises what fits the flaw
        if numbers and not -end < min(numbers) <= max(numbers) < end:
            raise OverflowError
        return np.array(numbers, width).view([(SCALED, width)])

    return Conversion((Decimal,), convert)
