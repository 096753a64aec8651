import uuid

import pytest

from common.commits.memory import Memory
from common.commits.transform_position import look_at_transforms
from common.model.ranges import Committed
from common.model.record import Layout, Partition
from common.streams import STREAMS

TOPIC = uuid.UUID(int=7)
SOURCE = Partition("dominate", 0)
(CLASSIFY,) = STREAMS["ratings"].transforms


class Brokers:
    def __init__(self, commits, first=0, end=100):
        self.commits, self.first, self.end = commits, first, end

    def committed(self, group):
        return self.commits

    def layouts(self, topics):
        return {topic: Layout(TOPIC, (Partition(topic, 0),)) for topic in topics}

    def first_offsets(self, partitions):
        return dict.fromkeys(partitions, self.first)

    def end_offsets(self, partitions):
        return dict.fromkeys(partitions, self.end)


def memory(read, topic=TOPIC):
    return Memory(transform="ratings.classify", topic=topic.hex, sizes=(1, 1), read=read).encode("")


def look(committed, **log):
    commits = {SOURCE: committed} if committed else {}
    (position,) = look_at_transforms(Brokers(commits, **log), "g-transform", [CLASSIFY])["dominate"]
    return position


@pytest.mark.parametrize(
    ("committed", "log", "lag", "state"),
    [
        (None, {}, 100, "nothing committed"),
        (None, {"first": 40}, 60, "nothing committed"),
        (Committed(60, memory(60)), {}, 40, "lagging"),
        (Committed(100, memory(100)), {}, 0, "all done"),
        (Committed(60, memory(100)), {}, 0, "windows are open since offset 60"),
        (Committed(60, memory(100)), {"first": 70}, 0, "parked: retention has deleted offsets 60 to 70"),
        (Committed(60, ""), {}, 40, "set by another tool"),
        (Committed(60, memory(60, uuid.UUID(int=8))), {}, 100, "nothing committed"),
    ],
)
def test_lag_counts_from_how_far_a_transform_has_read(committed, log, lag, state):
    position = look(committed, **log)
    assert (position.lag, position.state[: len(state)]) == (lag, state)


def test_without_transforms_their_group_is_not_asked_for():
    assert look_at_transforms(None, "g-transform", []) == {}  # there are no brokers to ask
