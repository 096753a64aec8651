"""Dates and times as ClickHouse counts them, from Python's own, from texts and from numbers: exact or refused. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import numpy as np

from common.model.texts_of_time import EPOCH, ticks

UNITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
"""What an integer may count since 1970, and how many decimal places of a second that is."""

FIRST_DAY, LAST_DAY = -25_567, 120_529  # 1900-01-01 and 2299-12-31
_FIRST_S, _END_S = FIRST_DAY * 86_400, (LAST_DAY + 1) * 86_400
_FIRST_NS, _LAST_NS = -(2**63), 2**63 - 1

Convert = Callable[[Sequence[Any]], Any]
"""Gives a numpy array, or an Encoded for a column of texts."""


class Conversion(NamedTuple):
    """How values become a column: the Python types that fit, and the function.

    `counts`: within an Array, a Map or a LowCardinality its numbers stand in place of the values, which the driver
    would not encode exactly.
    """

    fits: tuple[type, ...]
    convert: Convert
    counts: bool = False


def days(first: int, last: int, dtype: Any) -> Conversion:
    """Days since 1970, in that range, from dates."""

    def convert(values: Sequence[Any]) -> np.ndarray:
        if any(value is None or isinstance(value, datetime) for value in values):
            raise TypeError
        days = np.array(values, "datetime64[D]").astype(np.int64)
        _check_range(days, first, last)
        return days.astype(dtype)

    return Conversion((date,), convert)


def time(places: int, unit: str, lowest: int, last: int, dtype: Any) -> Conversion:
    """Whole 10^-places of a second since 1970; from a datetime, a text, or an integer that counts `unit`."""

    def convert(values: Sequence[Any]) -> np.ndarray:
        first = next(iter(values), None)
        if isinstance(first, datetime):
            counted, have = _microseconds(values), 6
        elif isinstance(first, str):
            return ticks(values, places, lowest, last).astype(dtype)
        else:
            counted, have = np.array(values, np.int64), UNITS[unit or "s"]
        counted = _rescaled(counted, have, places)
        _check_range(counted, lowest, last)
        return counted.astype(dtype)

    return Conversion((int,) if unit else (datetime, str), convert, counts=True)


def _microseconds(values: Sequence[Any]) -> np.ndarray:
    """Raises TypeError for a time without a zone."""
    since = [value - EPOCH for value in values]
    days = np.array([each.days for each in since], np.int64)
    seconds = np.array([each.seconds for each in since], np.int64)
    microseconds = np.array([each.microseconds for each in since], np.int64)
    return (days * 86_400 + seconds) * 10**6 + microseconds


def _rescaled(counted: np.ndarray, have: int, places: int) -> np.ndarray:
    if places >= have:
        factor = 10 ** (places - have)
        _check_range(counted, -(-_FIRST_NS // factor), _LAST_NS // factor)
        return counted * factor
    factor = 10 ** (have - places)
    if (counted % factor).any():
        raise ValueError  # finer than the column
    return counted // factor


def _check_range(numbers: np.ndarray, first: int, last: int) -> None:
    if len(numbers) and (int(numbers.min()) < first or int(numbers.max()) > last):
        raise OverflowError


def datetime64(places: int, unit: str) -> Conversion:
    """Times with that many decimal places of a second, from 1900 to 2299, or as far as 64 bits go."""
    if not 0 <= places <= 9:
        raise ValueError(f"DateTime64({places}) is none that ClickHouse has")
    factor = 10**places
    first = max(_FIRST_S * factor, _FIRST_NS)
    return time(places, unit, first, min(_END_S * factor - 1, _LAST_NS), np.int64)
