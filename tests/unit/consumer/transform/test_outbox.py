"""What goes out of a place, with transactions that only take notes."""

import pytest

from common.commits.memory import Memory
from common.kafka_io.partitioner import partition_of
from common.model.reasons import Kind, Reason
from common.model.record import MissingRecord, Partition, Record
from common.model.topics import DEAD_LETTER_EXTRA_BYTES
from common.model.transform import Each
from consumer.transform import outbox as module
from consumer.transform.each import EachWork
from consumer.transform.outbox import Outbox
from consumer.transform.place import BadMessage, Named, Place
from consumer.transform.work import Outputs
from tests.unit.consumer.transform.material import FRESH, UP, Visit

HERE = Partition("visits", 5)
COPY = Each(
    name="copy", source="visits", event=Visit, target="copies", make=lambda event, timestamp_ms: event
)
HEADERS = [("content-type", b"application/json")]


class Notes:
    """Notes what is sent."""

    def __init__(self):
        self.sent = []

    def send(self, topic, partition, values, *, keys, timestamp_ms, headers):
        headers = list(headers)
        assert len(values) == len(keys) == len(headers)
        self.sent.append((topic, partition, values, keys, timestamp_ms, headers))


def place(*outputs, dead=(), target_partitions=4):
    memory = Memory(transform="visits.copy", topic="00ff", sizes=(8, target_partitions), read=0)
    named = Named(COPY, "visits.copy", HEADERS)
    work = EachWork(COPY, FRESH, 1000)
    made = Place(named, HERE, "00ff", UP, work, memory, 0, None)
    made.outputs += outputs
    made.dead += dead
    return made


def sent(here, notes=None, outbox=None):
    notes = notes or Notes()
    (outbox or Outbox(notes, lambda: 5.0)).send(here)
    return notes.sent


def source(text):
    return [*HEADERS, ("penstock-source", UP + text)]


def bad(size=3, offset=9):
    return BadMessage(
        Record(offset, 77, b"key", b"x" * size, (("trace", b"t"),)), Reason(Kind.NOT_JSON, "at 1")
    )


def test_outputs_without_keys_go_to_the_partition_of_the_same_number():
    outputs = Outputs([b"a", b"b"], None, [10, 20], [7, 7], [0, 1])
    assert sent(place(outputs, target_partitions=8)) == [
        ("copies", 5, [b"a", b"b"], [None, None], [10, 20], [source(b":7:0"), source(b":7:1")])
    ]


def test_a_target_of_fewer_partitions_is_gone_round():
    ((_, partition, *_),) = sent(place(Outputs([b"a"], None, [10], [7], [0])))
    assert partition == 1


def test_outputs_with_keys_go_where_every_kafka_client_would_send_them():
    keys = [b"%d" % number for number in range(20)]
    outputs = Outputs([b"v" + key for key in keys], keys, list(range(20)), list(range(20)), [0] * 20)
    found = {}
    for topic, partition, values, of_part, times, headers in sent(place(outputs)):
        assert topic == "copies"
        assert values == [b"v" + key for key in of_part]
        assert [b"%d" % time for time in times] == of_part
        assert headers == [source(b":%s:0" % key) for key in of_part]
        found |= dict.fromkeys(of_part, partition)
    assert found == {key: partition_of(key, 4) for key in keys}


def test_equal_keys_stay_in_order():
    outputs = Outputs([b"1", b"2", b"3"], [b"k"] * 3, [0] * 3, [1, 2, 3], [0] * 3)
    ((_, _, values, *_),) = sent(place(outputs))
    assert values == [b"1", b"2", b"3"]


def test_keys_that_are_too_many_to_remember_go_to_the_same_places(monkeypatch):
    monkeypatch.setattr(module, "KNOWN_KEYS", 2)
    notes = Notes()
    outbox = Outbox(notes, lambda: 5.0)
    keys = [b"a", b"b", b"c", b"d", b"a"]
    for key in keys:
        sent(place(Outputs([b"v"], [key], [0], [0], [0])), notes, outbox)
    assert [partition for _, partition, *_ in notes.sent] == [partition_of(key, 4) for key in keys]


