"""Creates the tables of the streams (`migrate`); checks, before a sink starts, that they keep the promise (R3, R7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from common.clickhouse_io.client import OLDEST_SERVER, connect, translated
from common.errors import SchemaMismatch, StartRefused
from common.model.ddl import (
    definitions,
    inserted_columns,
    normal_order,
    order_of,
    projections,
    stated_columns,
)
from common.model.identifiers import quoted
from common.model.stream import DEDUPLICATION_WINDOW, Table
from common.settings.parts import ClickHouseSettings

FSYNC = ("fsync_after_insert", "fsync_part_directory")
_WINDOW = re.compile(r"non_replicated_deduplication_window = (\d+)")
_TARGET = re.compile(r" TO (?P<name>\S+)")


def create_database(settings: ClickHouseSettings) -> bool:
    """Create the database if it is missing; whether it was. Raises ClickHouseRefused without the right to create it."""
    client = connect(replace(settings, database=""))
    try:
        with translated(client, f"creating the database {settings.database} (CLICKHOUSE_DB)"):
            if client.execute(f"EXISTS DATABASE `{settings.database}`")[0][0]:
                return False
            client.execute(f"CREATE DATABASE IF NOT EXISTS `{settings.database}`")
            return True
    finally:
        client.disconnect()


class Fix(NamedTuple):
    """A statement that removes a difference, and what the difference is."""

    statement: str
    reason: str


class _Found(NamedTuple):
    kind: str
    default: str


class Schema:
    """What the database holds, against what the streams state."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self._client = connect(settings)
        self._database = settings.database

    def create(self, tables: Iterable[Table]) -> list[str]:
        """Create every missing table; returns the names of those created."""
        created = []
        for table in tables:
            with translated(self._client, f"creating {table.name}"):
                if not self._describe(table.name):
                    self._client.execute(table.create_statement())
                    created.append(table.name)
        return created

    def check(self, tables: Iterable[Table]) -> None:
        """Raise StartRefused or SchemaMismatch, with every statement that removes a difference, unless all is right."""
        self._check_version()
        problems = []
        for table in tables:
            with translated(self._client, f"checking {table.name}"):
                problems += self._problems(table)
        if problems:
            raise SchemaMismatch("\n".join(problems))

    def _problems(self, table: Table) -> list[str]:
        """What is wrong with a table: a line that says so, then the statements in the order to run them."""
        found = self._columns(table.name)
        if not found:
            return [f"table {table.name} is missing: run python -m consumer migrate"]
        self._check_engines(table)
        key = self._sorting_key(table.name)
        stated = order_of(table)
        if stated is not None and normal_order(key) != stated:
            return [
                f"table {table.name} is ordered by ({key}), its stream states ({stated}): no ALTER changes that. "
                "Rename the table, migrate, and INSERT INTO … SELECT from the old one; or state its order in the stream"
            ]
        fixes = [
            *self._column_fixes(table, found),
            *self._projection_fixes(table),
            *self._setting_fixes(table),
        ]
        if not fixes:
            return []
        lines = [f"{fix.statement}; -- {fix.reason}" for fix in fixes]
        return [f"table {table.name} is not as its stream states it. Run, in this order:", *lines]

    def _check_version(self) -> None:
        with translated(self._client, "reading the server's version"):
            version = self._client.execute("SELECT version()")[0][0]
        if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_SERVER:
            oldest = ".".join(map(str, OLDEST_SERVER))
            raise StartRefused(
                f"ClickHouse {version} is too old for deduplication by token; {oldest} or newer is needed"
            )

    def _describe(self, name: str) -> str:
        rows = self._client.execute(
            "SELECT create_table_query FROM system.tables WHERE database = {database:String} AND name = {name:String}",
            {"database": self._database, "name": name},
        )
        return rows[0][0] if rows else ""

    def _columns(self, name: str) -> dict[str, _Found]:
        rows = self._client.execute(
            "SELECT name, type, default_kind FROM system.columns "
            "WHERE database = {database:String} AND table = {name:String}",
            {"database": self._database, "name": name},
        )
        return {column: _Found(kind, default) for column, kind, default in rows}

    def _sorting_key(self, name: str) -> str:
        rows = self._client.execute(
            "SELECT sorting_key FROM system.tables WHERE database = {database:String} AND name = {name:String}",
            {"database": self._database, "name": name},
        )
        return str(rows[0][0])

    def _column_fixes(self, table: Table, found: Mapping[str, _Found]) -> Iterator[Fix]:
        alter, inserted = f"ALTER TABLE {quoted(table.name)}", inserted_columns(table)
        for name, kind in stated_columns(table).items():
            add = Fix(
                f"{alter} ADD COLUMN {quoted(name)} {definitions(table)[name]}", f"it lacks column {name}"
            )
            if name not in found:
                yield add
                continue
            is_kind, default = found[name]
            reason = f"column {name} is {default}, which stores nothing of what is inserted"
            if name in inserted and default in ("ALIAS", "EPHEMERAL"):  # there is nothing in it to lose
                yield Fix(f"{alter} DROP COLUMN {quoted(name)}", reason)
                yield add
                continue
            if name in inserted and default == "MATERIALIZED":
                yield Fix(f"{alter} MODIFY COLUMN {quoted(name)} REMOVE {default}", reason)
            if is_kind != kind and is_kind != self._normal_form(kind):
                yield Fix(f"{alter} MODIFY COLUMN {quoted(name)} {kind}", f"column {name} is {is_kind}")

    def _normal_form(self, kind: str) -> str:
        """The type as the server itself spells it."""
        rows = self._client.execute(
            "SELECT toTypeName(defaultValueOfTypeName({kind:String}))", {"kind": kind}
        )
        return str(rows[0][0])

    def _projection_fixes(self, table: Table) -> Iterator[Fix]:
        found, alter = self._describe(table.name), f"ALTER TABLE {quoted(table.name)}"
        for name, text in projections(table):
            if f"PROJECTION {name}" not in found:
                yield Fix(f"{alter} ADD {text}", f"it lacks projection {name}")
                yield Fix(f"{alter} MATERIALIZE PROJECTION {name}", "for the rows that are there")

    def _setting_fixes(self, table: Table) -> Iterator[Fix]:
        """R3: a window on the table and on the target of every view, else a retry is counted twice there. R5: fsync."""
        for name in [table.name, *self._view_targets(table.name)]:
            statement = self._describe(name)
            if "ENGINE = Null" in statement:
                continue
            alter = f"ALTER TABLE {quoted(name)} MODIFY SETTING"
            window = _WINDOW.search(statement)
            if window is None or int(window[1]) < DEDUPLICATION_WINDOW:
                yield Fix(
                    f"{alter} non_replicated_deduplication_window = {DEDUPLICATION_WINDOW}",
                    f"{name} remembers {window[1] if window else 0} blocks, a repeated INSERT could count twice",
                )
            for setting in FSYNC if name == table.name else ():
                if f"{setting} = 1" not in statement:
                    yield Fix(f"{alter} {setting} = 1", "an acknowledged INSERT has to be on disk")

    def _check_engines(self, table: Table) -> None:
        """What is counted must be what was inserted: not what other servers hold, nor what was merged away."""
        if objection := objection_to(self._engine(table.name), table.name):
            raise StartRefused(objection)
        for name in self._view_targets(table.name):
            engine = self._engine(name)
            if is_of_many_servers(engine):
                raise StartRefused(objection_to(engine, name))

    def _engine(self, name: str) -> str:
        rows = self._client.execute(
            "SELECT engine FROM system.tables WHERE database = {database:String} AND name = {name:String}",
            {"database": self._database, "name": name},
        )
        return rows[0][0] if rows else ""

    def _view_targets(self, name: str) -> list[str]:
        rows = self._client.execute(
            "SELECT dependencies_table FROM system.tables WHERE database = {database:String} AND name = {name:String}",
            {"database": self._database, "name": name},
        )
        return [self._target_of(view) for view in (rows[0][0] if rows else [])]

    def _target_of(self, view: str) -> str:
        statement = self._describe(view)
        explicit = _TARGET.search(statement.split(" AS SELECT")[0])
        if explicit:
            return explicit["name"].split(".")[-1].strip("`")
        rows = self._client.execute(
            "SELECT toString(uuid) FROM system.tables WHERE database = {database:String} AND name = {name:String}",
            {"database": self._database, "name": view},
        )
        return f".inner_id.{rows[0][0]}"

    def close(self) -> None:
        """Close the connection."""
        self._client.disconnect()


def is_of_many_servers(engine: str) -> bool:
    """Whether rows of a table of that engine may be on other servers, or come back from them."""
    return engine.startswith(("Replicated", "Shared")) or engine == "Distributed"


def objection_to(engine: str, name: str) -> str:
    """Why a sink cannot fill a table of that engine; empty for MergeTree."""
    if engine == "MergeTree":
        return ""
    if is_of_many_servers(engine):
        return (
            f"table {name} is a {engine}, which is not supported yet: rows that a dead replica or shard still holds "
            "would be counted as missing, inserted again, and be there twice when it returns. Use MergeTree"
        )
    return (
        f"table {name} is a {engine}: a sink counts what it has inserted, so its table must keep every row. Use "
        f"MergeTree; a materialized view may feed a {engine} from it"
    )
