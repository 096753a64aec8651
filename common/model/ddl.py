"""What the DDL of a table states: its columns, projections and order. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from common.model.identifiers import after_name, until
from common.model.stream import Table

_QUOTED = r"('(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)"
_QUOTED_OR_COMMENT = re.compile(rf"{_QUOTED}|--[^\n]*", re.DOTALL)
_QUOTED_OR_SPACE = re.compile(rf"{_QUOTED}|\s+", re.DOTALL)
_COMPUTED = re.compile(r"MATERIALIZED|ALIAS|EPHEMERAL", re.IGNORECASE)
_NOT_COLUMNS = ("PROJECTION", "INDEX", "CONSTRAINT", "PRIMARY", "ORDER")
_TAIL = "SETTINGS|TTL|SAMPLE|PRIMARY|PARTITION|COMMENT"
_ORDER = re.compile(rf"\bORDER\s+BY\s+(?P<keys>.*?)(?:\s+(?:{_TAIL})\b|$)", re.DOTALL)
_SPACES = re.compile(r"[\s`]+")


class Projection(NamedTuple):
    """A projection: its name, and the item of the DDL that states it."""

    name: str
    text: str


def stated_columns(table: Table) -> dict[str, str]:
    """Column name → type as the DDL of a table states them."""
    return {name: kind for name, kind, _ in _stated(table)}


def inserted_columns(table: Table) -> dict[str, str]:
    """Column name → type of those columns that an INSERT gives: the server computes the others by itself."""
    return {name: kind for name, kind, rest in _stated(table) if not _COMPUTED.match(rest)}


def definitions(table: Table) -> dict[str, str]:
    """Column name → all that the DDL states of it behind the name, type first, in one line."""
    return {name: _in_one_line(f"{kind} {rest}") for name, kind, rest in _stated(table)}


def _in_one_line(text: str) -> str:
    return _QUOTED_OR_SPACE.sub(lambda match: match[1] or " ", text).strip()


def _stated(table: Table) -> Iterator[tuple[str, str, str]]:
    """Name, type, and what the DDL says of a column after its type."""
    for item in _items(table.create_statement()):
        name, rest = after_name(item)
        if item.startswith("`") or name.upper() not in _NOT_COLUMNS:
            kind, rest = until(rest.strip(), str.isspace)
            yield name, kind, rest.strip()


def _items(statement: str) -> Iterator[str]:
    """What stands between the commas of a CREATE TABLE's first parentheses."""
    rest = _without_comments(statement).split("(", 1)[1]
    end = ","
    while end == ",":
        item, rest = until(rest, lambda character: character in ",)")
        end, rest = rest[:1], rest[1:]
        yield item.strip()


def _without_comments(statement: str) -> str:
    return _QUOTED_OR_COMMENT.sub(lambda match: match[1] or "", statement)


def _after_items(statement: str) -> str:
    """What stands after a CREATE TABLE's first parentheses."""
    return until(_without_comments(statement).split("(", 1)[1], lambda character: character == ")")[1]


def projections(table: Table) -> list[Projection]:
    """The projections that a table states, that of the address included."""
    items = (item for item in _items(table.create_statement()) if item.upper().startswith("PROJECTION"))
    return [Projection(after_name(item.split(None, 1)[1])[0], " ".join(item.split())) for item in items]


def order_of(table: Table) -> str | None:
    """The ORDER BY of a table as `normal_order` gives it; None if it states none."""
    after_items = _after_items(table.create_statement())
    found = _ORDER.search(after_items)
    return normal_order(found["keys"]) if found else None


def normal_order(keys: str) -> str:
    """An ORDER BY without outer parentheses, spaces and backticks; empty for none."""
    keys = _SPACES.sub("", keys)
    if keys.startswith("(") and until(keys[1:], lambda character: character == ")")[1] == ")":
        keys = keys[1:-1]
    return "" if keys == "tuple()" else keys
