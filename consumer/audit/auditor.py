"""Walks through partitions to audit them: asks the tables, slice by slice, and Kafka again about what these lack.

`consumer.audit.judge` judges what is found.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence

import numpy as np

from common.clickhouse_io.audit_queries import AuditQueries
from common.clickhouse_io.encoding import EncodingCheck
from common.commits.intent import DEFAULT_MESSAGE_ROWS
from common.commits.position import Position
from common.errors import DataExpired, SchemaMismatch
from common.kafka_io.overview import Overview
from common.kafka_io.reader import RangeReader
from common.model.address import PARTITION_BITS
from common.model.headers import BY, SINK
from common.model.ranges import Range
from common.model.record import Partition, Record
from common.model.stream import Feed
from consumer.audit.judge import Judge, Verdict, cuts, runs
from consumer.audit.stages import StageAuditor

PAST_THE_LAST = 2**63
LETTER_BYTES = (1 << 30) + (1 << 20)
"""A letter is read back whatever MAX_UNPACKED_BYTES is: it is a message that was below (at most 1 GiB), and headers."""
MESSAGES_AT_ONCE = 1_000
NO_OFFSETS = np.zeros(0, np.uint64)
ROWS_WITHOUT_COMMIT = (
    "the tables hold rows of it all the same: is KAFKA_GROUP_ID the one that its sinks have? If so, its offsets were "
    "lost, and no sink goes on: stop all sinks, then: python -m consumer adopt"
)


class Auditor:
    """What an audit needs: the tables, the brokers, and a reader of what they hold (read_committed).

    `before_slice` is called before a slice of a table is asked for; what it raises ends the audit.
    """

    def __init__(
        self,
        tables: AuditQueries,
        overview: Overview,
        reader: RangeReader,
        *,
        patience_s: float,
        message_rows: int = DEFAULT_MESSAGE_ROWS,
        before_slice: Callable[[], object] = lambda: None,
    ) -> None:
        self._tables, self._overview, self._reader = tables, overview, reader
        self._before_slice = before_slice
        self._patience_s = patience_s
        self._message_rows = message_rows

    def audit(
        self, feed: Feed, positions: Sequence[Position], group: str, *, count_events: bool = True
    ) -> list[Verdict]:
        """A verdict for each partition of a feed, on what its group has committed. Raises SchemaMismatch.

        To count `events` the whole table is read once; they are 0 if that is not asked for.
        """
        if not positions:
            return []
        self.check_tables(feed)
        dead = self.dead_letters(feed, positions)
        judges = {}
        for position in positions:
            letters = dead.get(position.partition, NO_OFFSETS)
            until = position.first if position.committed is None else min(position.committed, position.end)
            judge = self.inspect(feed, position, until, letters)
            judge.verdict.lag, judge.verdict.out_of_range = position.lag, position.is_out_of_range
            judge.verdict.judged = position.committed is not None
            judge.verdict.cut_by, judge.verdict.parked = position.cut, position.parked
            judge.verdict.notes += position.remarks(group)
            if position.committed is None and judge.verdict.rows:
                judge.verdict.notes.append(ROWS_WITHOUT_COMMIT)
            judges[position.tp] = judge
        if count_events:
            self._count_events(feed, judges)
        return [judge.verdict for judge in judges.values()]

    def check_tables(self, feed: Feed) -> None:
        """Raise SchemaMismatch when a table of the feed does not exist."""
        for table in feed.tables:
            if not self._tables.exists(table.name):
                raise SchemaMismatch(f"table {table.name} is missing: python -m consumer migrate")

    def dead_letters(self, feed: Feed, positions: Sequence[Position]) -> dict[Partition, np.ndarray]:
        """Partition → sorted offsets of its dead letters, each once, of this very topic (id)."""
        found = self.dead_offsets(feed.dead_topic, {position.topic_id.hex for position in positions})
        return {Partition(feed.topic, number): offsets for number, offsets in found.items()}

    def dead_offsets(self, dead_topic: str, ids: Container[str], by: str = SINK) -> dict[int, np.ndarray]:
        """Number of a partition → sorted offsets of its messages in a dead-letter topic, of sources with these ids.

        `by`: those that this transform has refused; else those that sinks have.
        """
        layout = self._overview.layouts([dead_topic]).get(dead_topic)
        partitions = layout.partitions if layout else ()
        firsts, ends = self._overview.first_offsets(partitions), self._overview.settled_ends(partitions)
        found: dict[int, set[int]] = {}
        for topic, number in partitions:
            at = Partition(topic, number)
            span = firsts[at], ends[at]
            for slab in self._reader.read(topic, number, *span, self._patience_s, limit_bytes=LETTER_BYTES):
                for record in slab.records():
                    source = source_of(record, ids, by)
                    if source is not None:
                        found.setdefault(source[0], set()).add(source[1])
        return {
            number: np.sort(np.fromiter(offsets, np.uint64, len(offsets)))
            for number, offsets in found.items()
        }

    @property
    def stages(self) -> StageAuditor:
        """An auditor of transforms, with the same readers."""
        return StageAuditor(self._overview, self._reader, self.dead_offsets, patience_s=self._patience_s)

    def inspect(self, feed: Feed, position: Position, until: int, dead: np.ndarray) -> Judge:
        """Judge the offsets of a partition from the log's first to `until`, and look for repeats everywhere."""
        tp = position.tp
        judge = Judge(
            feed,
            position.partition,
            tp,
            position.first,
            until,
            dead,
            message_rows=self._message_rows,
            check=EncodingCheck(feed.tables),
        )
        verdict = judge.verdict
        below, judged = Range(tp, 0, verdict.first), Range(tp, verdict.first, verdict.until)
        for range_ in (below, judged, Range(tp, verdict.until, PAST_THE_LAST)):
            if range_.first == range_.next:
                continue
            extents = [extent for table in feed.tables if (extent := self._tables.extent(table.name, range_))]
            for first, next_offset in cuts(range_, extents, is_judged=range_ is judged):
                self._before_slice()
                slice_ = Range(tp, first, next_offset)
                seen = {table.name: self._tables.seen(table.name, slice_) for table in feed.tables}
                open_questions = judge.judge(first, next_offset, seen)
                for run in runs(open_questions):
                    self._read_again(position.partition, run, judge)
        return judge

    def highest_offset(self, feed: Feed, position: Position) -> int | None:
        """The highest offset of which any table of the feed holds rows."""
        extents = [
            self._tables.extent(table.name, Range(position.tp, 0, PAST_THE_LAST)) for table in feed.tables
        ]
        return max((extent.next - 1 for extent in extents if extent), default=None)

    def is_writing(self, position: Position) -> bool:
        """Whether the server still works on an INSERT of this topic's messages."""
        return self._tables.is_writing(str(position.topic_id))

    def _read_again(self, partition: Partition, offsets: np.ndarray, judge: Judge) -> None:
        """What holds no message (a transaction's marker, aborted, compacted) is not missing."""
        try:
            span = int(offsets[0]), int(offsets[-1]) + 1
            for slab in self._reader.read(*partition, *span, self._patience_s):
                here, values = np.asarray(slab.offsets, np.uint64), slab.values
                at = np.flatnonzero(np.isin(here, offsets, assume_unique=True))
                details = slab.details() if judge.needs_details and len(at) else None
                for start in range(0, len(at), MESSAGES_AT_ONCE):
                    some = at[start : start + MESSAGES_AT_ONCE]
                    theirs = None if details is None else details.at(some.tolist())
                    judge.read_again(here[some], [values[index] for index in some.tolist()], theirs)
        except DataExpired:
            first = self._overview.first_offsets([partition])[partition]
            if first <= offsets[0]:
                raise
            judge.verdict.notes.append(f"retention deleted offsets up to {first} meanwhile: not judged")
            if len(left := offsets[offsets >= first]):
                self._read_again(partition, left, judge)

    def _count_events(self, feed: Feed, judges: Mapping[int, Judge]) -> None:
        """The events of messages that the feed's first table holds whole, each once. `judges` by `_tp`."""
        table = feed.tables[0]
        if table.event_rows is None:
            for judge in judges.values():
                judge.verdict.events = judge.whole_rows
            return
        spans = [Range(tp, judge.verdict.first, judge.verdict.until) for tp, judge in judges.items()]
        counts = self._tables.count_events(
            table.name, table.event_rows, [at for at in spans if at.next > at.first]
        )
        for tp, judge in judges.items():
            judge.verdict.events = counts.get(tp, 0)
            if judge.partial_offsets or judge.repeated_offsets:
                ask = self._tables.count_events_at
                partial, _ = ask(table.name, table.event_rows, tp, judge.partial_offsets)
                held, once = ask(table.name, table.event_rows, tp, judge.repeated_offsets)
                judge.verdict.events -= partial + held - once


def source_of(record: Record, topic_ids: Container[str], by: str = SINK) -> tuple[int, int] | None:
    """Partition and offset of the message that a dead letter was.

    None if it is of another topic, of somebody else than `by`, or none of ours. One that names nobody is a sink's.
    """
    headers = dict(record.headers)  # ours come last: a letter may have been dead once before
    try:
        if (headers.get("penstock-topic-id") or b"").decode() not in topic_ids:
            return None
        if (headers.get(BY) or SINK.encode()).decode() != by:
            return None
        number, offset = int(headers["penstock-partition"] or b""), int(headers["penstock-offset"] or b"")
    except (KeyError, ValueError):
        return None
    is_one = 0 <= number < 1 << PARTITION_BITS and 0 <= offset < PAST_THE_LAST  # or somebody forged it
    return (number, offset) if is_one else None
