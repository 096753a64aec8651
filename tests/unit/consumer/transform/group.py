"""A group that says what a test wants, and transforms of its topic."""

from common.commits.memory import Memory
from common.model.ranges import Committed
from common.model.record import Partition
from common.model.transform import Each, Histogram
from tests.unit.consumer.material import TOPIC_ID
from tests.unit.consumer.transform.material import Visit

FIRST, SECOND = Partition("visits", 0), Partition("visits", 1)
COPY = Each(
    name="copy", source="visits", event=Visit, target="copies", make=lambda event, timestamp_ms: event
)
HISTOGRAM = Histogram(
    name="bins",
    source="visits",
    event=Visit,
    target="hist",
    values=lambda events: [event.time for event in events],
    low=0.0,
    high=1.0,
    bins=4,
    make=lambda counts, so_far: Visit("", 0),
)


class Group:
    """What is assigned and committed, and where logs start and end (0 and 1,000)."""

    def __init__(self, committed, sizes=None):
        self.offsets = committed
        self.firsts, self.ends = dict.fromkeys(committed, 0), dict.fromkeys(committed, 1000)
        self.sizes = sizes or {"visits": 2, "copies": 2, "counts": 1, "hist": 2}
        self.elsewhere, self.sought, self.id = {}, {}, TOPIC_ID

    def read_assignment(self):
        return dict(self.offsets)

    def read_committed(self, partitions):
        return {at: (self.offsets | self.elsewhere).get(at) for at in partitions}

    def assigned(self):
        return list(self.offsets)

    def size_of(self, topic):
        return self.sizes.get(topic, 1 if topic.endswith(".dead") else 0)

    def topic_id(self, topic):
        return self.id

    def first_offsets(self, partitions):
        return {at: self.firsts[at] for at in partitions}

    def end_offsets(self, partitions):
        return {at: self.ends[at] for at in partitions}

    def seek(self, partition, offset):
        self.sought[partition] = offset


def memory(read, kind=COPY, **changes):
    stated = {"transform": f"visits.{kind.name}", "topic": TOPIC_ID.hex, "sizes": (2, 2), "read": read}
    return Memory(**stated | changes)


def at(offset, read=None, kind=COPY, **changes):
    return Committed(offset, memory(offset if read is None else read, kind, **changes).encode("here"))
