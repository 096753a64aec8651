"""An in-memory ClickHouse for recovery: it honours tokens like the real one (C2, C3, C5), and fails to order."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from common.errors import BlockTooBig, ClickHouseUnavailable
from common.model.ranges import Range, Stored
from common.model.stream import Table


@dataclass(eq=False)
class Insert:
    """One copy of an INSERT: the addresses it carries for each table partition that it has not dealt with yet."""

    table: str
    token: str
    query_id: str
    tp: int
    parts: dict[object, list[tuple[int, int]]]
    logged: list[tuple[int, int]] = field(default_factory=list)
    dropped: bool = False


Fate = Callable[[Any, Insert], None]


@dataclass
class FakeTables:
    """`fates` says what becomes of the coming INSERTs (acknowledged when it is empty), `errors` of the coming counts.

    A token is remembered per table and table partition; a block of a token already there is dropped without an error.
    """

    tables: Iterable[Table]
    fates: deque[Fate] = field(default_factory=deque)
    errors: deque[Exception | None] = field(default_factory=deque)
    rows: dict[str, Counter] = field(default_factory=dict)
    tokens: set[tuple[str, object, str]] = field(default_factory=set)
    running: list[Insert] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    sent: list[Insert] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._partition_of = {table.name: table.partition_of for table in self.tables}
        self.rows = {table.name: Counter() for table in self.tables}

    # What recovery asks

    def insert(self, table: str, columns: Mapping[str, np.ndarray], *, token: str, query_id: str) -> bool:
        """Insert one block: as the next fate says; whether no part of it was dropped as known."""
        self.calls.append(f"insert {table}")
        copy = self.copy_of(table, columns, token, query_id)
        self.sent.append(copy)
        if any(other.query_id == query_id for other in self.running):
            raise ClickHouseUnavailable("code 216, query with that id is already running")
        fate = self.fates.popleft() if self.fates else acknowledged
        fate(self, copy)
        return not copy.dropped

    def stored(self, table: str, ranges: Sequence[Range]) -> list[Stored]:
        """Addresses that are there, of each range."""
        self.calls.append(f"count {table}" + f" x{len(ranges)}" * (len(ranges) > 1))
        if self.errors and (error := self.errors.popleft()):
            raise error
        return [self._stored(table, range_) for range_ in ranges]

    def _stored(self, table: str, range_: Range) -> Stored:
        found = [
            (off, row)
            for (tp, off, row), times in self.rows[table].items()
            if tp == range_.tp and range_.first <= off < range_.next
            for _ in range(times)
        ]
        offsets, rows = zip(*found, strict=True) if found else ((), ())
        return Stored(np.array(offsets, np.uint64), np.array(rows, np.uint64))

    def is_running(self, query_id_prefix: str) -> bool:
        """Whether a copy of an INSERT still runs."""
        self.calls.append("look for copies")
        return any(copy.query_id.startswith(query_id_prefix) for copy in self.running)

    # What fates are made of

    def copy_of(self, table: str, columns: Mapping[str, np.ndarray], token: str, query_id: str) -> Insert:
        """The block as addresses a table partition."""
        split = self._partition_of[table]
        days = split(columns).tolist() if split else [None] * len(columns["_off"])
        parts: dict[object, list[tuple[int, int]]] = {}
        for day, off, row in zip(days, columns["_off"].tolist(), columns["_row"].tolist(), strict=True):
            parts.setdefault(day, []).append((off, row))
        return Insert(table, token, query_id, int(columns["_tp"][0]), parts)

    def land(self, copy: Insert, parts: int | None = None) -> None:
        """Log the token and put the rows in place for some table partitions of a copy, for all by default."""
        for _ in list(copy.parts)[:parts]:
            self.log(copy)
            self.place(copy)

    def log(self, copy: Insert) -> None:
        """Log the token of the copy's next table partition; its rows are not in place yet (C5)."""
        day = next(iter(copy.parts))
        rows = copy.parts.pop(day)
        if (copy.table, day, copy.token) in self.tokens:
            copy.dropped = True
        else:
            self.tokens.add((copy.table, day, copy.token))
            copy.logged = rows

    def place(self, copy: Insert) -> None:
        """Put the rows in place whose token was logged last."""
        self.rows[copy.table].update((copy.tp, off, row) for off, row in copy.logged)
        copy.logged = []

    def put(self, table: str, tp: int, addresses: Iterable[tuple[int, int]]) -> None:
        """Rows that came from elsewhere."""
        self.rows[table].update((tp, off, row) for off, row in addresses)


# What may become of an INSERT


def acknowledged(tables: FakeTables, copy: Insert) -> None:
    tables.land(copy)


def lost_acknowledgement(tables: FakeTables, copy: Insert) -> None:
    tables.land(copy)
    raise ClickHouseUnavailable("no answer")


def never_arrived(tables: FakeTables, copy: Insert) -> None:
    raise ClickHouseUnavailable("connection refused")


def burned(tables: FakeTables, copy: Insert) -> None:
    """The server died between token and part."""
    tables.log(copy)
    raise ClickHouseUnavailable("the server went away")


def partly(tables: FakeTables, copy: Insert) -> None:
    """The server died after the first table partition."""
    tables.land(copy, 1)
    raise ClickHouseUnavailable("the server went away")


def partly_burned(tables: FakeTables, copy: Insert) -> None:
    """The server died in the middle of the second table partition."""
    tables.land(copy, 1)
    tables.log(copy)
    raise ClickHouseUnavailable("the server went away")


def still_running(tables: FakeTables, copy: Insert) -> None:
    """The client gave up, the server goes on."""
    tables.running.append(copy)
    raise ClickHouseUnavailable("no answer within 20 s")


def too_big(tables: FakeTables, copy: Insert) -> None:
    raise BlockTooBig("the connection was reset")
