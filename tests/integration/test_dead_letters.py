"""Dead letters on real brokers: they arrive as they came, many in one go, and a refusal is told."""

import random
import time

import pytest
from kafka import KafkaConsumer, TopicPartition

from common.kafka_io.clients import Clients
from common.kafka_io.dead_letters import DeadLetters
from common.kafka_io.format.encode import SealedRecords
from common.kafka_io.writer import Delivery
from common.model.record import Partition, Record
from common.settings.config import Settings
from infra.local.waiting import wait_until
from tests.support.pipeline import Pipeline
from tests.unit.common.kafka_io.fetches import CODECS, wild_batch

NOW_MS = round(time.time() * 1000)
YEAR_MS = 365 * 86_400_000


@pytest.fixture
def pipeline(stack, request):
    with Pipeline(stack, request.node.name) as pipeline:
        pipeline.create_topics()
        yield pipeline


@pytest.fixture
def letters(stack):
    clients = Clients(Settings.from_env(stack.environment()).kafka, time.monotonic, time.sleep)
    letters = DeadLetters(clients.dead_letter_writer, time.time)
    yield letters
    letters.close(5.0)


def read_all(stack, topic):
    consumer = KafkaConsumer(bootstrap_servers=stack.bootstrap_servers, auto_offset_reset="earliest")
    tp = TopicPartition(topic, 0)
    consumer.assign([tp])
    consumer.seek_to_beginning(tp)
    end = consumer.end_offsets([tp])[tp]
    found = []
    while len(found) < end:
        for records in consumer.poll(1000).values():
            found += records
    consumer.close()
    return found


def send(letters, pipeline, records, dead_topic=None):
    source = Partition(pipeline.topic, 3)
    sent = [
        letters.send(record, source, "00ff", "because", dead_topic or pipeline.dead_topic)
        for record in records
    ]
    wait_until(lambda: all(letter.is_acknowledged or letter.error for letter in sent), 30)
    return sent


def test_letters_keep_bytes_key_and_headers_and_gain_their_address(stack, pipeline, letters):
    odd = [
        Record(7, NOW_MS, None, None, []),
        Record(8, NOW_MS, b"key", b"\xff\x00", [("h", b"\xfe"), ("none", None)]),
        Record(9, NOW_MS, b"", b"", [("penstock-reason", b"of an earlier pipeline")]),
    ]
    assert all(letter.is_acknowledged for letter in send(letters, pipeline, odd))
    found = read_all(stack, pipeline.dead_topic)
    assert [(record.key, record.value) for record in found] == [(record.key, record.value) for record in odd]
    for record, original in zip(found, odd, strict=True):
        assert record.headers[: len(original.headers)] == list(original.headers)
        assert dict(record.headers[len(original.headers) :]) == {
            "penstock-reason": b"because",
            "penstock-topic": pipeline.topic.encode(),
            "penstock-topic-id": b"00ff",
            "penstock-partition": b"3",
            "penstock-offset": b"%d" % original.offset,
            "penstock-time": b"%d" % NOW_MS,
            "penstock-by": b"sink",
        }


def test_thousands_of_letters_travel_together(stack, pipeline, letters):
    rng = random.Random(1)
    many = [Record(n, NOW_MS, b"%d" % n, rng.randbytes(200), []) for n in range(20_000)]
    assert all(letter.is_acknowledged for letter in send(letters, pipeline, many))
    assert [record.key for record in read_all(stack, pipeline.dead_topic)] == [record.key for record in many]


def test_many_letters_fit_into_a_topic_of_small_messages(stack, pipeline, letters):
    pipeline.change_topic(pipeline.dead_topic, **{"max.message.bytes": str(1024 + 65_536)})
    rng = random.Random(2)
    many = [Record(n, NOW_MS, None, rng.randbytes(1000), []) for n in range(500)]
    assert all(letter.is_acknowledged for letter in send(letters, pipeline, many))
    assert [record.value for record in read_all(stack, pipeline.dead_topic)] == [each.value for each in many]


def test_a_letter_of_a_message_from_next_year_is_taken(stack, pipeline, letters):
    record = Record(7, NOW_MS + YEAR_MS, None, b"bad", [])
    (letter,) = send(letters, pipeline, [record])
    assert letter.is_acknowledged, letter.error
    (found,) = read_all(stack, pipeline.dead_topic)
    assert dict(found.headers)["penstock-time"] == b"%d" % record.timestamp_ms
    assert abs(found.timestamp - NOW_MS) < 3_600_000


