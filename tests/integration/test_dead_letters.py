"""Dead letters on real brokers: they arrive as they came, many in one go, and a refusal is told."""

import random
import time

import pytest
from kafka import KafkaConsumer, TopicPartition

from common.config import Settings
from common.kafka_io.clients import Clients
from common.kafka_io.dead_letters import DeadLetters
from common.slab import Partition, Record
from infra.local.waiting import wait_until
from tests.integration.pipeline import Pipeline

NOW_MS = round(time.time() * 1000)


@pytest.fixture
def pipeline(stack, request):
    with Pipeline(stack, request.node.name) as pipeline:
        pipeline.create_topics()
        yield pipeline


@pytest.fixture
def letters(stack):
    clients = Clients(Settings.from_env(stack.environment()).kafka, time.monotonic, time.sleep)
    letters = DeadLetters(clients.dead_letter_writer)
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
        }


def test_thousands_of_letters_travel_together(stack, pipeline, letters):
    rng = random.Random(1)
    many = [Record(n, NOW_MS, b"%d" % n, rng.randbytes(200), []) for n in range(20_000)]
    assert all(letter.is_acknowledged for letter in send(letters, pipeline, many))
    assert [record.key for record in read_all(stack, pipeline.dead_topic)] == [record.key for record in many]


def test_a_letter_that_is_refused_says_why_and_later_ones_are_sent_all_the_same(pipeline, letters):
    record = Record(1, NOW_MS, None, b"x", [])
    (refused,) = send(letters, pipeline, [record], dead_topic="no.such.topic")
    assert not refused.is_acknowledged
    assert "no.such.topic" in refused.error
    (sent,) = send(letters, pipeline, [record])
    assert sent.is_acknowledged
