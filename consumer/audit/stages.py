"""Walks through transforms to audit them: what is in the source, in the target, in the dead letters, and committed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from common.commits.memory import decode
from common.errors import OffsetRefused
from common.kafka_io.overview import Overview
from common.kafka_io.reader import RangeReader
from common.model.codec import Codec
from common.model.headers import COUNTED, SOURCE, Header, source_name
from common.model.ranges import Committed
from common.model.record import Layout, Partition
from common.model.transform import Each, Transform
from consumer.audit.outputs import Output, OutputsOfEach, OutputsThatCount
from consumer.audit.stage import (
    Done,
    Entered,
    Lowest,
    StageVerdict,
    Sums,
    entered_of,
    judge_counts,
    judge_each,
)

NO_OFFSETS = np.zeros(0, np.uint64)
PAST_THE_LAST = 2**63
MOST_COUNTED = 2**53
"""No output counts more events than any log holds."""

MESSAGES_AT_ONCE = 50_000

DeadLetters = Callable[[str, Collection[str], str], Mapping[int, np.ndarray]]
"""Called with a dead-letter topic, topic ids and the name of a transform; partition → sorted offsets of the messages
that this transform has put there."""


class _Part(NamedTuple):
    """The messages of offsets [first, next)."""

    first: int
    next: int
    entered: Entered


_Kept = dict[int, OutputsOfEach | OutputsThatCount]
"""Number of a source partition → its outputs."""


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
        spans = self._spans(source, self._overview.end_offsets(source.partitions), verdict)
        dones = {at: self._done(before.get(at), source, at, verdict) for at in source.partitions}
        is_each = isinstance(transform, Each)
        kept: _Kept = {
            at.partition: OutputsOfEach(*spans[at]) if is_each else OutputsThatCount(dones[at].read)
            for at in source.partitions
        }
        self._read_outputs(layouts[transform.target], source, kept, verdict)
        dead = self._dead_letters(transform.dead_topic, [source.topic_id.hex], verdict.name)
        after = self._overview.committed(group)
        codec = Codec(transform.event)
        for at in source.partitions:
            looks = dones[at], self._done(after.get(at), source, at, verdict)
            was = verdict.missing, verdict.repeated
            entered = self._entered(at, codec, spans[at])
            letters = dead.get(at.partition, NO_OFFSETS)
            lowest = _judge(verdict, entered, kept[at.partition], letters, spans[at], looks)
            for kind, had, offset in zip(verdict.lowest, was, lowest, strict=True):
                if getattr(verdict, kind) > had:
                    verdict.lowest[kind].append(f"{at}" if offset is None else f"{at} offset {offset}")
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

    def _entered(self, partition: Partition, codec: Codec, span: tuple[int, int]) -> Iterator[_Part]:
        """The messages of a partition, some at a time, in order and without a hole."""
        offsets: list[np.ndarray] = []
        events: list[np.ndarray] = []
        first, held = span[0], 0
        for slab in self._reader.read(*partition, *span, self._patience_s):
            decoded = codec.decode(slab.values)
            counts = np.ones(len(slab), np.int64) if decoded.counts is None else decoded.counts
            offsets.append(np.asarray(slab.offsets, np.uint64))
            events.append(np.maximum(counts, 1))
            held += len(slab)
            if held >= MESSAGES_AT_ONCE or slab.next_offset >= span[1]:
                yield _Part(first, slab.next_offset, entered_of(offsets, events))
                offsets, events, first, held = [], [], slab.next_offset, 0

    def _read_outputs(self, target: Layout, source: Layout, kept: _Kept, verdict: StageVerdict) -> None:
        """Add the outputs that say they come from one of these source partitions.

        Nothing that was written before may be hidden behind a transaction that another worker has left open.
        """
        names = {source_name(source.topic_id, at.partition): at.partition for at in source.partitions}
        ends = self._overview.settled_ends(target.partitions)
        for partition, span in self._spans(target, ends, verdict).items():
            for slab in self._reader.read(*partition, *span, self._patience_s):
                for headers in slab.details().headers:
                    name, output = _output(headers)
                    if output is not None and name in names:
                        kept[names[name]].add(output)

    def _spans(
        self, layout: Layout, ends: Mapping[Partition, int], verdict: StageVerdict
    ) -> dict[Partition, tuple[int, int]]:
        """Where the log of each partition begins and ends."""
        firsts = self._overview.first_offsets(layout.partitions)
        for partition, first in firsts.items():
            if first:
                verdict.is_judged = False
                verdict.notes.append(f"{partition}: retention has deleted offsets up to {first}: not judged")
        return {partition: (first, ends[partition]) for partition, first in firsts.items()}


def _judge(
    verdict: StageVerdict,
    entered: Iterable[_Part],
    outputs: OutputsOfEach | OutputsThatCount,
    dead: np.ndarray,
    span: tuple[int, int],
    looks: tuple[Done, Done],
) -> Lowest:
    """Add a partition. `looks` are what was committed before and after the outputs were read."""
    if isinstance(outputs, OutputsThatCount):
        sums = Sums()
        for part in entered:
            sums = sums.plus(part.entered, dead, looks[0])
        return judge_counts(verdict, sums, outputs.left(), *looks)
    found = [
        judge_each(verdict, part.entered, outputs.within(part.first, part.next), dead, *looks)
        for part in entered
    ]
    found.append(judge_each(verdict, entered_of([], []), outputs.outside(*span), dead, *looks))
    missing = [each.missing for each in found if each.missing is not None]
    repeated = [each.repeated for each in found if each.repeated is not None]
    return Lowest(min(missing, default=None), min(repeated, default=None))


def _output(headers: Sequence[Header]) -> tuple[bytes, Output | None]:
    said = dict(headers)
    try:
        name, offset, index = (said.get(SOURCE) or b"").split(b":")
        counted = said.get(COUNTED) or b"0:0"
        left, late = counted.removeprefix(b"=").split(b":")
        output = Output(int(offset), int(index), int(left), int(late), counted.startswith(b"="))
    except ValueError:
        return b"", None  # somebody else's
    is_possible = (
        all(0 <= number < PAST_THE_LAST for number in output)
        and max(output.counted, output.late) < MOST_COUNTED
    )
    return name, output if is_possible else None  # else somebody forged it
