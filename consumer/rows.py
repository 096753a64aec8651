"""Turns runs of raw messages into the rows of all tables of a feed, and tells which messages make none. Pure.

Whatever a stream's code raises is the fault of one message: its neighbours are stored all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np

from common.commits.intent import DEFAULT_MESSAGE_ROWS
from common.errors import BadData, DoesNotFit
from common.model.address import number_of, with_address
from common.model.codec import Codec, Decoded
from common.model.columns import as_objects, joined
from common.model.complaints import told
from common.model.encoded import Encoded
from common.model.reasons import Kind, Reason
from common.model.record import Details, RawValue
from common.model.record_columns import Messages
from common.model.record_values import RecordValues
from common.model.stream import Feed, Rows, Table

_SMALLEST_VALUE_BYTES = 2  # a digit and a comma
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)  # one pass, whatever the bytes are

Columns: TypeAlias = dict[str, Any]
"""Column name → numpy array, or an Encoded of `common.model.encoded`; the address columns are always arrays."""

Check: TypeAlias = Callable[[str, Mapping[str, np.ndarray]], Columns]
"""Called with the name of a table and its columns; gives them as they are to be stored. Raises DoesNotFit."""


class Made(NamedTuple):
    """What a run of messages makes.

    `blocks` maps each table to its columns, address included (no table at all: no message was valid).
    `table_partitions` tells for each partitioned table which of its partitions the rows belong to. `bad` maps the index
    of a bad message to the reason.
    """

    blocks: dict[str, Columns]
    table_partitions: dict[str, set[Hashable]]
    bad: dict[int, Reason]


class _Run(NamedTuple):
    """Decoded messages: their events, how many each holds (None: one), their offsets, details, index of the first."""

    events: list[Any]
    counts: np.ndarray | None
    offsets: np.ndarray
    details: Details | None
    base: int

    def halves(self) -> tuple[_Run, _Run]:
        half = len(self.offsets) // 2
        first = None if self.counts is None else self.counts[:half]
        second = None if self.counts is None else self.counts[half:]
        cut = half if first is None else int(first.sum())
        head = tail = None
        if self.details is not None:
            head, tail = self.details.at(range(half)), self.details.at(range(half, len(self.offsets)))
        return (
            _Run(self.events[:cut], first, self.offsets[:half], head, self.base),
            _Run(self.events[cut:], second, self.offsets[half:], tail, self.base + half),
        )


class RowMaker:
    """Makes the rows of one partition of a feed.

    A message that makes more than `message_rows` rows in one table is bad, and so is one whose columns `check` refuses.
    `needs_details`: some table has columns that keys, timestamps or headers fill.
    """

    def __init__(
        self, feed: Feed, tp: int, *, message_rows: int = DEFAULT_MESSAGE_ROWS, check: Check | None = None
    ) -> None:
        self._codec = Codec(feed.event)
        self._values_a_row = 1 + _fields_of(msgspec.inspect.type_info(feed.event), set())
        self._tables = feed.tables
        self._topic, self._tp = feed.topic, tp
        self._of_record = {table.name: RecordValues(table) for table in feed.tables if table.record}
        self.needs_details = any(filled.need_details for filled in self._of_record.values())
        self.message_rows = message_rows
        self._check = check

    def make(
        self,
        values: Sequence[RawValue],
        offsets: np.ndarray,
        size_bytes: int | None = None,
        details: Details | None = None,
    ) -> Made:
        """The rows of messages at these offsets; bad ones are reported, never raised.

        `size_bytes`: what the values take at most, if that is known. `details`: theirs, if they are needed. Raises
        MemoryError, and nothing else.
        """
        if self.needs_details and details is None:
            raise AssertionError("rows with columns of the record are to be made without its details")
        too_many = self._with_too_many_values(values, size_bytes)
        if too_many:
            values = [None if index in too_many else value for index, value in enumerate(values)]
        decoded = self._codec.decode(values)
        pieces: list[Made] = []
        bad = {**decoded.bad, **too_many}
        self._make_or_halve(_Run(decoded.events, decoded.counts, offsets, details, 0), pieces, bad)
        return self._together(pieces, bad)

    def _with_too_many_values(self, values: Sequence[RawValue], size_bytes: int | None) -> dict[int, Reason]:
        """Messages that must not be decoded, for their values alone could fill the memory."""
        limit = self.message_rows * self._values_a_row
        largest = _SMALLEST_VALUE_BYTES * limit
        if size_bytes is not None and size_bytes <= largest:
            return {}
        rows = f"for at most {self.message_rows:,} rows (MAX_MESSAGE_ROWS)"
        reason = Reason(Kind.TOO_LARGE, f"more than {limit:,} values, {rows}")
        return {
            index: reason
            for index, value in enumerate(values)
            if isinstance(value, bytes) and len(value) > largest and _commas(value, limit) > limit
        }

    def _make_or_halve(self, run: _Run, pieces: list[Made], bad: dict[int, Reason]) -> None:
        """The whole run at once; if that fails, its halves, down to the messages that fail alone."""
        if not run.events:
            return
        try:
            pieces.append(self._rows_of(run))
            return
        except BadData as error:
            reason = error.reason
        except MemoryError:
            reason = Reason(Kind.TOO_LARGE, "its rows do not fit into memory")
        if len(run.offsets) == 1:
            bad[run.base] = reason
            return
        for half in run.halves():
            self._make_or_halve(half, pieces, bad)

    def _rows_of(self, run: _Run) -> Made:
        """Rows of every table. Raises BadData, which is the truth only if the run is a single message."""
        made = Made({}, {}, {})
        decoded = Decoded(run.events, run.counts, {})
        for table in self._tables:
            with _blamed_on_stream(table):
                columns = with_address(
                    _sound(table.rows(run.events), run.events), decoded, run.offsets, self._tp
                )
                if (of_record := self._of_record.get(table.name)) is not None:
                    where = self._topic, number_of(self._tp)
                    columns = of_record.beside(columns, Messages(*where, run.offsets, run.details))
                if table.partition_of is not None:
                    seen = np.unique(table.partition_of(columns))
                    made.table_partitions[table.name] = set(seen.tolist())
            rows = columns["_rows"]
            if len(rows) > self.message_rows and rows.max() > self.message_rows:
                raise BadData(Kind.TOO_LARGE, f"more than {self.message_rows:,} rows (MAX_MESSAGE_ROWS)")
            if self._check is not None:
                with _blamed_on_stream(table):
                    columns = self._check(table.name, columns)
            made.blocks[table.name] = columns
        return made

    def _together(self, pieces: list[Made], bad: dict[int, Reason]) -> Made:
        if len(pieces) == 1:
            return pieces[0]._replace(bad=bad)
        if not pieces:
            return Made({}, {}, bad)
        names = [table.name for table in self._tables]
        seen: dict[str, set[Hashable]] = {name: set() for name in pieces[0].table_partitions}
        for piece in pieces:
            for name, partitions in piece.table_partitions.items():
                seen[name] |= partitions
        return Made(
            {name: join_blocks([piece.blocks[name] for piece in pieces]) for name in names}, seen, bad
        )


def _fields_of(kind: Any, seen: set[Any]) -> int:
    """How many fields an event has, those of the objects in it included, each type once."""
    if isinstance(kind, msgspec.inspect.StructType):
        if kind.cls in seen:
            return 0
        seen.add(kind.cls)
        return sum(1 + _fields_of(field.type, seen) for field in kind.fields)
    inner = [getattr(kind, name, None) for name in ("item_type", "key_type", "value_type")]
    inner += getattr(kind, "types", None) or getattr(kind, "item_types", None) or ()
    return sum(_fields_of(each, seen) for each in inner if each is not None)


def join_blocks(blocks: Sequence[Columns]) -> Columns:
    """Blocks of one table as one, of the columns that all of them have."""
    if len(blocks) == 1:
        return blocks[0]
    names = [name for name in blocks[0] if all(name in block for block in blocks)]
    return {name: joined([block[name] for block in blocks]) for name in names}


@contextmanager
def _blamed_on_stream(table: Table) -> Iterator[None]:
    try:
        yield
    except (MemoryError, KeyboardInterrupt):
        raise
    except DoesNotFit as error:
        raise BadData(error.kind, f"table {table.name}, {error.reason.detail}") from error
    except BaseException as error:  # SystemExit, too: a message must not end a process
        raise BadData(Kind.STREAM_FAILED, f"{told(error)} in the rows of {table.name}") from error


def _sound(rows: Rows, events: Sequence[Any]) -> Rows:
    """The rows; columns that are lists, or objects in two dimensions, as arrays of one dimension."""
    if rows.per_event is not None and len(rows.per_event) != len(events):
        raise ValueError("per_event has not a number for each event")
    odd = {
        name: as_objects(column.tolist() if isinstance(column, np.ndarray) else list(column))
        for name, column in rows.columns.items()
        if not _is_sound(column)
    }
    return rows._replace(columns={**rows.columns, **odd}) if odd else rows


def _is_sound(column: Any) -> bool:
    if isinstance(column, np.ndarray):
        return column.ndim == 1 or not column.dtype.hasobject
    return isinstance(column, Encoded)


def _commas(value: bytes, enough: int) -> int:
    """The commas of a JSON text that stand outside its strings; those in strings count, too, up to `enough`."""
    commas = value.count(b",")
    if commas > enough:
        commas -= sum(string.group().count(b",") for string in _STRING.finditer(value))
    return commas
