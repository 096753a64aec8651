"""Walks through transforms to audit them: what is in the source, in the target, in the dead letters, and committed."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from common.errors import OffsetRefused
from common.kafka_io.overview import Overview
from common.kafka_io.reader import RangeReader
from common.model.codec import Codec
from common.model.headers import COUNTED, SOURCE, Header, source_name
from common.model.ranges import Committed
from common.model.record import Layout, Partition
from common.model.transform import Each, Transform
from consumer.audit.stage import Done, Entered, Left, StageVerdict, entered_of, judge_counts, judge_each
from consumer.memory import decode

NO_OFFSETS = np.zeros(0, np.uint64)
PAST_THE_LAST = 2**63

DeadLetters = Callable[[str, Collection[str], str], Mapping[int, np.ndarray]]
"""Called with a dead-letter topic, topic ids and the name of a transform; partition → sorted offsets of the messages
that this transform has put there."""


class _Output(NamedTuple):
    offset: int
    place: int
    left: int
    late: int
    is_total: bool


class _Outputs:
    """Those of one source partition: 33 bytes each."""

    def __init__(self) -> None:
        self._columns = [array(code) for code in "qqqqb"]

    def add(self, output: _Output) -> None:
        """One more."""
        for column, value in zip(self._columns, output, strict=True):
            column.append(value)

    @property
    def left(self) -> Left:
        """All of them."""
        offsets, places, left, late, is_total = self._columns
        return Left(
            np.array(offsets, np.uint64),
            np.array(places, np.uint64),
            np.array(left),
            np.array(late),
            np.array(is_total, bool),
        )


class StageAuditor:
    """What it needs: the brokers, a reader of committed data, and a reader of dead letters."""

    def __init__(
        self, overview: Overview, reader: RangeReader, dead_letters: DeadLetters, *, patience_s: float
    ) -> None:
        self._overview, self._reader = overview, reader
        self._dead_letters, self._patience_s = dead_letters, patience_s

    def audit(self, stream: str, transform: Transform, group: str) -> StageVerdict:
        """A verdict on what the transform's group has committed. Raises KafkaUnavailable, KafkaRefused."""
        verdict = StageVerdict(f"{stream}.{transform.name}", transform.source, transform.target)
        before = self._overview.committed(group)  # first: whatever is read later is at least as far
        layouts = self._overview.layouts([transform.source, transform.target])
        if missing := {transform.source, transform.target} - layouts.keys():
            verdict.is_judged = False
            verdict.notes += [f"{topic}: there is no such topic" for topic in sorted(missing)]
            return verdict
        source = layouts[transform.source]
        outputs = self._outputs(layouts[transform.target], source, verdict)
        dead = self._dead_letters(transform.dead_topic, [source.topic_id.hex], verdict.name)
        after = self._overview.committed(group)
        codec, spans = Codec(transform.event), self._spans(source, verdict)
        for partition in source.partitions:
            done = self._done(before.get(partition), source, partition, verdict)
            later = self._done(after.get(partition), source, partition, verdict)
            entered = self._entered(partition, codec, spans[partition])
            judge = judge_each if isinstance(transform, Each) else judge_counts
            left = outputs[partition.partition].left
            judge(verdict, entered, left, dead.get(partition.partition, NO_OFFSETS), done, later)
        return verdict

    def _done(
        self, committed: Committed | None, source: Layout, partition: Partition, verdict: StageVerdict
    ) -> Done:
        note, memory = "", None
        try:
            memory = decode(committed.metadata, str(partition)) if committed else None
        except OffsetRefused as error:
            note = str(error)
            verdict.is_judged = False
        if committed is None:
            note = f"{partition}: the group has committed nothing of it yet"
        if note and note not in verdict.notes:
            verdict.notes.append(note)
        if memory is None or memory.topic != source.topic_id.hex:
            return Done()
        return Done(memory.read, int(memory.state.get("open", 0)) if isinstance(memory.state, dict) else 0)

    def _entered(self, partition: Partition, codec: Codec, span: tuple[int, int]) -> Entered:
        offsets, events = [], []
        for slab in self._reader.read(*partition, *span, self._patience_s):
            decoded = codec.decode(slab.values)
            counts = np.ones(len(slab), np.int64) if decoded.counts is None else decoded.counts
            offsets.append(np.asarray(slab.offsets, np.uint64))
            events.append(np.maximum(counts, 1))
        return entered_of(offsets, events)

    def _outputs(self, target: Layout, source: Layout, verdict: StageVerdict) -> Mapping[int, _Outputs]:
        """Number of a source partition → the outputs that say they come from it, in no order."""
        names = {source_name(source.topic_id, at.partition): at.partition for at in source.partitions}
        found: dict[int, _Outputs] = defaultdict(_Outputs)
        for partition, span in self._spans(target, verdict).items():
            for slab in self._reader.read(*partition, *span, self._patience_s):
                for headers in slab.details().headers:
                    name, output = _output(headers)
                    if output is not None and name in names:
                        found[names[name]].add(output)
        return found

    def _spans(self, layout: Layout, verdict: StageVerdict) -> dict[Partition, tuple[int, int]]:
        """Where the log of each partition begins and ends."""
        firsts = self._overview.first_offsets(layout.partitions)
        ends = self._overview.end_offsets(layout.partitions)
        for partition, first in firsts.items():
            if first:
                verdict.is_judged = False
                verdict.notes.append(f"{partition}: retention has deleted offsets up to {first}: not judged")
        return {partition: (first, ends[partition]) for partition, first in firsts.items()}


def _output(headers: Sequence[Header]) -> tuple[bytes, _Output | None]:
    said = dict(headers)
    try:
        name, offset, index = (said.get(SOURCE) or b"").split(b":")
        counted = said.get(COUNTED) or b"0:0"
        left, late = counted.removeprefix(b"=").split(b":")
        output = _Output(int(offset), int(index), int(left), int(late), counted.startswith(b"="))
    except ValueError:
        return b"", None  # somebody else's
    return name, output if all(
        0 <= number < PAST_THE_LAST for number in output
    ) else None  # or somebody forged it