def wild_messages():
    """Bad messages, each in a batch of its own, as clients in other languages can write them."""
    times_ms = (NOW_MS + YEAR_MS, NOW_MS + YEAR_MS)
    name = [(b"trace-\xff", b"\x00\xff"), (b"", None)]
    yield wild_batch(0, [(0, 0, b"\xfe", b"{not json", name)], times_ms=times_ms)
    large = [(0, 0, b"key", b" " * (2 << 20), [(b"h", b"v")])]
    yield wild_batch(0, large, times_ms=times_ms, codec=CODECS["gzip"])


@pytest.mark.parametrize("time_of_letters", ["CreateTime", "LogAppendTime"])
def test_bad_messages_of_any_client_become_dead_letters_of_the_sink(stack, request, time_of_letters):
    clients = Clients(Settings.from_env(stack.environment()).kafka, time.monotonic, time.sleep)
    with Pipeline(stack, request.node.name) as pipeline:
        pipeline.create_topics(**{"message.timestamp.after.max.ms": str(2 * YEAR_MS)})
        pipeline.change_topic(pipeline.dead_topic, **{"message.timestamp.type": time_of_letters})
        pipeline.migrate()
        writer = clients.dead_letter_writer()
        writer.partitions(pipeline.topic)
        for raw in wild_messages():
            delivery = Delivery(1)
            writer._hand_over(TopicPartition(pipeline.topic, 0), SealedRecords(bytearray(raw), 1), delivery)
            assert writer.flush(10.0) and delivery.error is None
        writer.close(5.0)
        pipeline.produce(1, 10)
        pipeline.sink(MAX_UNPACKED_BYTES="1MiB")
        audit = pipeline.audit(wait_s=30)
        assert (audit.totals["dead"], audit.totals["missing"], audit.totals["messages"]) == (2, 0, 10), audit
        bad, large = read_all(stack, pipeline.dead_topic)
    assert (bad.key, bad.value) == (b"\xfe", b"{not json")
    assert bad.headers[:2] == [("trace-?", b"\x00\xff"), ("", None)]
    assert b"UTF-8" in dict(bad.headers)["penstock-note"]
    assert (large.key, large.value) == (None, None)
    assert (
        dict(large.headers)["penstock-reason"]
        == b"too large: unpacks to more than 1,048,576 bytes (MAX_UNPACKED_BYTES)"
    )
    assert b"not in this letter" in dict(large.headers)["penstock-note"]
    assert {dict(letter.headers)["penstock-time"] for letter in (bad, large)} == {b"%d" % (NOW_MS + YEAR_MS)}


def test_a_message_that_its_dead_letter_topic_does_not_take_is_left_out_of_its_letter(
    pipeline, letters, stack
):
    topic = f"{pipeline.topic}.narrow"
    layout = {"num_partitions": 1, "replication_factor": 3, "configs": {"max.message.bytes": "70000"}}
    pipeline.admin.create_topics({topic: layout})
    pipeline.admin.wait_for_topics([topic], timeout_ms=15_000)
    small, large = (
        Record(at, NOW_MS, None, random.Random(1).randbytes(size), []) for at, size in ((1, 9), (2, 300_000))
    )
    sent = send(letters, pipeline, [small, large], dead_topic=topic)
    assert [(letter.is_acknowledged, letter.error) for letter in sent] == [(True, None)] * 2
    found = {dict(record.headers)["penstock-offset"]: record for record in read_all(stack, topic)}
    assert (found[b"1"].value, found[b"2"].value) == (small.value, None)
    assert b"not in this letter" in dict(found[b"2"].headers)["penstock-note"]


def test_a_letter_that_is_refused_says_why_and_later_ones_are_sent_all_the_same(pipeline, letters):
    record = Record(1, NOW_MS, None, b"x", [])
    (refused,) = send(letters, pipeline, [record], dead_topic="no.such.topic")
    assert not refused.is_acknowledged
    assert "no.such.topic" in refused.error
    (sent,) = send(letters, pipeline, [record])
    assert sent.is_acknowledged
