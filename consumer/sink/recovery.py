"""Puts the rows of an insertion into its tables.

An INSERT that was never tried before, is acknowledged and was not dropped as known is in. All else goes one path:
count the range by address; complete: done; else insert what is missing under the same token and count again; what is
still missing needs the next attempt's token, which is named in a commit first. One query may count for many insertions.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from common.errors import ClickHouseUnavailable, FeedBlocked
from common.model.columns import as_objects
from common.model.encoded import Encoded
from common.model.ranges import Range, Stored
from common.model.stream import Table
from consumer.sink.batch import Batch
from consumer.sink.insertion import Insertion, Tokens

Columns = Mapping[str, Any]
Found = Mapping[str, Stored]
"""What was just found of an insertion's range, by table; a table of which nothing is known is asked."""

NOTHING_KNOWN: Found = {}


class Outcome(enum.Enum):
    """What became of an insertion."""

    STORED = "every row is in its table, once"
    NEXT_ATTEMPT = "the token is used up and rows are missing: name the next attempt"
    CANCELLED = "the assignment or the feed is gone: whoever has the range next recovers it"


class Tables(Protocol):
    """What is needed of `common.clickhouse_io.store.Store`."""

    def insert(self, table: str, columns: Columns, *, token: str, query_id: str) -> bool:
        """Insert one block; whether it was taken, not dropped because its token is known."""

    def stored(self, table: str, ranges: Sequence[Range]) -> list[Stored]:
        """Addresses that are there, of each range."""

    def is_running(self, query_id_prefix: str) -> bool:
        """Whether a copy of an INSERT still runs."""


class _Cancelled(Exception):
    pass


class Recovery:
    """Carries out insertions, one at a time, on a store of its own; looks at several."""

    def __init__(self, store: Tables, tokens: Tokens, tables: Iterable[Table]) -> None:
        self._store, self._tokens = store, tokens
        self._partition_of = {table.name: table.partition_of for table in tables}

    def look(self, insertions: Sequence[Insertion]) -> Sequence[Found]:
        """What the tables hold of each insertion's range, with one query a table. Raises what the store raises.

        Rows may land afterwards, as they may after any count: good for one `fill` or one `settle`, no other.
        """
        looks: list[dict[str, Stored]] = [{} for _ in insertions]
        for table in dict.fromkeys(name for insertion in insertions for name in insertion.batch.blocks):
            asked = [
                at
                for at, insertion in enumerate(insertions)
                if table in insertion.batch.blocks and not insertion.is_cancelled
            ]
            if asked:
                stored = self._store.stored(table, [_range_of(insertions[at].batch) for at in asked])
                for at, found in zip(asked, stored, strict=True):
                    looks[at][table] = found
        return looks

    def fill(self, insertion: Insertion, found: Found = NOTHING_KNOWN) -> Outcome | None:
        """Insert the insertion's rows, or what an earlier attempt left out of them; None: `settle` has to count again.

        `found` is what `look` has just found of an insertion that must be counted. Raises what the store raises.
        """
        try:
            if not insertion.must_count:
                all_taken = self._insert(insertion, lambda table: insertion.batch.blocks[table])
                return Outcome.STORED if all_taken else None
            missing = self._missing(insertion, found)
            if not missing:
                return Outcome.STORED
            self._insert(insertion, lambda table: missing.get(table, _none_of(insertion.batch.blocks[table])))
            return None
        except _Cancelled:
            return Outcome.CANCELLED

    def settle(self, insertion: Insertion, found: Found = NOTHING_KNOWN) -> Outcome:
        """What became of an insertion whose missing rows were inserted; `found` as above, of after the INSERT."""
        try:
            if not self._missing(insertion, found):
                return Outcome.STORED
            # C3: only when no copy runs any more is what is missing now missing for good.
            self._wait_for_copies(insertion)
            return Outcome.NEXT_ATTEMPT if self._missing(insertion) else Outcome.STORED
        except _Cancelled:
            return Outcome.CANCELLED

    def _insert(self, insertion: Insertion, rows_of: Callable[[str], Columns]) -> bool:
        """Insert what `rows_of` gives for each table; whether every block was taken."""
        all_taken = True
        for table in insertion.batch.blocks:
            for piece, columns in enumerate(_pieces(rows_of(table), insertion)):
                if insertion.consumes_token:
                    columns = self._one_row_each(table, columns)
                if len(columns["_off"]):
                    self._stop_if_cancelled(insertion)
                    token = self._tokens.of(insertion, table, piece)
                    # C1: the server refuses a second query of that id, so copies of one INSERT never run side by side
                    query_id = token + insertion.query_suffix
                    all_taken &= self._store.insert(table, columns, token=token, query_id=query_id)
        return all_taken

    def _one_row_each(self, table: str, columns: Columns) -> Columns:
        """A row for each table partition: enough to use a token up, small enough for any memory limit."""
        partition_of = self._partition_of.get(table)
        if partition_of is None:
            return {name: column[:1] for name, column in columns.items()}
        values = {name: _as_array(column) for name, column in columns.items()}
        _, firsts = np.unique(partition_of(values), return_index=True)
        return {name: column[firsts] for name, column in columns.items()}

    def _wait_for_copies(self, insertion: Insertion) -> None:
        for table in insertion.batch.blocks:
            for piece in range(insertion.intent.pieces):
                self._stop_if_cancelled(insertion)
                token = self._tokens.of(insertion, table, piece)
                if self._store.is_running(token):
                    raise ClickHouseUnavailable(f"INSERT {token}: an earlier copy of it still runs")

    def _missing(self, insertion: Insertion, found: Found = NOTHING_KNOWN) -> dict[str, Columns]:
        """Per table the rows that it does not hold; tables that are complete are left out."""
        missing: dict[str, Columns] = {}
        for table, columns in insertion.batch.blocks.items():
            self._stop_if_cancelled(insertion)
            stored = found.get(table) or self._store.stored(table, [_range_of(insertion.batch)])[0]
            keep = ~_is_stored(columns, stored, insertion.batch, table)
            if keep.all():
                missing[table] = columns
            elif keep.any():
                missing[table] = {name: column[keep] for name, column in columns.items()}
        return missing

    def _stop_if_cancelled(self, insertion: Insertion) -> None:
        if insertion.is_cancelled:
            raise _Cancelled


