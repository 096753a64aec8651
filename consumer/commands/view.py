"""`python -m consumer view`: the newest rows of a stream's tables, and those that arrive."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing
from typing import TextIO

from common.clickhouse_io.newest import LONGEST_S, ROWS_A_QUERY, NewestRows
from common.errors import ClickHouseUnavailable, SettingError
from common.model.ranges import Found
from common.model.stream import Stream
from common.process.clock import Clock
from common.process.run import Stop, stop_on_signals
from common.settings.config import Settings
from consumer.commands.arrivals import MOST_REMEMBERED, SETTLED_S, Arrivals
from consumer.commands.table import Columns, cell, plain

LOOK_EVERY_S = 0.5
DEFAULT_LAST = 10
MOST_LAST = 10_000
MEANING = f"""
Newest are the rows that lie nearest to the end of their partition of the topic, the newest last; each of several
partitions that fill a table has its share. Of the parts that hold them one column is read whole, the offsets; a query
that takes longer than {LONGEST_S} s is given up. The connection may only read.

--follow goes on until Ctrl-C or SIGTERM, and prints each row once; it reads only what is new. A row that becomes
visible {SETTLED_S:g} s or {MOST_REMEMBERED:,} rows of its partition after later ones is left out. While ClickHouse is
away it waits.

--json is a line for each row, {{"table": …, "row": {{column: value}}}}: numbers are exact, and what JSON has no
form for is text. Times have microseconds.

Exit code 0: shown, or asked to stop; 1: ClickHouse does not answer or refuses, or a table is missing; 2: no such
stream or table.

examples:
  python -m consumer view sensors --table measurements --last 5
  python -m consumer view sensors --last 0 --follow --json
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """--last, --table, --follow, --address and --json."""
    parser.epilog, parser.formatter_class = MEANING, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--last",
        metavar="N",
        type=_count,
        default=DEFAULT_LAST,
        help=f"so many rows of each table, at most {MOST_LAST:,} (default {DEFAULT_LAST})",
    )
    parser.add_argument("--table", metavar="NAME", help="this one of the stream's tables (default: all)")
    parser.add_argument("--follow", action="store_true", help="go on, and print rows as they arrive")
    parser.add_argument(
        "--address",
        action="store_true",
        help="also the columns that say where a row comes from (_tp, _off, …)",
    )
    parser.add_argument(
        "--json", action="store_true", help="a JSON object a line on stdout, nothing else there"
    )


def run(settings: Settings, streams: list[Stream], chosen: argparse.Namespace, clock: Clock) -> int:
    """Show, and follow if asked to. Raises SettingError for an unknown table, and what NewestRows raises."""
    (stream,) = streams
    tables = _tables(stream, chosen.table)
    stop = stop_on_signals() if chosen.follow else None
    with closing(NewestRows(settings.clickhouse)) as source:
        for table in tables:
            source.check(table)
        view = _View(source, chosen, sys.stdout)
        watched = {table: view.show_last(table) for table in tables}
        if stop is not None:
            _follow(view, watched, stop, clock)
    return 0


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= MOST_LAST):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to {MOST_LAST:,}")
    return int(text)


def _tables(stream: Stream, wanted: str | None) -> list[str]:
    names = list(dict.fromkeys(table.name for feed in stream.feeds for table in feed.tables))
    if not names:
        raise SettingError(f"{stream.name} fills no tables")
    if wanted is None:
        return names
    if wanted not in names:
        raise SettingError(f"{stream.name} has no table {wanted}; it has: {', '.join(names)}")
    return [wanted]


class _View:
    """Reads rows and prints them: below a heading where the table is another one than before, or as JSON lines."""

    def __init__(self, source: NewestRows, chosen: argparse.Namespace, out: TextIO) -> None:
        self._source, self._chosen, self._out = source, chosen, out
        self._columns = Columns(out)
        self._table = ""

    def show_last(self, table: str) -> Arrivals:
        """Print the newest rows of a table; what comes after them are its arrivals."""
        newest = self._source.newest(table, max(self._chosen.last, 1))
        ranked = [(rank, found) for each in newest.values() for rank, found in enumerate(each)]
        ranked.sort(key=lambda pair: pair[0])
        last = [found for _, found in reversed(ranked[: self._chosen.last])]
        for part in _parts_of(last):
            self._print(table, part)
        if not newest and not self._chosen.json:
            self._out.write(f"{table}: no rows yet\n")
        self._out.flush()
        return Arrivals({tp: found[0].place for tp, found in newest.items()})

    def show_new(self, table: str, arrivals: Arrivals, now_s: float) -> None:
        """Print what has arrived in a table."""
        found = self._source.beyond(table, arrivals.floors, MOST_REMEMBERED + ROWS_A_QUERY)
        for part in _parts_of(arrivals.new_among(found)):
            self._print(table, part)
            self._out.flush()
            arrivals.shown(part, now_s)
        arrivals.forget(now_s)

    def _print(self, table: str, wanted: list[Found]) -> None:
        page = self._source.rows(table, wanted, with_address=self._chosen.address)
        if self._chosen.json:
            for row in page.rows:
                line = {"table": table, "row": dict(zip(page.columns, map(plain, row), strict=True))}
                self._out.write(json.dumps(line, ensure_ascii=False) + "\n")
            return
        if table != self._table:
            self._out.write(f"{table}:\n")
            self._columns.begin(page.columns)
            self._table = table
        self._columns.write([list(map(cell, row)) for row in page.rows])


def _parts_of(found: list[Found]) -> list[list[Found]]:
    return [found[first : first + ROWS_A_QUERY] for first in range(0, len(found), ROWS_A_QUERY)]


def _follow(view: _View, watched: dict[str, Arrivals], stop: Stop, clock: Clock) -> None:
    is_away = False
    while not stop.wait(LOOK_EVERY_S):
        try:
            for table, arrivals in watched.items():
                view.show_new(table, arrivals, clock.now_s())
            is_away = False
        except ClickHouseUnavailable as error:
            if not is_away:
                sys.stderr.write(f"{error}; trying again\n")
            is_away = True
