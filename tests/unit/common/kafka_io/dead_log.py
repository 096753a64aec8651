"""A dead-letter topic in memory, in place of `LetterTopics`: letters of any size, holes, a log that loses its start."""

import uuid

from common.errors import DataExpired, KafkaUnavailable
from common.kafka_io.dead_letters import letter_headers
from common.model.record import Layout, Partition, Record, Slab


class DeadLog:
    """Topic `name`; `sizes[offset]` is how large the letter there is said to be, None is a hole.

    Each letter is a slab of its own, as a batch of its own would be. `reads` are the ranges that were asked for.
    """

    def __init__(self, sizes, name="events.dead", first=0):
        self.sizes, self.name, self.first = list(sizes), name, first
        self.topic_id = uuid.uuid4()
        self.exists = True
        self.reads, self.read_bytes = [], 0
        self.on_slab = lambda: None

    def record(self, offset):
        source = Partition("events", 0)
        reason = ("not JSON", "empty", "because")[offset % 3]
        message = Record(offset, 1_000 + offset, None, b"value %d" % offset, ())
        return message._replace(headers=letter_headers(message, source, "00ff", reason))

    def layouts(self, topics):
        layout = Layout(self.topic_id, (Partition(self.name, 0),))
        return {topic: layout for topic in topics if topic == self.name and self.exists}

    def spans(self, topics):
        return {topic: (self.first, len(self.sizes)) for topic in topics}

    def read(self, topic, first, next_offset, patience_s):
        self.reads.append((first, next_offset))
        if first < self.first:
            raise DataExpired(f"no offset {first}")
        for offset in range(first, next_offset):
            self.on_slab()
            size = self.sizes[offset]
            if size is None:
                yield Slab(offset, offset + 1, (), [], ())
            else:
                self.read_bytes += size
                record = self.record(offset)
                yield Slab(offset, offset + 1, [offset], [record.value], [record], size)

    def fail(self, after):
        """The brokers go away after so many slabs."""
        left = iter(range(after))

        def on_slab():
            if next(left, None) is None:
                raise KafkaUnavailable("away")

        self.on_slab = on_slab
