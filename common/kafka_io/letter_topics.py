"""What readers of dead letters ask of a dead-letter topic: does it exist, what does it span, what is in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from common.errors import KafkaUnavailable
from common.kafka_io.clients import Clients
from common.kafka_io.dead_letters import PARTITION
from common.kafka_io.overview import Overview, connect_overview
from common.kafka_io.reader import RangeReader
from common.kafka_io.rights import denied
from common.model.record import Layout, Partition, Slab
from common.process.clock import Clock
from common.settings.parts import KafkaSettings

LETTER_EXTRA_BYTES = 1 << 20
"""How much more than MAX_UNPACKED_BYTES a letter may unpack to: its message was below, and has our headers now."""


class LetterTopics:
    """Dead-letter topics, over connections that others close. Letters are in one partition: no other is looked at."""

    def __init__(self, overview: Overview, reader: RangeReader, max_unpacked_bytes: int) -> None:
        """`reader` reads committed data; a letter that takes more than `max_unpacked_bytes` is not unpacked."""
        self._overview, self._reader = overview, reader
        self._limit_bytes = max_unpacked_bytes + LETTER_EXTRA_BYTES

    def layouts(self, topics: Sequence[str]) -> dict[str, Layout]:
        """Those of the topics that exist and have the partition of letters."""
        found = self._overview.layouts(topics)
        return {topic: at for topic, at in found.items() if Partition(topic, PARTITION) in at.partitions}

    def spans(self, topics: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Where each log starts, and where what is committed ends.

        Of a topic that was deleted since `layouts` named it, it asks as long as the overview is patient, and raises
        KafkaUnavailable.
        """
        partitions = [Partition(topic, PARTITION) for topic in topics]
        firsts, ends = self._overview.first_offsets(partitions), self._overview.end_offsets(partitions)
        return {at.topic: (firsts[at], ends[at]) for at in partitions}

    def read(self, topic: str, first: int, next_offset: int, patience_s: float) -> Iterator[Slab]:
        """The letters in [first, next_offset), as RangeReader.read has it. Raises KafkaDenied, too."""
        try:
            yield from self._reader.read(
                topic, PARTITION, first, next_offset, patience_s, limit_bytes=self._limit_bytes
            )
        except KafkaUnavailable as error:
            raise denied(error.__cause__, f"reading {topic}") or error from error.__cause__


@contextmanager
def connected(kafka: KafkaSettings, clock: Clock) -> Iterator[LetterTopics]:
    """Dead-letter topics over connections of their own, closed at the end. Raises KafkaUnavailable, KafkaRefused."""
    with ExitStack() as stack:
        overview = connect_overview(kafka, now_s=clock.now_s, sleep=clock.sleep)
        stack.callback(overview.close)
        reader = Clients(kafka, clock.now_s, clock.sleep).range_reader()
        stack.callback(reader.close)
        yield LetterTopics(overview, reader, kafka.max_unpacked_bytes)
