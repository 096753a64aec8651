"""Events into batches: which partition, when due, with what beside them."""

import msgspec

from common.kafka_io.partitioner import partition_of
from common.model.stream import Emission
from producer.batcher import LANE_BYTES, LINGER_S, Lanes


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


def lanes_of(writer, unix_s=1_795_000_000.25):
    return Lanes(writer, HEADERS, lambda: unix_s)


def test_a_batch_is_due_when_its_first_event_has_waited():
    writer = RecordingWriter(1)
    lanes = lanes_of(writer)
    lanes.add(Emission("t", b"k", Event("a")), 0.0)
    lanes.add(Emission("t", b"k", Event("b")), LINGER_S / 2)
    lanes.send_due(LINGER_S * 0.9)
    assert writer.batches == []
    lanes.send_due(LINGER_S)
    assert writer.batches == [
        ("t", 0, [b'{"text":"a"}', b'{"text":"b"}'], 1_795_000_000_250, [b"k", b"k"], [HEADERS, HEADERS])
    ]


def test_a_batch_grows_while_the_one_before_it_is_under_way():
    writer = RecordingWriter(1)
    lanes = lanes_of(writer)
    lanes.add(Emission("t", b"k", Event("a")), 0.0)
    lanes.send_due(1.0)
    writer.sendings[0].is_done = False
    for text in "bcd":
        lanes.add(Emission("t", b"k", Event(text)), 1.0)
        lanes.send_due(100.0)
    assert len(writer.batches) == 1
    writer.sendings[0].is_done = True
    lanes.send_due(100.0)
    assert [len(batch[2]) for batch in writer.batches] == [1, 3]


def test_a_batch_is_due_when_it_is_large():
    writer = RecordingWriter(1)
    lanes = lanes_of(writer)
    for _ in range(3):
        lanes.add(Emission("t", None, Event("x" * (LANE_BYTES // 2))), 0.0)
    assert [len(batch[2]) for batch in writer.batches] == [2]
    lanes.send_all()
    assert [len(batch[2]) for batch in writer.batches] == [2, 1]


def test_keys_decide_the_partition():
    writer = RecordingWriter(5)
    lanes = lanes_of(writer)
    keys = [b"%d" % number for number in range(50)]
    for key in keys:
        lanes.add(Emission("t", key, Event("")), 0.0)
    lanes.send_all()
    assert {key: partition for _, partition, _, _, keys, _ in writer.batches for key in keys} == {
        key: partition_of(key, 5) for key in keys
    }


def test_events_without_a_key_share_a_batch_and_batches_go_round():
    writer = RecordingWriter(3)
    lanes = lanes_of(writer)
    for _ in range(4):
        lanes.add(Emission("t", None, Event("a")), 0.0)
        lanes.add(Emission("t", None, Event("b")), 0.0)
        lanes.send_all()
    assert [(partition, len(values)) for _, partition, values, *_ in writer.batches] == [
        (0, 2),
        (1, 2),
        (2, 2),
        (0, 2),
    ]


def test_a_topic_that_grows_is_used_whole():
    writer = RecordingWriter(1)
    lanes = lanes_of(writer)
    for size in (1, 2, 2, 2):
        writer.size = size
        lanes.add(Emission("t", None, Event("a")), 0.0)
        lanes.send_all()
    assert {partition for _, partition, *_ in writer.batches} == {0, 1}


def test_topics_do_not_mix():
    writer = RecordingWriter(1)
    lanes = lanes_of(writer)
    lanes.add(Emission("a", None, Event("1")), 0.0)
    lanes.add(Emission("b", None, Event("2")), 0.0)
    lanes.send_all()
    assert [(topic, values) for topic, _, values, *_ in writer.batches] == [
        ("a", [b'{"text":"1"}']),
        ("b", [b'{"text":"2"}']),
    ]
