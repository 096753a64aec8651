"""Messages of one partition, gathered until a batch is cut. Pure.

A message is decoded once, soon after it arrives; only bad ones are kept raw.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import chain

import numpy as np

from common.commits.intent import DEFAULT_MESSAGE_ROWS
from common.errors import UnreadableBatch
from common.model.encoded import OBJECT_BYTES
from common.model.reasons import Reason
from common.model.record import Details, Partition, Slab
from common.model.stream import Feed
from consumer.rows import Check, Columns, Made, RowMaker, join_blocks
from consumer.sink.batch import Batch, DeadLetter
from consumer.sink.cutting import Cut

PIECE_BYTES = 256 << 10
"""Raw bytes that are decoded at a time: messages, events and columns of a piece stay in the processor's cache."""


class Buffer:
    """Gathers the messages of one partition from `start` on, and cuts them into batches.

    `longest_bad_run` is the longest run of bad messages of the coming batch, counted on from the batch before;
    `bad_run_before` is where that count stood at `start`.
    """

    def __init__(
        self,
        feed: Feed,
        partition: Partition,
        tp: int,
        start: int,
        *,
        message_rows: int = DEFAULT_MESSAGE_ROWS,
        bad_run: int = 0,
        check: Check | None = None,
    ) -> None:
        self.maker = RowMaker(feed, tp, message_rows=message_rows, check=check)
        self._tables = feed.tables
        self._partition, self._tp = partition, tp
        self.start = self.position = start
        self._bad_run = bad_run
        self._clear()

    def _clear(self) -> None:
        self.bad_run_before = self.longest_bad_run = self._bad_run
        self._raw: list[Slab] = []
        self._raw_bytes = self._raw_messages = 0
        self._pieces: list[dict[str, Columns]] = []
        self.dead: list[DeadLetter] = []
        self._rows = {table.name: 0 for table in self._tables}
        self._table_partitions: dict[str, set[Hashable]] = {table.name: set() for table in self._tables}
        self._messages = 0
        self.payload_bytes = 0
        self.born_s: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read past `start`."""
        return self.position == self.start

    @property
    def rows(self) -> int:
        """Rows of the largest table, or messages if there are more of them."""
        return max(*self._rows.values(), self._raw_messages + self._messages)

    @property
    def size_bytes(self) -> int:
        """Bytes of columns, and of messages that are still raw."""
        return self.payload_bytes + self._raw_bytes

    @property
    def table_partitions(self) -> int:
        """The most partitions that these rows make in one table."""
        return max(map(len, self._table_partitions.values()))

    def add(self, slab: Slab, now_s: float) -> Slab | None:
        """Take a slab, or about PIECE_BYTES of a large one; returns the rest, which is to come next.

        It must start where the last one ended: a hole here would be a loss.
        """
        if slab.start != self.position:
            raise AssertionError(f"{self._partition}: slab at {slab.start}, expected {self.position}")
        if self.born_s is None:
            self.born_s = now_s
        rest = None
        if slab.size_bytes > 2 * PIECE_BYTES and len(slab) > 1:
            messages = max(1, len(slab) * PIECE_BYTES // slab.size_bytes)
            slab, rest = slab.split_at(messages)
        self.position = slab.next_offset
        if len(slab):
            self._raw.append(slab)
            self._raw_messages += len(slab)
            self._raw_bytes += slab.size_bytes
        if self._raw_bytes >= PIECE_BYTES:
            self.decode()
        return rest

    def decode(self) -> None:
        """Decode what is still raw; the sink also calls it while a commit travels."""
        if self._raw:
            raw, raw_bytes = self._raw, self._raw_bytes
            self._raw, self._raw_bytes, self._raw_messages = [], 0, 0
            self._decode_run(raw, raw_bytes)

    def _decode_run(self, run: Sequence[Slab], raw_bytes: int) -> None:
        values = list(chain.from_iterable(slab.values for slab in run)) if len(run) > 1 else run[0].values
        offsets = np.concatenate([_offsets_of(slab) for slab in run])
        try:
            details = Details.joined([slab.details() for slab in run]) if self.maker.needs_details else None
            made = self.maker.make(values, offsets, raw_bytes, details)
        except MemoryError:
            span = f"{self._partition} offsets {run[0].start}-{run[-1].next_offset}"
            raise UnreadableBatch(
                self._partition.topic,
                f"{span}: the rows of these messages do not fit into memory. Give the sink more, or lower "
                "MAX_MESSAGE_ROWS, and restart it",
            ) from None
        self._note_bad(run, made.bad, len(values))
        self._messages += len(values)
        if made.blocks:
            self._keep(made, raw_bytes)

    def _note_bad(self, run: Sequence[Slab], bad: Mapping[int, Reason], messages: int) -> None:
        if not bad:
            self._bad_run = 0
            return
        for index in range(messages):
            self._bad_run = self._bad_run + 1 if index in bad else 0
            self.longest_bad_run = max(self.longest_bad_run, self._bad_run)
        base = 0
        for slab in run:
            for index in range(len(slab)):
                if base + index in bad:
                    record = slab.record(index)
                    self.dead.append(DeadLetter(record, bad[base + index]))
                    self.payload_bytes += record.size_bytes
            base += len(slab)

    def _keep(self, made: Made, raw_bytes: int) -> None:
        kept = [column for columns in made.blocks.values() for column in columns.values()]
        size = sum(column.nbytes for column in kept)
        arrays = [column for column in kept if isinstance(column, np.ndarray)]
        objects = sum(column.size for column in arrays if column.dtype.hasobject)
        if objects:  # an array holds pointers to them
            size += raw_bytes + objects * OBJECT_BYTES
        self._pieces.append(made.blocks)
        self.payload_bytes += size
        for name, columns in made.blocks.items():
            self._rows[name] += len(columns["_off"])
        for name, seen in made.table_partitions.items():
            self._table_partitions[name] |= seen

    def cut(self, why: Cut) -> Batch:
        """Everything gathered so far as one batch; the buffer goes on after it."""
        self.decode()
        batch = Batch(
            partition=self._partition,
            tp=self._tp,
            first=self.start,
            next=self.position,
            messages=self._messages,
            payload_bytes=self.payload_bytes,
            born_s=self.born_s or 0.0,
            blocks={
                name: join_blocks([piece[name] for piece in self._pieces])
                for name, rows in self._rows.items()
                if rows
            },
            dead=self.dead,
            bad_run_before=self.bad_run_before,
            longest_bad_run=self.longest_bad_run,
            cut=why,
        )
        self.start = self.position
        self._clear()
        return batch


def _offsets_of(slab: Slab) -> np.ndarray:
    offsets = slab.offsets
    if isinstance(offsets, range):  # the usual case: many times faster than through Python's integers
        return np.arange(offsets.start, offsets.stop, offsets.step, dtype=np.uint64)
    return np.asarray(offsets, np.uint64)
