"""What readers of dead letters ask, of which partition, how far letters unpack, and how a missing right is told."""

import uuid
from types import SimpleNamespace

import pytest
from kafka.errors import TopicAuthorizationFailedError

from common.errors import DataExpired, KafkaDenied, KafkaUnavailable
from common.kafka_io.letter_topics import LETTER_EXTRA_BYTES, LetterTopics
from common.model.record import Layout, Partition, Slab

SLABS = [Slab(3, 4, [3], [b"a"], ()), Slab(4, 5, [], [], ())]


def layout(topic, *numbers):
    return Layout(uuid.UUID(int=1), tuple(Partition(topic, number) for number in numbers))


class Reader:
    """Gives SLABS, or raises what it is told to behind the first."""

    def __init__(self, error=None):
        self.error, self.asked = error, []

    def read(self, *where, limit_bytes):
        self.asked.append((*where, limit_bytes))
        yield SLABS[0]
        if self.error:
            raise self.error
        yield SLABS[1]


def topics(reader=None, layouts=None):
    overview = SimpleNamespace(
        layouts=lambda names: {name: layouts[name] for name in names if name in layouts},
        first_offsets=lambda partitions: dict.fromkeys(partitions, 3),
        end_offsets=lambda partitions: dict.fromkeys(partitions, 9),
    )
    return LetterTopics(overview, reader, 64 << 20)


def test_a_topic_without_the_partition_of_letters_is_none():
    known = {"a.dead": layout("a.dead", 0), "b.dead": layout("b.dead", 1), "c.dead": layout("c.dead", 0, 1)}
    assert set(topics(layouts=known).layouts(["a.dead", "b.dead", "c.dead", "d.dead"])) == {
        "a.dead",
        "c.dead",
    }


def test_spans_are_of_the_partition_of_letters():
    assert topics().spans(["a.dead", "b.dead"]) == {"a.dead": (3, 9), "b.dead": (3, 9)}


def test_letters_unpack_a_little_further_than_messages():
    reader = Reader()
    assert list(topics(reader).read("a.dead", 3, 5, 2.0)) == SLABS
    assert reader.asked == [("a.dead", 0, 3, 5, 2.0, (64 << 20) + LETTER_EXTRA_BYTES)]


def unavailable(cause):
    error = KafkaUnavailable("reading failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (unavailable(TopicAuthorizationFailedError({"a.dead"})), KafkaDenied),
        (unavailable(None), KafkaUnavailable),
        (DataExpired("gone"), DataExpired),
    ],
)
def test_a_right_that_is_missing_is_told_from_brokers_that_are_away(error, told):
    found = topics(Reader(error)).read("a.dead", 3, 5, 2.0)
    assert next(found) is SLABS[0]
    with pytest.raises(told) as caught:
        next(found)
    assert type(caught.value) is told
