"""The sink on real servers: what goes in right, what is bad and goes to the dead-letter topic, and an orderly stop."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from common.kafka_io.writer import connect_writer
from common.model.codec import encode
from common.model.record import Partition
from common.streams.collatz import Walk, walk_of
from infra.local.ports import pick_free
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.in_process import CLOCK, InProcessSink
from tests.support.pipeline import TIMESTAMP_MS, walk
from tests.support.proof import Proof

pytestmark = pytest.mark.timeout(120)
LARGEST_BYTES = 8 << 20
HEADERS = [("stream", b"collatz"), ("empty", None)]
OURS = ("reason", "topic", "topic-id", "partition", "offset", "time", "by")


def test_stores_every_event_once_and_ends_within_ten_seconds_of_SIGTERM(stack, request):
    port = pick_free().http
    with Proof(stack, request.node.name[:60], partitions=4) as proof:
        sink = proof.sink(HTTP_PORT=str(port), BATCH_ROWS="20000")
        with proof.load():
            proof.await_more(10_000)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=10) as answer:
                assert json.load(answer)["ready"] is True
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                assert b"penstock" in answer.read()
            asked_s = time.monotonic()
            assert sink.stop() == 0
            assert time.monotonic() - asked_s < 10
            proof.sink()
            proof.await_more(10_000)
        proof.check()


def test_a_sink_learns_from_what_it_reads_where_the_log_ends(stack, request):
    with Proof(stack, request.node.name[:60]) as proof:
        proof.produce(1, 20)
        sink = InProcessSink(proof)
        with sink:
            proof.await_consumed()
            lane = sink.sink.lanes.get(Partition(proof.topic, 0))
            assert lane.log_end == lane.committed == 20


def test_transaction_markers_and_aborted_records_are_passed_and_leave_no_lag(stack, request):
    with Proof(stack, request.node.name[:60]) as proof:
        options = {"bootstrap_servers": stack.bootstrap_servers, "retry_backoff_ms": 10}
        producer = KafkaProducer(transactional_id=proof.name, **options)
        producer.init_transactions()
        for first, commit in ((1, True), (101, False), (201, True), (301, False)):
            producer.begin_transaction()
            for number in range(first, first + 50):
                producer.send(proof.topic, walk(number))
            producer.flush(timeout=10)
            producer.commit_transaction() if commit else producer.abort_transaction()
        producer.close()
        proof.acknowledged = [*range(1, 51), *range(201, 251)]
        with InProcessSink(proof):
            proof.check()
            assert proof.committed() == {0: 4 * 50 + 4}


# What a message may be


def a_walk(**changes: Any) -> bytes:
    fields = {"number": 6, "walk": walk_of(6), "timestamp": TIMESTAMP_MS} | changes
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


BAD: dict[str, bytes | None] = {
    "not JSON": b"number=6",
    "not UTF-8": walk(6).replace(b"{", b'{"note":"\xff\xfe",', 1),
    "a number": b"6",
    "an empty array": b"[]",
    "nothing": b"",
    "a tombstone": None,
    "a missing field": a_walk(timestamp=None),
    "a wrong type": a_walk(number="6"),
    "NaN": walk(6).replace(b'"number":6', b'"number":NaN'),
    "1e400": walk(6).replace(b'"number":6', b'"number":1e400'),
    "negative": a_walk(number=-6),
    "above 128 bits": a_walk(walk=[6, 2**128, 1]),
    "1 MB of nesting": b"[" * (1 << 20),
    "cut in the middle": walk(6)[:-5],
    "an array with one bad event": b"[" + walk(6) + b"," + a_walk(number=0) + b"," + walk(7) + b"]",
    "huge": b'{"number":' + b"9" * (5 << 20) + b"}",
    "not a walk": a_walk(walk=[5, 1]),
}
HUGE_WALK = [9_000_001, *[2**127] * 100_000, 1]
GOOD: dict[str, tuple[bytes, dict[int, int]]] = {  # value, number → rows
    "an unknown field": (
        encode(Walk(1001, walk_of(1001), TIMESTAMP_MS)).replace(b"{", b'{"extra":[1,{}],', 1),
        {1001: len(walk_of(1001))},
    ),
    "an array": (b"[" + walk(1002) + b"," + walk(1003) + b"]", {n: len(walk_of(n)) for n in (1002, 1003)}),
    "space": (b" \n" + walk(1004) + b"\n", {1004: len(walk_of(1004))}),
    "128 bits": (a_walk(number=1005, walk=[1005, 2**128 - 1, 1]), {1005: 3}),
    "several MB": (encode(Walk(9_000_001, HUGE_WALK, TIMESTAMP_MS)), {9_000_001: len(HUGE_WALK)}),
}
CODECS = (None, "gzip", "snappy", "lz4", "zstd")


class Mixed:
    """What became of a topic in which good and bad messages of all kinds lie between each other."""

    def __init__(self, proof: Proof) -> None:
        self.proof = proof
        self.offsets: dict[str, int] = {}
        self.rows: dict[int, int] = {}
        self.codecs: dict[str, int] = {}
        self.dead_records: dict[bytes, Any] = {}

    def send(self) -> None:
        """Send all of it, a good neighbour before each bad message."""
        options = {"bootstrap_servers": self.proof.stack.bootstrap_servers, "max_request_size": LARGEST_BYTES}
        producer = KafkaProducer(**options)
        kafka = self.proof.settings.kafka
        writer = connect_writer(kafka, max_message_bytes=LARGEST_BYTES, now_s=CLOCK.now_s, sleep=CLOCK.sleep)
        for index, (name, value) in enumerate(BAD.items()):
            number = 100 + index
            neighbour = producer.send(self.proof.topic, value=walk(number)).get(timeout=20)
            self.rows[number] = len(walk_of(number))
            writer.send(
                self.proof.topic,
                0,
                [value],
                timestamp_ms=TIMESTAMP_MS,
                keys=[name.encode()],
                headers=[list(HEADERS)],
            )
            assert (
                writer.flush(20) and not writer.failed
            )  # kafka-python's own send() takes no header without a value
            self.offsets[name] = neighbour.offset + 1
        writer.close(5)
        for value, rows in GOOD.values():
            self._send_good(producer, value, rows)
        producer.close()
        for index, codec in enumerate(CODECS):
            number = 2001 + index
            try:
                foreign = KafkaProducer(**options, compression_type=codec)
            except AssertionError:
                continue  # its library is not there
            self._send_good(foreign, walk(number), {number: len(walk_of(number))})
            self.codecs[str(codec)] = number
            foreign.close()

    def _send_good(self, producer: KafkaProducer, value: bytes, rows: dict[int, int]) -> None:
        producer.send(self.proof.topic, value=value).get(timeout=20)
        self.rows |= rows

    def dead(self) -> dict[bytes, Any]:
        """Key → record of the dead-letter topic."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.proof.stack.bootstrap_servers,
            max_partition_fetch_bytes=2 * LARGEST_BYTES,
            fetch_max_bytes=4 * LARGEST_BYTES,
        )
        at = TopicPartition(self.proof.dead_topic, 0)
        consumer.assign([at])
        consumer.seek_to_beginning()
        end, found = consumer.end_offsets([at])[at], {}

        def read() -> bool:
            for records in consumer.poll(200).values():
                found.update({record.key: record for record in records})
            return bool(consumer.position(at, timeout_ms=5_000) >= end)

        assert wait_until(read, 20)
        consumer.close()
        return found


