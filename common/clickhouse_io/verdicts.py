"""The table of verdicts: creates it, writes rounds into it, reads the newest ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from common.clickhouse_io.client import connect, translated
from common.errors import SchemaMismatch
from common.model.verdicts import COLUMNS, KEY, TABLE, VerdictRow, add_statement, create_statement
from common.settings.parts import ClickHouseSettings

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
_KEY = ", ".join(KEY)
_NEWEST = f"""
SELECT toUnixTimestamp64Milli(time), {", ".join(name for name in COLUMNS if name != "time")} FROM `{TABLE}`
WHERE (stream, time) IN
    (SELECT stream, max(time) FROM `{TABLE}` WHERE time < now() + INTERVAL 1 MINUTE GROUP BY stream)
ORDER BY {_KEY}
"""


class VerdictTable:
    """One connection, for one thread. Its errors are ClickHouseUnavailable and ClickHouseRefused."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self._client = connect(settings)
        self._database = settings.database

    def create(self) -> bool:
        """Create the table if it is missing; whether it was. One of an earlier version gets the columns it lacks."""
        with translated(self._client, f"creating {TABLE}"):
            if self._client.execute(f"EXISTS TABLE `{TABLE}`")[0][0]:
                self._client.execute(add_statement())
                return False
            self._client.execute(create_statement())
            return True

    def check(self) -> None:
        """Raise SchemaMismatch unless the table exists with its columns; others may be there, too."""
        with translated(self._client, f"checking {TABLE}"):
            found = dict(
                self._client.execute(
                    "SELECT name, type FROM system.columns "
                    "WHERE database = {database:String} AND table = {table:String}",
                    {"database": self._database, "table": TABLE},
                )
            )
        if not found:
            raise SchemaMismatch(f"table {TABLE} is missing: run python -m consumer migrate")
        if wrong := [name for name, kind in COLUMNS.items() if found.get(name) != kind]:
            names = ", ".join(f"{name} {COLUMNS[name]}" for name in wrong)
            raise SchemaMismatch(
                f"table {TABLE} lacks {names}: it was made by another version. DROP TABLE `{TABLE}`, then run "
                "python -m consumer migrate"
            )

    def write(self, rows: Sequence[VerdictRow]) -> None:
        """Insert the rows as one block; nothing happens if there are none."""
        if not rows:
            return
        columns: list[Any] = [[getattr(row, name) for row in rows] for name in COLUMNS]
        columns[0] = np.array([(time - EPOCH) // MILLISECOND for time in columns[0]], np.int64)
        with translated(self._client, f"writing {len(rows)} verdicts into {TABLE}"):
            self._client.execute(
                f"INSERT INTO `{TABLE}` ({', '.join(COLUMNS)}) VALUES", columns, columnar=True
            )

    def newest(self) -> list[VerdictRow]:
        """The rows of the newest round of each stream, in the order of stage, topic and partition.

        A round of the future is none: the clock of who wrote it was wrong.
        """
        with translated(self._client, f"reading {TABLE}"):
            found = self._client.execute(_NEWEST)
        return [_row(values) for values in found]

    def close(self) -> None:
        """Close the connection."""
        self._client.disconnect()


def _row(values: Sequence[Any]) -> VerdictRow:
    given = dict(zip(COLUMNS, values, strict=True))
    given["time"] = EPOCH + given["time"] * MILLISECOND
    given["notes"] = tuple(given["notes"])
    return VerdictRow(**given)