def test_one_outbox_serves_targets_of_different_sizes():
    notes = Notes()
    outbox = Outbox(notes, lambda: 5.0)
    for size in (4, 1, 7):
        sent(place(Outputs([b"v"], [b"key"], [0], [0], [0]), target_partitions=size), notes, outbox)
    assert [partition for _, partition, *_ in notes.sent] == [
        partition_of(b"key", size) for size in (4, 1, 7)
    ]


def test_a_place_that_has_made_nothing_sends_nothing():
    assert sent(place()) == []
    assert sent(place(Outputs(keys=[]), Outputs())) == []


def test_outputs_of_a_transaction_travel_together_in_the_order_in_which_they_were_made():
    runs = [Outputs([b"%d" % n], None, [n], [n], [0]) for n in range(100)]
    assert sent(place(*runs, target_partitions=8)) == [
        (
            "copies",
            5,
            [b"%d" % n for n in range(100)],
            [None] * 100,
            [*range(100)],
            [source(b":%d:0" % n) for n in range(100)],
        )
    ]


def test_outputs_with_keys_and_counts_travel_together_too():
    runs = [Outputs([b"v"], [b"k"], [n], [n], [0], [b"%d:0" % n]) for n in range(3)]
    ((_, _, _, keys, times, headers),) = sent(place(*runs, Outputs(keys=[], counted=[])))
    assert (keys, times) == ([b"k"] * 3, [0, 1, 2])
    assert headers == [[*source(b":%d:0" % n), ("penstock-counted", b"%d:0" % n)] for n in range(3)]


def test_outputs_that_do_not_fit_together_are_a_mistake_of_the_programmer():
    with pytest.raises(ValueError, match="zip"):
        sent(place(Outputs([b"1", b"2"], [b"k"], [0, 0], [1, 1], [0, 1])))


def test_a_bad_message_goes_to_the_dead_letter_topic_as_it_came_with_its_address():
    ((topic, partition, values, keys, time_ms, (headers,)),) = sent(place(dead=[bad()]))
    assert (topic, partition, values, keys, time_ms) == ("visits.dead", 0, [b"xxx"], [b"key"], 5000)
    assert headers == [
        ("trace", b"t"),
        ("penstock-reason", b"not JSON: at 1"),
        ("penstock-topic", b"visits"),
        ("penstock-topic-id", b"00ff"),
        ("penstock-partition", b"5"),
        ("penstock-offset", b"9"),
        ("penstock-time", b"77"),
        ("penstock-by", b"visits.copy"),
    ]


def test_a_topic_that_does_not_take_large_letters_gets_them_without_their_message():
    notes = Notes()
    outbox = Outbox(notes, lambda: 5.0)
    assert outbox.shorten("visits.dead")
    assert not outbox.shorten("visits.dead")
    ((_, _, values, keys, _, (large, small)),) = sent(
        place(dead=[bad(DEAD_LETTER_EXTRA_BYTES), bad(3)]), notes, outbox
    )
    assert (values, keys) == ([None, b"xxx"], [None, b"key"])
    assert dict(large)["penstock-offset"] == b"9"
    assert "penstock-note" in dict(large)
    assert "penstock-note" not in dict(small)
    assert not isinstance(bad().record, MissingRecord)


def test_letters_to_other_topics_keep_their_messages():
    notes = Notes()
    outbox = Outbox(notes, lambda: 5.0)
    outbox.shorten("other.dead")
    ((_, _, values, *_),) = sent(place(dead=[bad(DEAD_LETTER_EXTRA_BYTES)]), notes, outbox)
    assert len(values[0]) == DEAD_LETTER_EXTRA_BYTES
