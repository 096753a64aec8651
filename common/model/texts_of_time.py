"""RFC 3339 texts as whole fractions of a second since 1970, exact to nanoseconds: many of one shape at once. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)
_ZERO = np.uint8(ord("0"))
_FIRST_MONTH, _END_MONTH = -1970 * 12, (10_000 - 1970) * 12
_FIRST_DAYS = (
    np.arange(_FIRST_MONTH, _END_MONTH + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
)


def ticks(texts: Sequence[str], places: int, lowest: int, last: int) -> np.ndarray:
    """Each text in 10^-`places` of a second, as int64.

    Raises ValueError for a text that is none, names no moment, or is finer than that; OverflowError for one outside of
    [lowest, last]; TypeError for what is no text.
    """
    parts = _of_one_shape(texts)
    if parts is None:
        counted = [_ticks(text, places) for text in texts]
        if counted and (min(counted) < lowest or max(counted) > last):
            raise OverflowError
        return np.array(counted, np.int64)
    seconds, nanoseconds = parts
    second, finer = 10**places, 10 ** (9 - places)
    if (nanoseconds % finer).any():
        raise ValueError
    if seconds.min() < lowest // second or seconds.max() > last // second:
        raise OverflowError
    made: np.ndarray = seconds * second + nanoseconds // finer
    if made.min() < lowest or made.max() > last:
        raise OverflowError
    return made


def _ticks(text: str, places: int) -> int:
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError
    day, clock, fraction, _, sign, hours, minutes = match.groups()
    since = datetime.fromisoformat(f"{day}T{clock}+00:00") - EPOCH
    seconds = since.days * 86_400 + since.seconds
    if sign:
        if int(hours) > 23 or int(minutes) > 59:
            raise ValueError
        seconds -= (int(hours) * 3600 + int(minutes) * 60) * (-1 if sign == "-" else 1)
    nanoseconds, finer = int((fraction or "0").ljust(9, "0")), 10 ** (9 - places)
    if nanoseconds % finer:
        raise ValueError
    return seconds * 10**places + nanoseconds // finer


def _of_one_shape(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray] | None:
    """Seconds and nanoseconds of texts that have the same length and punctuation; None: look at each alone."""
    match = _TEXT.fullmatch(texts[0]) if texts else None
    whole = "".join(texts)
    if match is None or not whole.isascii() or set(map(len, texts)) != {len(texts[0])}:
        return None
    signs = np.ascontiguousarray(np.frombuffer(whole.encode(), np.uint8).reshape(len(texts), -1).T)
    digits = np.array([character.isdigit() for character in texts[0]])
    if (signs[~digits] != signs[~digits, :1]).any():  # the sign of the zone, too
        return None
    numbers = signs - _ZERO
    if (numbers[digits] > 9).any():  # smaller signs have wrapped around
        return None
    year, month, day = _number(numbers, 0, 4), _number(numbers, 5, 7), _number(numbers, 8, 10)
    hour, minute, second = (_number(numbers, at, at + 2) for at in (11, 14, 17))
    months = (year - 1970) * 12 + month - 1
    first = _first_day(months)
    is_moment = (year > 0) & (month > 0) & (month < 13) & (day > 0) & (day <= _first_day(months + 1) - first)
    is_moment &= (hour < 24) & (minute < 60) & (second < 60)
    seconds = (first + day - 1) * 86_400 + hour * 3600 + minute * 60 + second
    if match[5]:
        zone = len(texts[0]) - 6
        hours, minutes = _number(numbers, zone + 1, zone + 3), _number(numbers, zone + 4, zone + 6)
        is_moment &= (hours < 24) & (minutes < 60)
        seconds -= (hours * 3600 + minutes * 60) * (-1 if match[5] == "-" else 1)
    if not is_moment.all():
        return None
    places = len(match[3] or "")
    return seconds, _number(numbers, 20, 20 + places) * 10 ** (9 - places)


def _number(numbers: np.ndarray, start: int, end: int) -> np.ndarray:
    """The number that the digits from `start` to `end` of each text make; one row per place."""
    narrow = "u1" if end - start <= 2 else "u2" if end - start <= 4 else "u4"
    made: np.ndarray = np.zeros(numbers.shape[1], narrow)
    for at in range(start, end):
        made *= made.dtype.type(10)
        made += numbers[at]
    return made.astype(np.int64)


def _first_day(months: np.ndarray) -> np.ndarray:
    """The first day of a month, both counted since 1970."""
    return _FIRST_DAYS.take(months - _FIRST_MONTH, mode="clip")
