"""Walks through transforms to audit them: what is in the source, in the target, in the dead letters, and committed."""

from __future__ import annotations

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
from consumer.audit.stage import Entered, Left, StageVerdict, entered_of, judge_counts, judge_each
from consumer.memory import Memory, decode

NO_OFFSETS = np.zeros(0, np.uint64)

DeadLetters = Callable[[str, Collection[str]], Mapping[int, np.ndarray]]
"""Called with a dead-letter topic and topic ids; partition → sorted offsets of the messages that it holds."""


class _Output(NamedTuple):
    offset: int
    place: int
    left: int
    late: int
    is_total: bool


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
        commits = self._overview.committed(group)  # first: whatever is read later is at least as far
        layouts = self._overview.layouts([transform.source, transform.target])
        if missing := {transform.source, transform.target} - layouts.keys():
            verdict.is_judged = False
            verdict.notes += [f"{topic}: there is no such topic" for topic in sorted(missing)]
            return verdict
        source = layouts[transform.source]
        outputs = self._outputs(layouts[transform.target], source, verdict)
        dead = self._dead_letters(transform.dead_topic, [source.topic_id.hex])
        for partition in source.partitions:
            memory = self._memory(commits.get(partition), source, partition, verdict)
            entered = self._entered(partition, Codec(transform.event), verdict)
            found = outputs[partition.partition]
            at = dead.get(partition.partition, NO_OFFSETS)
            read = memory.read if memory else 0
            if isinstance(transform, Each):
                judge_each(verdict, entered, _addresses(found), at, read)
            else:
                judge_counts(verdict, entered, _counts(found), at, read, _open_events(memory))
        return verdict

    def _memory(
        self, committed: Committed | None, source: Layout, partition: Partition, verdict: StageVerdict
    ) -> Memory | None:
        if committed is None:
            verdict.notes.append(f"{partition}: the group has committed nothing of it yet")
            return None
        try:
            memory = decode(committed.metadata, str(partition))
        except OffsetRefused as error:
            verdict.notes.append(str(error))
            verdict.is_judged = False
            return None
        return memory if memory.topic == source.topic_id.hex else None

    def _entered(self, partition: Partition, codec: Codec, verdict: StageVerdict) -> Entered:
        first, end = self._span(partition, verdict)
        offsets, events = [], []
        for slab in self._reader.read(*partition, first, end, self._patience_s):
            decoded = codec.decode(slab.values)
            counts = np.ones(len(slab), np.int64) if decoded.counts is None else decoded.counts
            offsets.append(np.asarray(slab.offsets, np.uint64))
            events.append(np.maximum(counts, 1))
        return entered_of(offsets, events)

    def _outputs(
        self, target: Layout, source: Layout, verdict: StageVerdict
    ) -> Mapping[int, Sequence[_Output]]:
        """Number of a source partition → the outputs that say they come from it, in no order."""
        names = {source_name(source.topic_id, at.partition): at.partition for at in source.partitions}
        found: dict[int, list[_Output]] = defaultdict(list)
        for partition in target.partitions:
            first, end = self._span(partition, verdict)
            for slab in self._reader.read(*partition, first, end, self._patience_s):
                for headers in slab.details().headers:
                    name, output = _output(headers)
                    if output is not None and name in names:
                        found[names[name]].append(output)
        return found

    def _span(self, partition: Partition, verdict: StageVerdict) -> tuple[int, int]:
        first = self._overview.first_offsets([partition])[partition]
        if first:
            verdict.is_judged = False
            verdict.notes.append(f"{partition}: retention has deleted offsets up to {first}: not judged")
        return first, self._overview.end_offsets([partition])[partition]


def _output(headers: Sequence[Header]) -> tuple[bytes, _Output | None]:
    said = dict(headers)
    try:
        name, offset, index = (said.get(SOURCE) or b"").split(b":")
        counted = said.get(COUNTED) or b"0:0"
        left, late = counted.removeprefix(b"=").split(b":")
        return name, _Output(int(offset), int(index), int(left), int(late), counted.startswith(b"="))
    except ValueError:
        return b"", None  # somebody else's


def _addresses(found: Sequence[_Output]) -> Left:
    offsets = np.fromiter((each.offset for each in found), np.uint64, len(found))
    return Left(offsets, np.fromiter((each.place for each in found), np.int64, len(found)))


def _counts(found: Sequence[_Output]) -> Left:
    newest = max((each for each in found if each.is_total), default=None)
    left = sum(each.left for each in found if not each.is_total) + (newest.left if newest else 0)
    late = sum(each.late for each in found if not each.is_total) + (newest.late if newest else 0)
    return Left(NO_OFFSETS, NO_OFFSETS, left, late)


def _open_events(memory: Memory | None) -> int:
    state = memory.state if memory else None
    return int(state.get("open", 0)) if isinstance(state, dict) else 0
