"""Blocks of rows into a table, and what a table holds of a range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from common.clickhouse_io.client import connect, translated
from common.errors import ClickHouseRefused, ClickHouseUnavailable
from common.model.identifiers import quoted
from common.model.ranges import Beyond, Range, Stored
from common.settings.parts import ClickHouseSettings

BOUNDS_A_QUERY = 1_000
"""Partitions whose bounds go into one query: the server refuses expressions that are much larger."""

SOME_ROWS = 100_000
"""So many rows past their bounds are read to tell which partitions have any."""


_JSON_AS_IT_IS = {
    "input_format_try_infer_dates": 0,
    "input_format_try_infer_datetimes": 0,
    "input_format_json_read_bools_as_numbers": 0,
}
"""A text in a JSON column that looks like a time stays a text, true in a list of numbers stays true."""


class Store:
    """One connection, for one thread. All its errors are ClickHouseUnavailable or ClickHouseRefused."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self._client = connect(settings)

    def insert(self, table: str, columns: Mapping[str, Any], *, token: str, query_id: str) -> bool:
        """Insert one block (R5); whether it was taken. A table that remembers the token drops it without an error.

        The server refuses a second query of the same id while the first runs (C1).
        """
        names = ", ".join(map(quoted, columns))
        settings = {
            "insert_deduplication_token": token,
            "async_insert": 0,
            "deduplicate_blocks_in_dependent_materialized_views": 1,
            **_JSON_AS_IT_IS,
            "max_partitions_per_insert_block": 0,  # batches close early, but one message may bring many at once
        }
        before = self._client.dropped_blocks
        with translated(self._client, f"INSERT {token}", sends_block=True):
            self._client.execute(
                f"INSERT INTO `{table}` ({names}) VALUES",
                list(columns.values()),
                columnar=True,
                query_id=query_id,
                settings=settings,
            )
        return self._client.dropped_blocks == before

    def stored(self, table: str, ranges: Sequence[Range]) -> list[Stored]:
        """Which rows of each range the table holds, with one query; an address held twice comes twice."""
        wanted = " OR ".join(
            f"(_tp = {tp} AND _off >= {first} AND _off < {end})" for tp, first, end in ranges
        )
        spans = f"offsets {ranges[0].first}-{ranges[0].next}" + f", {len(ranges)} ranges in all" * (
            len(ranges) > 1
        )
        with translated(self._client, f"reading {table} {spans}"):
            result = self._client.execute(
                f"SELECT _tp, _off, _row FROM `{table}` WHERE {wanted}", columnar=True
            )
        tps, offsets, rows = (np.asarray(column, np.uint64) for column in result or ((), (), ()))
        found = []
        for tp, first, end in ranges:
            mask = (tps == tp) & (offsets >= first) & (offsets < end)
            found.append(Stored(offsets[mask], rows[mask]))
        return found

    def is_running(self, query_id_prefix: str) -> bool:
        """Whether the server still works on a query whose id starts so: a copy of an INSERT given up by its client."""
        with translated(self._client, "reading system.processes"):
            rows = self._client.execute(
                "SELECT count() FROM system.processes WHERE startsWith(query_id, {prefix:String})",
                {"prefix": query_id_prefix},
            )
        return bool(rows[0][0])

    def beyond(self, table: str, bounds: Mapping[int, int], *, timeout_s: int) -> dict[int, Beyond]:
        """`_tp` → rows of offsets at or above its bound, for those that have any; each query takes `timeout_s` at most.

        When there are none, which is the rule, the by_address projection answers from a few granules. Where there are
        more than can be read in time, some of them are told.
        """
        found: dict[int, Beyond] = {}
        for start in range(0, len(bounds), BOUNDS_A_QUERY):
            left = dict(list(bounds.items())[start : start + BOUNDS_A_QUERY])
            while more := self._some_beyond(table, left, timeout_s):
                found |= more
                left = {tp: bound for tp, bound in left.items() if tp not in more}
        return found | self._all_beyond(table, {tp: bounds[tp] for tp in found}, timeout_s)

    def _some_beyond(self, table: str, bounds: Mapping[int, int], timeout_s: int) -> dict[int, Beyond]:
        """Of at least one `_tp` that has rows beyond its bound, and cheap however many there are."""
        if not bounds:
            return {}
        rows = f"SELECT _tp, _off FROM `{table}` WHERE {_beyond(bounds)} LIMIT {SOME_ROWS}"
        return self._span(table, f"SELECT _tp, min(_off), max(_off) FROM ({rows}) GROUP BY _tp", timeout_s)

    def _all_beyond(self, table: str, bounds: Mapping[int, int], timeout_s: int) -> dict[int, Beyond]:
        """The whole span of each; nothing when that takes too long."""
        if not bounds:
            return {}
        sql = f"SELECT _tp, min(_off), max(_off) FROM `{table}` WHERE {_beyond(bounds)} GROUP BY _tp"
        try:
            return self._span(table, sql, timeout_s)
        except (ClickHouseUnavailable, ClickHouseRefused):
            return {}

    def _span(self, table: str, sql: str, timeout_s: int) -> dict[int, Beyond]:
        with translated(self._client, f"looking for rows of {table} past what is committed"):
            rows = self._client.execute(
                sql, settings={"max_execution_time": timeout_s, "timeout_overflow_mode": "throw"}
            )
        return {tp: Beyond(lowest, highest) for tp, lowest, highest in rows}

    def close(self) -> None:
        """Close the connection."""
        self._client.disconnect()


def _beyond(bounds: Mapping[int, int]) -> str:
    return " OR ".join(f"(_tp = {tp} AND _off >= {bound})" for tp, bound in bounds.items())
