"""Asks the tables which messages they hold whole, partly or twice.

Every question but the events' is answered by the by_address projection, a slice of offsets at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from common.clickhouse_io.client import connect, translated
from common.model.ranges import Extent, Range, Seen
from common.settings.parts import ClickHouseSettings

NUMBERS_AT_ONCE = 100_000
LONGEST_QUERY_BYTES = 16 << 20
"""Enough for this many numbers in one IN (…)."""

# A message is whole when its rows are 0 … _rows - 1, each there at least once.
_SEEN = """
SELECT sum(held), sumIf(addresses, whole),
    bitmapToArray(bitmapAndnot(
        bitmapBuild(range(toUInt32({next} - {first}))), groupBitmapStateIf(toUInt32(_off - {first}), whole))),
    groupArrayIf(_off, NOT whole), groupArrayIf(_off, held > addresses)
FROM (
    SELECT _off, count() AS held, uniqExact(_row) AS addresses, min(_rows) AS wanted,
        max(_rows) = wanted AND addresses = wanted AND max(_row) + 1 = wanted AS whole
    FROM `{table}` WHERE {where} GROUP BY _off
)
"""


class AuditQueries:
    """One read-only connection. Its errors are ClickHouseUnavailable and ClickHouseRefused.

    The server answers with `threads` at once at most; 0: as many as it likes.
    """

    def __init__(self, settings: ClickHouseSettings, *, threads: int = 0) -> None:
        self._client = connect(settings, max_query_size=LONGEST_QUERY_BYTES, max_threads=threads)

    def exists(self, table: str) -> bool:
        """Whether there is such a table."""
        return bool(self._ask(f"looking for {table}", f"EXISTS TABLE `{table}`")[0][0])

    def extent(self, table: str, range_: Range) -> Extent | None:
        """Where the rows of a range lie, None when there are none."""
        sql = f"SELECT count(), min(_off), max(_off) FROM `{table}` WHERE {_where(range_)}"
        rows, first, last = self._ask(_place(table, range_), sql)[0]
        return Extent(rows, first, last + 1) if rows else None

    def seen(self, table: str, slice_: Range) -> Seen:
        """What the table holds of a slice, which may be empty. Memory goes with its width: 500,000 is fine."""
        rows, whole_rows, holes, partial, repeated = self._ask(
            _place(table, slice_), seen_sql(table, slice_)
        )[0]
        return Seen(
            rows,
            whole_rows,
            np.sort(np.asarray(holes, np.uint64)) + np.uint64(slice_.first),
            np.sort(np.asarray(partial, np.uint64)),
            np.sort(np.asarray(repeated, np.uint64)),
        )

    def count_events(self, table: str, condition: str, ranges: Iterable[Range]) -> dict[int, int]:
        """`_tp` → rows that meet the condition, in those ranges. One scan of the table's own columns."""
        anywhere = " OR ".join(f"({_where(range_)})" for range_ in ranges)
        sql = f"SELECT _tp, count() FROM `{table}` WHERE ({condition}) AND ({anywhere or '0'}) GROUP BY _tp"
        return dict(self._ask(f"counting the events of {table}", sql))

    def count_events_at(self, table: str, condition: str, tp: int, offsets: Sequence[int]) -> tuple[int, int]:
        """Rows that meet the condition at those offsets: all of them, and distinct addresses."""
        held = distinct = 0
        for start in range(0, len(offsets), NUMBERS_AT_ONCE):
            numbers = ", ".join(map(str, offsets[start : start + NUMBERS_AT_ONCE]))
            sql = (
                f"SELECT count(), uniqExact(_off, _row) FROM `{table}` "
                f"WHERE ({condition}) AND _tp = {tp} AND _off IN ({numbers})"
            )
            counts = self._ask(f"counting the events of {table}", sql)[0]
            held, distinct = held + counts[0], distinct + counts[1]
        return held, distinct

    def is_writing(self, topic_id: str) -> bool:
        """Whether an INSERT of messages of that topic still runs on the server (its query id is a token: R6)."""
        sql = f"SELECT count() FROM system.processes WHERE query_id LIKE 'v1:%:{topic_id}:%'"
        return bool(self._ask("reading system.processes", sql)[0][0])

    def close(self) -> None:
        """Close the connection."""
        self._client.disconnect()

    def _ask(self, what: str, sql: str) -> list[tuple]:
        with translated(self._client, what):
            rows: list[tuple] = self._client.execute(sql)
        return rows


def seen_sql(table: str, slice_: Range) -> str:
    """The question behind `AuditQueries.seen`."""
    return _SEEN.format(table=table, first=slice_.first, next=slice_.next, where=_where(slice_))


def _where(range_: Range) -> str:
    return f"_tp = {range_.tp} AND _off >= {range_.first} AND _off < {range_.next}"


def _place(table: str, range_: Range) -> str:
    return f"auditing {table} offsets {range_.first}-{range_.next}"
