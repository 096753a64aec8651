"""Where a Tail begins, and what it makes of the client's errors."""

import pytest
from kafka import TopicPartition
from kafka.errors import (
    KafkaTimeoutError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    UnsupportedVersionError,
)

from common.errors import KafkaDenied, KafkaRefused, KafkaUnavailable
from common.kafka_io.tail import Tail
from common.model.record import Slab

TPS = [TopicPartition("counts", 0), TopicPartition("counts", 1)]


class FakeConsumer:
    """Two partitions, of offsets 90 to 100 and 0 to 1000; polls do what the test says, one after the other."""

    def __init__(self):
        self.positions, self.polls = {}, []
        self.numbers = {1, 0}

    def partitions_for_topic(self, topic):
        return self.numbers

    def beginning_offsets(self, tps):
        return dict(zip(tps, (90, 0), strict=True))

    def end_offsets(self, tps):
        return dict(zip(tps, (100, 1000), strict=True))

    def assign(self, tps):
        self.positions = dict.fromkeys(tps)

    def seek(self, tp, offset):
        self.positions[tp] = offset

    def position(self, tp):
        return self.positions[tp]

    def poll(self, timeout_ms):
        done = self.polls.pop(0)
        if isinstance(done, Exception):
            raise done
        return done


@pytest.fixture
def consumer():
    return FakeConsumer()


def test_it_begins_so_far_before_the_ends_but_not_before_what_there_is(consumer):
    Tail(consumer, "counts", 50)
    assert consumer.positions == {TPS[0]: 90, TPS[1]: 950}


def test_it_has_caught_up_when_all_is_read_that_was_there(consumer):
    tail = Tail(consumer, "counts", 50)
    consumer.positions[TPS[0]] = 100
    assert not tail.has_caught_up
    consumer.positions[TPS[1]] = 1003
    assert tail.has_caught_up


def test_the_slabs_of_all_partitions_are_given(consumer):
    slabs = [Slab(90, 95, [90], [b"a"], ()), Slab(950, 951, [950], [b"b"], ()), Slab(951, 952, [], [], ())]
    consumer.polls = [{TPS[0]: slabs[:1], TPS[1]: slabs[1:]}]
    assert Tail(consumer, "counts", 50).poll(0.1) == slabs


def test_where_retention_was_faster_it_begins_anew(consumer):
    tail = Tail(consumer, "counts", 50)
    consumer.positions[TPS[0]] = 3
    consumer.polls = [OffsetOutOfRangeError({TPS[0]: 3})]
    assert tail.poll(0.1) == []
    assert consumer.positions[TPS[0]] == 90


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KafkaTimeoutError("no"), KafkaUnavailable),
        (TopicAuthorizationFailedError({"counts"}), KafkaDenied),
        (UnsupportedVersionError("no"), KafkaRefused),
    ],
)
def test_errors_of_the_client_are_told_as_ours(consumer, error, told):
    tail = Tail(consumer, "counts", 50)
    consumer.polls = [error]
    with pytest.raises(told, match="reading counts"):
        tail.poll(0.1)


def test_a_missing_topic_is_told_with_the_command_that_creates_it(consumer):
    consumer.numbers = None
    with pytest.raises(KafkaRefused, match="there is no topic counts: create it: python -m common.topics"):
        Tail(consumer, "counts", 50)
