"""Prints tables: with rich on a terminal, else as plain aligned columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TextIO

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
        padded = [
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(line, widths, numeric, strict=True)
        ]
        out.write("  ".join(padded).rstrip() + "\n")
