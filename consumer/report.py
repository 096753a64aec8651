"""Prints tables: with rich on a terminal, else as plain aligned columns. The commands that look are its callers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table

Row = Sequence[str | int]


def show(headers: Sequence[str], rows: Sequence[Row], out: TextIO, *, bold_last: bool = False) -> None:
    """Write a table; numbers stand to the right. `bold_last` makes the last row stand out on a terminal."""
    cells = [[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in rows]
    numeric = [bool(rows) and all(isinstance(row[column], int) for row in rows) for column in range(len(headers))]
    if out.isatty():
        _show_rich(headers, cells, numeric, out, bold_last)
    else:
        _show_plain(headers, cells, numeric, out)


def _show_rich(
    headers: Sequence[str], cells: list[list[str]], numeric: list[bool], out: TextIO, bold_last: bool
) -> None:
    table = Table()
    for header, is_number in zip(headers, numeric, strict=True):
        table.add_column(header, justify="right" if is_number else "left", overflow="fold")
    for index, row in enumerate(cells):
        table.add_row(*row, style="bold" if bold_last and index == len(cells) - 1 else None)
    Console(file=out, markup=False, highlight=False).print(table)


def _show_plain(headers: Sequence[str], cells: list[list[str]], numeric: list[bool], out: TextIO) -> None:
    lines = [list(headers), *cells]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    for line in lines:
        padded = [
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(line, widths, numeric, strict=True)
        ]
        out.write("  ".join(padded).rstrip() + "\n")
