"""The rows of a table that came last, found by their addresses.

The by_address projection answers from a few granules which are the newest, and in which parts their rows are. Of those
parts alone the offsets are read.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from common.clickhouse_io.client import connect, translated
from common.errors import SchemaMismatch
from common.model.identifiers import quoted
from common.model.ranges import Found, Place
from common.model.stream import ADDRESS_COLUMNS
from common.settings.parts import ClickHouseSettings

LONGEST_S = 30
"""A query that takes longer is given up."""

ROWS_A_QUERY = 2_000
"""So many rows are fetched at once: the server refuses a query of much more than their addresses."""

TPS_A_QUERY = 12
"""The newest rows of so many partitions are looked for at once: a query stays a short one."""

_OWN = ", ".join(ADDRESS_COLUMNS)


class Page(NamedTuple):
    """Some rows, and the names of their columns."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


class NewestRows:
    """One read-only connection. Raises ClickHouseUnavailable and ClickHouseRefused."""

    def __init__(self, settings: ClickHouseSettings, **limits: object) -> None:
        self._client = connect(settings, readonly=2, **{"max_execution_time": LONGEST_S, **limits})
        self._known: dict[str, list[int]] = {}

    def check(self, table: str) -> None:
        """Raise SchemaMismatch if there is no such table."""
        if not self._ask(table, f"EXISTS TABLE {quoted(table)}")[0][0]:
            raise SchemaMismatch(f"table {table} is missing: run python -m consumer migrate")

    def newest(self, table: str, count: int, *, only_first: bool = False) -> dict[int, list[Found]]:
        """`_tp` → its rows of the highest addresses, the highest first, at most `count` of each.

        `only_first`: of each message the first row alone.
        """
        of_each = " AND _row = 0" * only_first
        tps = self._tps(table)
        found: dict[int, list[Found]] = {tp: [] for tp in tps}
        for first in range(0, len(tps), TPS_A_QUERY):
            sql = " UNION ALL ".join(
                f"(SELECT _tp, _off, _row, _part FROM {quoted(table)} WHERE _tp = {tp}{of_each} "
                f"ORDER BY _tp DESC, _off DESC, _row DESC LIMIT {count})"
                for tp in tps[first : first + TPS_A_QUERY]
            )
            for each in sorted(_found(self._ask(table, sql)), key=lambda each: each.place, reverse=True):
                found[each.tp].append(each)
        return {tp: some for tp, some in found.items() if some}

    def _tps(self, table: str) -> list[int]:
        """Every `_tp` of the table, in order: those that are known already, and what lies between and above them."""
        known = self._known.setdefault(table, [])
        while more := self._ask(
            table, f"SELECT _tp FROM {quoted(table)} WHERE {_between(known)} ORDER BY _tp LIMIT 1"
        ):
            insort(known, more[0][0])
        return known

    def beyond(self, table: str, floors: Mapping[int, Place], most: int) -> list[Found]:
        """The rows above the floor of their `_tp`, or of a `_tp` without one; the lowest `most` of each, in order."""
        rows = self._ask(
            table,
            f"SELECT _tp, _off, _row, _part FROM {quoted(table)} WHERE {_beyond(floors)} "
            f"ORDER BY _tp, _off, _row LIMIT {most} BY _tp",
        )
        return _found(rows)

    def rows(self, table: str, wanted: Sequence[Found], *, with_address: bool) -> Page:
        """The rows of these addresses, in the same order; an address that the table holds twice comes twice."""
        own = f"{_OWN}, " if with_address else ""
        columns, rows = self._fetch(table, own, wanted, parts={each.part for each in wanted})
        if len({row[:3] for row in rows}) < len(wanted):  # parts were merged since they were named
            columns, rows = self._fetch(table, own, wanted, parts=())
        order = {(each.tp, *each.place): index for index, each in enumerate(wanted)}
        rows.sort(key=lambda row: order[row[:3]])
        return Page(columns[3:], [row[3:] for row in rows])

    def _fetch(
        self, table: str, own: str, wanted: Sequence[Found], *, parts: Iterable[str]
    ) -> tuple[list[str], list[tuple[Any, ...]]]:
        offsets = ",".join(map(str, sorted({each.place.offset for each in wanted})))
        addresses = ",".join(f"({tp},{place.offset},{place.row})" for tp, place, _ in wanted)
        where = f"(_tp, _off, _row) IN ({addresses})"
        if parts:
            names = ",".join(f"'{part}'" for part in sorted(parts))
            where += f" AND _part IN ({names})"
        sql = (
            f"SELECT _tp, _off, _row, {own}* EXCEPT ({_OWN}) FROM {quoted(table)} "
            f"PREWHERE _off IN ({offsets}) WHERE {where}"
        )
        with translated(self._client, f"reading {table}"):
            rows, columns = self._client.execute(sql, with_column_types=True)
        return [name for name, _ in columns], rows

    def _ask(self, table: str, sql: str) -> list[tuple[Any, ...]]:
        with translated(self._client, f"reading {table}"):
            rows: list[tuple[Any, ...]] = self._client.execute(sql)
        return rows

    def close(self) -> None:
        """Close the connection."""
        self._client.disconnect()


def _found(rows: Iterable[tuple[int, int, int, str]]) -> list[Found]:
    return [Found(tp, Place(offset, row), part) for tp, offset, row, part in rows]


def _between(tps: Sequence[int]) -> str:
    """Every `_tp` but these, which are in order: ranges that the projection's index answers."""
    bounds = [-1, *tps]
    gaps = [f"_tp > {low} AND _tp < {high}" for low, high in pairwise(bounds)]
    return " OR ".join([*gaps, f"_tp > {bounds[-1]}"])


def _beyond(floors: Mapping[int, Place]) -> str:
    """Ranges of the projection's order, each of which its index answers."""
    above = [
        f"_tp = {tp} AND (_off > {offset} OR _off = {offset} AND _row > {row})"
        for tp, (offset, row) in floors.items()
    ]
    return " OR ".join([_between(sorted(floors)), *above])
