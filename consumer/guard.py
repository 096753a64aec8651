"""Compares what is committed with what the tables hold: rows past the committed offset would be stored once more.

The committed offset may have been lost, set back, restored from an old copy, or another group fills the same table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from common.errors import FeedBlocked
from common.model.ranges import Beyond
from common.model.record import Partition
from common.model.stream import Feed

LOOK_S = 5
"""How long a table may take to answer, while nobody polls; it takes milliseconds."""


class Tables(Protocol):
    """Where to look for rows."""

    def beyond(self, table: str, bounds: Mapping[int, int], *, timeout_s: int) -> dict[int, Beyond]:
        """`_tp` → rows of offsets at or above its bound, for those that have any."""


class Bound(NamedTuple):
    """A partition of a feed, and the first offset of which no table may hold rows."""

    feed: Feed
    partition: Partition
    tp: int
    offset: int


class Excess(NamedTuple):
    """A table that holds rows at or past the bound of a partition."""

    table: str
    bound: Bound
    beyond: Beyond

    def ways_out(self) -> str:
        """What a person can do about it: one of three, depending on which side is right."""
        where = f"_tp = {self.bound.tp} AND _off >= {self.bound.offset}"
        deletes = "; ".join(
            f"ALTER TABLE `{table.name}` DELETE WHERE {where}" for table in self.bound.feed.tables
        )
        return (
            "Choose: (1) the rows are right: stop all sinks, run python -m consumer adopt, start them; (2) another "
            "group fills this table: stop one of the two, or give it a table of its own; (3) the rows are wrong, "
            f"Kafka holds other messages there: stop all sinks, {deletes}, raise SINK_EPOCH, start them"
        )


class Look(NamedTuple):
    """Partitions whose tables hold more than they may, and tables that ClickHouse refused to look at."""

    excess: dict[Partition, Excess]
    refused: dict[str, FeedBlocked]


def find_excess(tables: Tables, bounds: Iterable[Bound], *, timeout_s: int) -> Look:
    """Compare each table with the bounds of the partitions that fill it; a query takes `timeout_s` at most.

    Raises ClickHouseUnavailable.
    """
    by_table: dict[str, dict[int, Bound]] = {}
    for bound in bounds:
        for table in bound.feed.tables:
            by_table.setdefault(table.name, {})[bound.tp] = bound
    look = Look({}, {})
    for name, by_tp in by_table.items():
        offsets = {tp: bound.offset for tp, bound in by_tp.items()}
        try:
            found = tables.beyond(name, offsets, timeout_s=timeout_s)
        except FeedBlocked as refusal:
            look.refused[name] = refusal
            continue
        for tp, beyond in found.items():
            look.excess.setdefault(by_tp[tp].partition, Excess(name, by_tp[tp], beyond))
    return look
