"""Prints tables: with rich on a terminal, else as plain aligned columns. And values, as text and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table

Row = Sequence[str | int]


def show(headers: Sequence[str], rows: Sequence[Row], out: TextIO, *, thousands_apart: bool = True) -> None:
    """Write a table; columns of numbers are right-aligned, with commas between thousands if they are to be apart."""
    number = "{:,}" if thousands_apart else "{}"
    cells = [[number.format(cell) if isinstance(cell, int) else cell for cell in row] for row in rows]
    numeric = [
        bool(rows) and all(isinstance(row[column], int) for row in rows) for column in range(len(headers))
    ]
    if out.isatty():
        _show_rich(headers, cells, numeric, out)
    else:
        _show_plain(headers, cells, numeric, out)


def merged(remarks: Iterable[tuple[str, str]]) -> list[str]:
    """(who, what) as lines "who, who: what", so that each remark is read once."""
    found: dict[str, list[str]] = {}
    for who, what in remarks:
        found.setdefault(what, []).append(who)
    return [f"{', '.join(who)}: {what}" for what, who in found.items()]


def cell(value: Any) -> str | int:
    """A value as it stands in a table; text that does not print as Python writes it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return value
    text = str(value)
    return text if text.isprintable() else repr(text)


def plain(value: Any) -> Any:
    """A value as JSON takes it: numbers are exact, and what JSON has no form for is text."""
    if isinstance(value, list | tuple):
        return list(map(plain, value))
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _show_rich(headers: Sequence[str], cells: list[list[str]], numeric: list[bool], out: TextIO) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header, is_number in zip(headers, numeric, strict=True):
        table.add_column(header, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    for row in cells:
        table.add_row(*row)
    Console(file=out, markup=False, highlight=False).print(table)


def _show_plain(headers: Sequence[str], cells: list[list[str]], numeric: list[bool], out: TextIO) -> None:
    lines = [list(headers), *cells]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    for line in lines:
        out.write(_padded(line, widths, numeric))


def _padded(line: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if is_number else cell.ljust(width)
        for cell, width, is_number in zip(line, widths, numeric, strict=True)
    ]
    return "  ".join(padded).rstrip() + "\n"


class Columns:
    """Rows that come bit by bit, below one line of headers; a column becomes wider when it has to."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._headers: list[str] = []
        self._widths: list[int] = []

    def begin(self, headers: Sequence[str]) -> None:
        """The next rows have these headers."""
        self._headers, self._widths = list(headers), []

    def write(self, rows: Sequence[Row]) -> None:
        """Write rows; columns of numbers are right-aligned."""
        numeric = [all(isinstance(row[column], int) for row in rows) for column in range(len(self._headers))]
        lines = [list(map(str, row)) for row in rows]
        if not self._widths:
            lines.insert(0, self._headers)
            self._widths = [0] * len(self._headers)
        self._widths = [
            max(width, *(len(line[column]) for line in lines)) for column, width in enumerate(self._widths)
        ]
        for line in lines:
            self._out.write(_padded(line, self._widths, numeric))
