"""Events into batches: which partition, when due, with what beside them."""

import msgspec

from common.kafka_io.partitioner import partition_of
from common.model.stream import Emission
from producer.batcher import LINGER_S, WAITING_BYTES, Batcher


class Event(msgspec.Struct):
    text: str


class Sending:
    is_done = True


class RecordingWriter:
    def __init__(self, partitions):
        self.size = partitions
        self.batches = []
        self.sendings = []

    def partitions(self, topic):
        return self.size

    def send(self, topic, partition, values, *, timestamp_ms, keys, headers):
        self.batches.append((topic, partition, values, timestamp_ms, keys, headers))
        self.sendings.append(Sending())
        return self.sendings[-1]


HEADERS = [("stream", b"test")]


def batcher_of(writer, unix_s=1_795_000_000.25):
    return Batcher(writer, HEADERS, lambda: unix_s)


def test_a_batch_is_due_when_its_first_event_has_waited():
    writer = RecordingWriter(1)
    batcher = batcher_of(writer)
    batcher.add(Emission("t", b"k", Event("a")), 0.0)
    batcher.add(Emission("t", b"k", Event("b")), LINGER_S / 2)
    batcher.send_due(LINGER_S * 0.9)
    assert writer.batches == []
    batcher.send_due(LINGER_S)
    assert writer.batches == [
        ("t", 0, [b'{"text":"a"}', b'{"text":"b"}'], 1_795_000_000_250, [b"k", b"k"], [HEADERS, HEADERS])
    ]


def test_a_batch_grows_while_the_one_before_it_is_under_way():
    writer = RecordingWriter(1)
    batcher = batcher_of(writer)
    batcher.add(Emission("t", b"k", Event("a")), 0.0)
    batcher.send_due(1.0)
    writer.sendings[0].is_done = False
    for text in "bcd":
        batcher.add(Emission("t", b"k", Event(text)), 1.0)
        batcher.send_due(100.0)
    assert len(writer.batches) == 1
    writer.sendings[0].is_done = True
    batcher.send_due(100.0)
    assert [len(batch[2]) for batch in writer.batches] == [1, 3]


def test_a_batch_is_due_when_it_is_large():
    writer = RecordingWriter(1)
    batcher = batcher_of(writer)
    for _ in range(3):
        batcher.add(Emission("t", None, Event("x" * (WAITING_BYTES // 2))), 0.0)
    assert [len(batch[2]) for batch in writer.batches] == [2]
    batcher.send_all()
    assert [len(batch[2]) for batch in writer.batches] == [2, 1]


def test_keys_decide_the_partition():
    writer = RecordingWriter(5)
    batcher = batcher_of(writer)
    keys = [b"%d" % number for number in range(50)]
    for key in keys:
        batcher.add(Emission("t", key, Event("")), 0.0)
    batcher.send_all()
    assert {key: partition for _, partition, _, _, keys, _ in writer.batches for key in keys} == {
        key: partition_of(key, 5) for key in keys
    }


def test_events_without_a_key_share_a_batch_and_batches_go_round():
    writer = RecordingWriter(3)
    batcher = batcher_of(writer)
    for _ in range(4):
        batcher.add(Emission("t", None, Event("a")), 0.0)
        batcher.add(Emission("t", None, Event("b")), 0.0)
        batcher.send_all()
    assert [(partition, len(values)) for _, partition, values, *_ in writer.batches] == [
        (0, 2),
        (1, 2),
        (2, 2),
        (0, 2),
    ]


def test_a_topic_that_grows_is_used_whole():
    writer = RecordingWriter(1)
    batcher = batcher_of(writer)
    for size in (1, 2, 2, 2):
        writer.size = size
        batcher.add(Emission("t", None, Event("a")), 0.0)
        batcher.send_all()
    assert {partition for _, partition, *_ in writer.batches} == {0, 1}


def test_topics_do_not_mix():
    writer = RecordingWriter(1)
    batcher = batcher_of(writer)
    batcher.add(Emission("a", None, Event("1")), 0.0)
    batcher.add(Emission("b", None, Event("2")), 0.0)
    batcher.send_all()
    assert [(topic, values) for topic, _, values, *_ in writer.batches] == [
        ("a", [b'{"text":"1"}']),
        ("b", [b'{"text":"2"}']),
    ]
