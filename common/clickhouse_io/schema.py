"""Creates the tables of the streams (`migrate`); checks, before a sink starts, that they keep the promise (R3, R7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from common.clickhouse_io.client import OLDEST_SERVER, connect, translated
from common.errors import SchemaMismatch, StartRefused
from common.model.identifiers import after_name, quoted
from common.model.stream import DEDUPLICATION_WINDOW, Table
from common.settings.parts import ClickHouseSettings

_COMMENT = re.compile(r"--.*")
_COMPUTED = re.compile(r"MATERIALIZED|ALIAS|EPHEMERAL", re.IGNORECASE)
_NOT_COLUMNS = ("PROJECTION", "INDEX", "CONSTRAINT")
_PROJECTION = re.compile(r"^\s*(?P<text>PROJECTION (?P<name>\w+) .*?),?$", re.MULTILINE)
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


class Schema:
    """What the database holds, against what the streams state. Commands and the sink's start use it."""

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
        """Raise StartRefused or SchemaMismatch, with the statement that mends it, unless all is as it must be."""
        self._check_version()
        for table in tables:
            with translated(self._client, f"checking {table.name}"):
                self._check_columns(table)
                self._check_engines(table)
                self._check_projections(table)
                self._check_windows(table)

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

    def _check_columns(self, table: Table) -> None:
        wanted = stated_columns(table)
        rows = self._client.execute(
            "SELECT name, type FROM system.columns WHERE database = {database:String} AND table = {name:String}",
            {"database": self._database, "name": table.name},
        )
        if not rows:
            raise SchemaMismatch(f"table {table.name} is missing: run python -m consumer migrate")
        found = dict(rows)
        for name, kind in wanted.items():
            if name not in found:
                raise SchemaMismatch(
                    f"table {table.name} lacks column {name}: ALTER TABLE {quoted(table.name)} ADD COLUMN "
                    f"{quoted(name)} {kind}"
                )
            if found[name] != kind and found[name] != self._normal_form(kind):
                raise SchemaMismatch(
                    f"table {table.name}: column {name} is {found[name]}, the stream states {kind}: "
                    f"ALTER TABLE {quoted(table.name)} MODIFY COLUMN {quoted(name)} {kind}"
                )

    def _normal_form(self, kind: str) -> str:
        """The type as the server itself spells it."""
        rows = self._client.execute(
            "SELECT toTypeName(defaultValueOfTypeName({kind:String}))", {"kind": kind}
        )
        return str(rows[0][0])

    def _check_projections(self, table: Table) -> None:
        found = self._describe(table.name)
        for match in _PROJECTION.finditer(table.create_statement()):
            if f"PROJECTION {match['name']}" not in found:
                raise SchemaMismatch(
                    f"table {table.name} lacks a projection: ALTER TABLE {table.name} ADD {match['text']}, then "
                    f"ALTER TABLE {table.name} MATERIALIZE PROJECTION {match['name']}"
                )

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

    def _check_windows(self, table: Table) -> None:
        """R3: a window on the table and on the target of every view, else a retry is counted twice there."""
        for name in [table.name, *self._view_targets(table.name)]:
            statement = self._describe(name)
            if "ENGINE = Null" in statement:
                continue
            window = _WINDOW.search(statement)
            if window is None or int(window[1]) < DEDUPLICATION_WINDOW:
                raise SchemaMismatch(
                    f"table {name} remembers {window[1] if window else 0} blocks, a repeated INSERT could count "
                    f"twice: ALTER TABLE `{name}` MODIFY SETTING "
                    f"non_replicated_deduplication_window = {DEDUPLICATION_WINDOW}"
                )

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


def stated_columns(table: Table) -> dict[str, str]:
    """Column name → type as the DDL of a table states them."""
    return {name: kind for name, kind, _ in _stated(table)}


def inserted_columns(table: Table) -> dict[str, str]:
    """Column name → type of those columns that an INSERT gives: the server computes the others by itself."""
    return {name: kind for name, kind, rest in _stated(table) if not _COMPUTED.match(rest)}


def _stated(table: Table) -> Iterator[tuple[str, str, str]]:
    """Name, type, and what the DDL says of a column after its type."""
    for item in _items(table.create_statement()):
        name, rest = after_name(item)
        if item.startswith("`") or name not in _NOT_COLUMNS:
            kind, rest = _until(rest.strip(), str.isspace)
            yield name, kind, rest.strip()


def _items(statement: str) -> Iterator[str]:
    """What stands between the commas of a CREATE TABLE's first parentheses."""
    rest = _COMMENT.sub("", statement).split("(", 1)[1]
    end = ","
    while end == ",":
        item, rest = _until(rest, lambda character: character in ",)")
        end, rest = rest[:1], rest[1:]
        yield item.strip()


def _until(text: str, is_end: Callable[[str], bool]) -> tuple[str, str]:
    """Cut before the first character outside all parentheses and quotes that `is_end` accepts."""
    depth = 0
    quote = ""
    is_escaped = False
    for index, character in enumerate(text):
        if quote:
            if is_escaped or character == "\\":
                is_escaped = not is_escaped
            elif character == quote:
                quote = ""
            continue
        if depth == 0 and is_end(character):
            return text[:index], text[index:]
        if character in "'`":
            quote = character
        depth += (character == "(") - (character == ")")
    return text, ""