def _as_array(column: Any) -> np.ndarray:
    return as_objects(column.tolist()) if isinstance(column, Encoded) else column


def _range_of(batch: Batch) -> Range:
    return Range(batch.tp, batch.first, batch.next)


def _is_stored(columns: Columns, stored: Stored, batch: Batch, table: str) -> np.ndarray:
    """Which of our rows are there. Raises FeedBlocked when other rows of our messages are: a person must judge that.

    Rows of offsets that hold no message any more are of messages that compaction has removed since.
    """
    ours = _keys(columns["_off"], columns["_row"], batch.first)
    theirs = _keys(stored.offsets, stored.rows, batch.first)
    where = f"{table} holds of {batch.partition} offsets {batch.first}-{batch.next}"
    if len(np.unique(theirs)) != len(theirs):
        raise FeedBlocked(f"{where} rows that are there twice: run python -m consumer audit")
    if np.isin(stored.offsets[~np.isin(theirs, ours)], _offsets_of(batch)).any():
        raise FeedBlocked(
            f"{where} rows that this version does not make of these messages: deploy the version that wrote them, let "
            "it finish the range, then deploy this one"
        )
    return np.isin(ours, theirs)


def _offsets_of(batch: Batch) -> np.ndarray:
    """The offsets that hold a message."""
    dead = np.asarray([letter.record.offset for letter in batch.dead], np.uint64)
    return np.concatenate([dead, *(columns["_off"] for columns in batch.blocks.values())])


def _keys(offsets: np.ndarray, rows: np.ndarray, first: int) -> np.ndarray:
    return (offsets.astype(np.uint64) - np.uint64(first)) << np.uint64(32) | rows.astype(np.uint64)


def _pieces(columns: Columns, insertion: Insertion) -> list[Columns]:
    """The rows cut at message boundaries that depend on the range alone, so that a retry makes the same pieces."""
    if insertion.intent.pieces == 1:
        return [columns]
    span = insertion.batch.next - insertion.batch.first
    edges = [
        insertion.batch.first + span * piece // insertion.intent.pieces
        for piece in range(1, insertion.intent.pieces)
    ]
    which = np.searchsorted(np.asarray(edges, np.uint64), columns["_off"], side="right")
    return [
        {name: column[which == piece] for name, column in columns.items()}
        for piece in range(insertion.intent.pieces)
    ]


def _none_of(columns: Columns) -> Columns:
    return {name: column[:0] for name, column in columns.items()}
