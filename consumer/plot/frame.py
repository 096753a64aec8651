"""A histogram as lines of text: vertical bars over an axis with the edges of its bins. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

BLOCKS = " ▁▂▃▄▅▆▇█"
ASCII_BLOCKS = " #"
TICKS = 4
"""The axis is divided so often, where there is room."""

_AROUND = 5  # lines that are no bars: title, empty line, axis, its labels, remark


class Picture(NamedTuple):
    """What there is to draw: counts of equal bins over [low, high], None if there are none yet, and words.

    `rate` is how many values come in a second, if that is known. `remark` stands below.
    """

    name: str
    low: float
    high: float
    counts: list[int] | None
    rate: float | None
    remark: str


def frame(picture: Picture, width: int, height: int, blocks: str = BLOCKS) -> list[str]:
    """At most `height` lines of at most `width` characters.

    `blocks` are the fillings of a character from empty to full. With more bins than columns, bins that lie next to
    each other share a bar; then the last bar may hold fewer.
    """
    if picture.counts is None:
        return [line[:width] for line in [picture.name, "", *_wrapped(picture.remark, width)]][:height]
    rows = max(1, height - _AROUND)
    step, bars = _grouped(picture.counts, max(1, width - 2 - len(f"{max(picture.counts):,}")))
    highest = max(1, *bars)
    labels = {0: f"{highest:,}", rows // 2: f"{highest / 2:,.0f}" if rows > 4 and highest > 1 else ""}
    margin = max(map(len, [*labels.values(), "0"]))
    each = max(1, (width - margin - 2) // len(bars))
    drawn = [_column(bar, highest, rows, blocks) for bar in bars]
    lines = [_title(picture), ""]
    for row in range(rows):
        text = "".join(column[row] * each for column in drawn)
        lines.append(f"{labels.get(row, ''):>{margin}} |{text}".rstrip())
    lines.append(f"{0:>{margin}} +{'-' * each * len(bars)}")
    lines.append(" " * (margin + 2) + _ticks(picture, step, each, len(bars)))
    lines.append(picture.remark)
    return [line[:width].rstrip() for line in lines[:height]]


def _title(picture: Picture) -> str:
    counts = picture.counts or []
    rate = "" if picture.rate is None else f", {picture.rate:,.0f}/s"
    bins = f"{len(counts)} bins from {picture.low:g} to {picture.high:g}"
    return f"{picture.name}: {sum(counts):,} values in {bins}{rate}"


def _wrapped(text: str, width: int) -> list[str]:
    """Lines broken between words, where the width lets us."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


def _grouped(counts: Sequence[int], columns: int) -> tuple[int, list[int]]:
    """How many bins make a bar, and the bars."""
    step = -(-len(counts) // columns)
    return step, [sum(counts[first : first + step]) for first in range(0, len(counts), step)]


def _column(bar: int, highest: int, rows: int, blocks: str) -> list[str]:
    """The characters of a bar from top to bottom; what is not 0 shows."""
    full = len(blocks) - 1
    filled = max(round(bar / highest * rows * full), 1 if bar else 0)
    return [blocks[min(max(filled - row * full, 0), full)] for row in reversed(range(rows))]


def _ticks(picture: Picture, step: int, each: int, bars: int) -> str:
    """The edges of some bins, each below its place; the two ends first, then those for which there is room."""
    bins = len(picture.counts or [])
    line = [" "] * (bars * each + 8)
    for part in (0, TICKS, *range(1, TICKS)):
        edge = min(round(part * bars / TICKS) * step, bins)
        text = f"{picture.low + (picture.high - picture.low) * edge / bins:g}"
        at = max(0, min(-(-edge // step) * each - len(text) // 2, len(line) - len(text)))
        around = line[max(0, at - 2) : at + len(text) + 2]
        if set(around) <= {" "}:
            line[at : at + len(text)] = text
    return "".join(line).rstrip()
