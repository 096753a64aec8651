"""Charts as PNG, without a display, in the colours of the pages."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from api.axes import Axis, across, amounts, powers, texts_of
from common.model.question import Chart, Row

WIDTH, HEIGHT, PIXELS = 8.0, 4.5, 100
"""Inches, and pixels an inch: 800 × 450; drawn twice as sharp."""

SHARPNESS = 2
INK, MUTED, GRID, LINE = "#1b2330", "#566173", "#e9ecf1", "#dfe3ea"
SERIES = ("#1f5fbf", "#b4500f", "#8a5a00")
ABOVE, THRESHOLD = SERIES[1:]
"""The colours of static/app.css."""

LOG_FROM = 1_000
"""From this ratio of the highest value to the lowest on, the axis is logarithmic: as in static/js/scale.js."""

MARKED = 60
"""Up to so many points, each has a mark."""

EMPTY = "Nothing is stored yet."

mpl.rcParams["text.parse_math"] = False  # a text may be what somebody typed


def draw(chart: Chart, rows: Sequence[Row], title: str, given: Mapping[str, Any] | None = None) -> bytes:
    """The PNG, of 800 × 450 points of two pixels each way. `given`: the parameters of the question.

    Integers as text are numbers; rows without a value are left out.
    """
    given = given or {}
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=PIXELS * SHARPNESS)
    canvas = FigureCanvasAgg(figure)
    head = _title(figure, title, given)
    rows = [row for row in rows if row[chart.x] is not None]
    columns = [[_number(row[name]) for row in rows] for name in chart.y]
    known = [value for column in columns for value in column if math.isfinite(value)]
    if known:
        limit = given.get(chart.threshold)
        _plot(figure, chart, across([row[chart.x] for row in rows]), columns, known, limit, head)
        _labels(figure, chart, given)
    else:
        figure.text(0.5, 0.45, EMPTY, ha="center", va="center", color=MUTED, fontsize=12)
    picture = io.BytesIO()
    canvas.print_png(picture, pil_kwargs={"compress_level": 4})
    return picture.getvalue()


def _title(figure: Figure, title: str, given: Mapping[str, Any]) -> float:
    """Title, and the parameters below it. How many points they take."""
    figure.text(*_at(16, 14), _clean(title), va="top", color=INK, fontsize=12, fontweight="bold")
    words = ", ".join(f"{name} = {_word(value)}" for name, value in given.items())
    below = figure.text(*_at(16, 38), "", va="top", color=MUTED, fontsize=9, linespacing=1.3)
    characters, wide = 110, math.inf
    while wide > WIDTH - 0.4:
        lines = textwrap.wrap(_clean(words), characters, max_lines=2, placeholder=" …")
        below.set_text("\n".join(lines))
        wide = below.get_window_extent().width / figure.dpi
        characters -= 5
    return 48 + 17 * len(lines)


def _at(left: float, top: float) -> tuple[float, float]:
    """A place in points from the left and the top."""
    return left / (WIDTH * PIXELS), 1 - top / (HEIGHT * PIXELS)


def _word(value: Any) -> str:
    if isinstance(value, int | float):
        return f"{value:,.15g}" if isinstance(value, float) else f"{value:,}"
    return str(value)


def _clean(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _plot(
    figure: Figure,
    chart: Chart,
    axis: Axis,
    columns: Sequence[Sequence[float]],
    known: Sequence[float],
    limit: Any,
    head: float,
) -> None:
    axes = figure.add_subplot()
    threshold = None if limit is None else float(limit)
    bars = chart.kind == "bars"
    levels = [] if threshold is None else [threshold]
    logarithmic = not bars and is_logarithmic(known) and all(level > 0 for level in levels)
    texts = _upwards(axes, [*known, *levels], from_zero=bars, logarithmic=logarithmic)
    _sideways(axes, axis, bars=bars)
    for at, (name, column) in enumerate(zip(chart.y, columns, strict=True)):
        colour, words = SERIES[at % len(SERIES)], name.replace("_", " ")
        if bars:
            _bars(axes, axis, column, colour, at, len(columns), words)
        else:
            mark = "o" if len(column) <= MARKED else ""
            size = 3 if len(column) > 1 else 6
            axes.plot(
                axis.places, column, color=colour, linewidth=1.4, marker=mark, markersize=size, label=words
            )
    if threshold is not None:
        _threshold(axes, axis, columns, threshold)
    left = 34 + 7.2 * max(map(len, texts)) + 10 * bool(chart.y_label)
    right = max(24.0, 5 + 3.6 * len(axis.texts[-1] if axis.texts else ""))
    figure.subplots_adjust(*_at(left, 450 - 56), *_at(800 - right, head))
    if len(chart.y) > 1 or threshold is not None:
        corner = _at(800 - 16, 10)
        figure.legend(
            loc="upper right", bbox_to_anchor=corner, ncols=4, frameon=False, fontsize=9, labelcolor=MUTED
        )


def is_logarithmic(values: Sequence[float]) -> bool:
    """Whether lines of these values have a logarithmic axis: of the page of a chart and of its picture alike."""
    low, high = min(values), max(values)
    return low > 0 and high / low >= LOG_FROM


def _upwards(axes: Axes, values: Sequence[float], *, from_zero: bool, logarithmic: bool) -> list[str]:
    """Scale, grid and ticks of the y axis; the texts of the ticks."""
    low, high = min(values), max(values)
    if logarithmic:
        ticks, texts = powers(low, high)
        axes.set_yscale("log")
        axes.set_ylim(ticks[0], ticks[-1])
        axes.minorticks_off()
    else:
        low = min(0.0, low) if from_zero else low
        room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
        axes.set_ylim(low if from_zero and not low else low - room, high + room)
        is_whole = all(value.is_integer() for value in values)
        ticks = amounts(low, high + room, is_whole=is_whole) if high > low else [high]
        texts = texts_of(ticks)
    axes.set_yticks(ticks, texts)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=9, labelcolor=MUTED, pad=5)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(LINE)
    return texts


def _sideways(axes: Axes, axis: Axis, *, bars: bool) -> None:
    low, high = min(axis.places), max(axis.places)
    if axis.is_named:
        axes.set_xlim(low - 0.6, high + 0.6)
        axes.grid(visible=False, axis="x")
    elif bars:
        axes.set_xlim(low, high + _width(axis))
    else:
        room = (high - low) * 0.015 or 1.0
        axes.set_xlim(low - room, high + room)
    axes.set_xticks(axis.ticks, axis.texts)
    axes.set_xlabel(axis.label)


def _width(axis: Axis) -> float:
    places = sorted(set(axis.places))
    return min((b - a for a, b in zip(places, places[1:], strict=False)), default=1.0)


def _bars(axes: Axes, axis: Axis, column: Sequence[float], colour: str, at: int, of: int, name: str) -> None:
    """Those of the series number `at`: a number is where a bar begins, a name is in the middle of it."""
    width = _width(axis) * (0.7 if axis.is_named else 0.9) / of
    first = (at - of / 2) * width if axis.is_named else at * width + _width(axis) * 0.05
    axes.bar(
        [place + first for place in axis.places], column, width, align="edge", color=f"{colour}cc", label=name
    )


def _threshold(axes: Axes, axis: Axis, columns: Sequence[Sequence[float]], threshold: float) -> None:
    """A line at the threshold, and the points above it in a colour of their own."""
    above = [
        (place, value)
        for column in columns
        for place, value in zip(axis.places, column, strict=True)
        if value > threshold
    ]
    places, values = zip(*above, strict=True) if above else ((), ())
    size = 4.5 if len(axis.places) <= 5 * MARKED else 2.5
    axes.plot(places, values, "o", color=ABOVE, markersize=size, label="above")
    words = f"threshold {_word(threshold)}"
    axes.axhline(threshold, color=THRESHOLD, linewidth=1.4, dashes=(4, 2.5), label=words)


def _labels(figure: Figure, chart: Chart, given: Mapping[str, Any]) -> None:
    (axes,) = figure.axes
    date = axes.get_xlabel()
    unit = chart.unit
    found = unit.names.get(str(given.get(unit.parameter)), "") if unit else ""
    units = {unit.column: f", {found}"} if unit and found else {}
    x_label = date or (chart.x_label or chart.x) + units.get(chart.x, "")
    y_label = (chart.y_label or ", ".join(chart.y)) + "".join(units.get(name, "") for name in chart.y)
    axes.set_xlabel(x_label, color=MUTED, fontsize=9, labelpad=7)
    axes.set_ylabel(y_label, color=MUTED, fontsize=9, labelpad=7)