@pytest.fixture(scope="module")
def mixed(stack: Stack) -> Iterator[Mixed]:
    with Proof(stack, "sink_mixed", 1, **{"max.message.bytes": str(LARGEST_BYTES)}) as proof:
        mixed = Mixed(proof)
        with InProcessSink(proof) as sink:
            mixed.send()
            proof.await_consumed(60)
            mixed.dead_records = mixed.dead()
            assert sink.health.readiness()[0]
        yield mixed


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_message_goes_to_the_dead_letter_topic_as_it_came(mixed, kind):
    record = mixed.dead_records[kind.encode()]
    assert record.value == BAD[kind]
    headers = dict(record.headers)
    assert list(record.headers[:2]) == HEADERS
    assert set(headers) == {"stream", "empty", *(f"penstock-{name}" for name in OURS)}
    assert headers["penstock-reason"]
    assert headers["penstock-topic"] == mixed.proof.topic.encode()
    assert headers["penstock-topic-id"] == mixed.proof.topic_id.hex.encode()
    assert headers["penstock-partition"] == b"0"
    assert int(headers["penstock-offset"]) == mixed.offsets[kind]
    assert int(headers["penstock-time"]) == TIMESTAMP_MS


def test_bad_messages_leave_their_good_neighbours_alone(mixed):
    assert set(mixed.dead_records) == {kind.encode() for kind in BAD}
    found = mixed.proof.query("SELECT number, count() FROM {table} GROUP BY number ORDER BY number")
    assert found == sorted(mixed.rows.items())


@pytest.mark.parametrize("kind", GOOD)
def test_stores_an_unusual_message(mixed, kind):
    for number, rows in GOOD[kind][1].items():
        sql = f"SELECT count(), uniqExact(step), max(step) FROM {{table}} WHERE number = {number}"
        assert mixed.proof.query(sql) == [(rows, rows, rows - 1)]


def test_values_are_exact_up_to_128_bits(mixed):
    assert mixed.proof.query("SELECT value FROM {table} WHERE number = 1005 AND step = 1") == [(2**128 - 1,)]


@pytest.mark.parametrize("codec", CODECS)
def test_stores_what_a_foreign_producer_compressed_and_sent_without_headers(mixed, codec):
    if str(codec) not in mixed.codecs:
        pytest.skip(f"the library for {codec} is not installed")
    number = mixed.codecs[str(codec)]
    assert mixed.proof.query(f"SELECT count() FROM {{table}} WHERE number = {number}") == [
        (len(walk_of(number)),)
    ]


def test_audit_counts_dead_letters_as_dead_and_nothing_as_missing(mixed):
    audit = mixed.proof.audit(wait_s=30)
    assert audit.exit_code == 0, audit
    assert (audit.totals["dead"], audit.totals["missing"], audit.totals["repeated"]) == (len(BAD), 0, 0)
