"""What the newest messages of a topic were made from."""

from __future__ import annotations

from collections.abc import Callable

from common.kafka_io.group import Group
from common.kafka_io.reader import RangeReader
from common.model.headers import source_of
from common.model.record import Partition

LOOK_MESSAGES = 20_000
"""Of each partition of the target, so many are looked at."""

PATIENCE_S = 5.0


class NewestOutputs:
    """Reads the ends of topics; the reader is made when it is first needed, and closed after each look."""

    def __init__(self, group: Group, make_reader: Callable[[], RangeReader]) -> None:
        self._group, self._make_reader = group, make_reader

    def sources(self, topic: str, partitions: int) -> set[bytes]:
        """The partitions that the newest messages say they come from. Raises KafkaUnavailable."""
        everyone = [Partition(topic, number) for number in range(partitions)]
        firsts, ends = self._group.first_offsets(everyone), self._group.end_offsets(everyone)
        reader = self._make_reader()
        try:
            return {
                source
                for at in everyone
                for source in _sources(reader, at, max(firsts[at], ends[at] - LOOK_MESSAGES), ends[at])
            }
        finally:
            reader.close()


def _sources(reader: RangeReader, at: Partition, first: int, end: int) -> set[bytes]:
    found = set()
    for slab in reader.read(at.topic, at.partition, first, end, PATIENCE_S):
        found |= {source for source in map(source_of, slab.details().headers) if source}
    return found
