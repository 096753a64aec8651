"""Ticks of an axis and what they say: times in UTC, amounts with grouped thousands, powers of ten."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

TIME_STEPS_S = (
    *(
        0.001,
        0.002,
        0.005,
        0.01,
        0.02,
        0.05,
        0.1,
        0.2,
        0.5,
        1,
        2,
        5,
        10,
        15,
        30,
        60,
        120,
        300,
        600,
        900,
        1800,
    ),
    *(3600, 7200, 10_800, 14_400, 21_600, 43_200),
)
DAY_S = 86_400
MOST_TIMES = 7
MOST_AMOUNTS = 7
MOST_NAMES = 12
NAME_CHARACTERS = 18
SCIENTIFIC_FROM = 1e15

_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class Axis(NamedTuple):
    """Where values lie, ticks and their texts, and what to say below, as the date of times."""

    places: list[float]
    ticks: list[float]
    texts: list[str]
    label: str = ""
    is_named: bool = False


def across(values: Sequence[Any]) -> Axis:
    """The x axis of one value or more as JSON has them: times, numbers, or names that stand side by side."""
    times = [_seconds(value) for value in values]
    if all(time is not None for time in times):
        return _times([time for time in times if time is not None])
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        places = [float(value) for value in values]
        ticks = amounts(min(places), max(places), is_whole=all(place.is_integer() for place in places))
        return Axis(places, ticks, texts_of(ticks))
    ticks = [float(at) for at in range(0, len(values), -(-len(values) // MOST_NAMES))]
    names = [_short(str(values[int(at)])) for at in ticks]
    return Axis([float(at) for at in range(len(values))], ticks, names, is_named=True)


def _seconds(value: Any) -> float | None:
    if isinstance(value, str) and value.endswith("Z"):
        try:
            return datetime.fromisoformat(value).timestamp()
        except ValueError:
            return None
    return None


def _short(name: str) -> str:
    return name if len(name) <= NAME_CHARACTERS else f"{name[: NAME_CHARACTERS - 1]}…"


def _times(places: list[float]) -> Axis:
    low, high = min(places), max(places)
    label = f"{_dates(low, high)}, UTC"
    if low == high:
        return Axis(places, [low], [_time(low, 0.001 if low % 1 else 1, low, high)], label)
    wanted_s = (high - low) / (MOST_TIMES - 1) * (1 - 1e-4)
    step_s = next((step for step in TIME_STEPS_S if step >= wanted_s), None)
    step_s = step_s or math.ceil(wanted_s / DAY_S) * DAY_S
    ticks = _multiples(step_s, low, high)
    return Axis(places, ticks, [_time(tick, step_s, low, high) for tick in ticks], label)


def _dates(low: float, high: float) -> str:
    first, last = (datetime.fromtimestamp(each, UTC).date() for each in (low, high))
    return _date(last) if first == last else f"{_date(first)} – {_date(last)}"


def _date(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _time(tick: float, step_s: float, low: float, high: float) -> str:
    time = datetime.fromtimestamp(round(tick, 3), UTC)
    if step_s >= DAY_S:
        return f"{time.day} {time:%b}"
    if high - low > DAY_S:
        return f"{time.day} {time:%b %H:%M}"
    return f"{time:%H:%M:%S}" + (f".{time.microsecond // 1000:03}" if step_s < 1 else "")


def amounts(low: float, high: float, *, is_whole: bool = False) -> list[float]:
    """Round numbers from `low` to `high`, or the number itself where both are the same. `is_whole`: integers alone."""
    if high <= low:
        return [low]
    wanted = (high - low) / (MOST_AMOUNTS - 1)
    wanted = max(1.0, wanted) if is_whole else wanted
    power = 10.0 ** math.floor(math.log10(wanted))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= wanted * (1 - 1e-9))
    return _multiples(step, low, high)


def _multiples(step: float, low: float, high: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-4), math.floor(high / step + 1e-4)
    return [number * step for number in range(first, last + 1)]


def texts_of(ticks: Sequence[float]) -> list[str]:
    """1,250; 0.25, all with the same digits; 2·10¹⁹ where there would be too many."""
    if any(abs(tick) >= SCIENTIFIC_FROM for tick in ticks):
        return [_scientific(tick) for tick in ticks]
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 0
    if not step:
        return [f"{tick:,.6g}" if abs(tick) < 1e6 else f"{tick:,.0f}" for tick in ticks]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return [f"{tick:,.{digits}f}" for tick in ticks]


def _scientific(value: float) -> str:
    if not value:
        return "0"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{float(digits):g}·{power_text(int(exponent))}"


def power_text(exponent: int) -> str:
    """10⁶."""
    return f"10{str(exponent).translate(_RAISED)}"


def powers(low: float, high: float, most: int = 8) -> tuple[list[float], list[str]]:
    """Powers of ten around numbers above 0, and their texts; all from `low` to `high` lie between the two ends."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = max(1, -(-(last - first) // most))
    exponents = range(first, last + step, step)
    return [10.0**each for each in exponents], [power_text(each) for each in exponents]
