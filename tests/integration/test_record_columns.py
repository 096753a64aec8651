"""Key, timestamp, headers and place of foreign records in columns: what a stock consumer reads is what is stored."""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from kafka import KafkaConsumer, TopicPartition

from common.kafka_io.format.encode import SealedRecords
from common.model.columns import one_row_each
from common.model.derive import table
from common.model.record_columns import Headers, Key, Offset, PartitionNumber, Timestamp, Topic
from common.model.stream import Feed, Stream, Table
from consumer.commands.audit import run
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.chaos import wire
from tests.support.in_process import CLOCK, InProcessSink, before
from tests.support.proof import Proof
from tests.unit.common.kafka_io.fetches import CODECS, wild_batch

pytestmark = pytest.mark.timeout(120)

MESSAGES, MESSAGES_A_BATCH = 1_200, 10
PARTITIONS = 2
KEYS = (None, b"", b"plain", "schlüssel".encode(), b"\xff\x00\xfe")
HEADERS: list[list[tuple[bytes, bytes | None]]] = [
    [],
    [(b"trace", b"1")],
    [(b"a", b"1"), (b"a", None), (b"a", b"1"), ("ä".encode(), b"\xff\x00"), (b"", b"")],
    [(b"long", b"x" * 300), (b"none", None)],
]
TIMES_MS = (-2_208_988_800_000, -2, 0, 1, 1_700_000_000_123, 10_413_791_999_999)
NONE_MS, AFTER_2299_MS = -1, 10_413_792_000_000
ANY_TIME = {
    "retention.ms": "-1",
    "message.timestamp.type": "CreateTime",
    "message.timestamp.after.max.ms": str(2**63 - 1),
}
BROKERS_TIME = {"message.timestamp.type": "LogAppendTime"}
EVERYTHING = {
    "key": Key(),
    "sent": Timestamp(),
    "headers": Headers(),
    "topic": Topic(),
    "number": PartitionNumber(),
    "place": Offset(),
}
STAMPED_DDL = """
CREATE TABLE {table} (
    n UInt64,
    key String,
    sent DateTime64(6, 'UTC'),
    headers Array(Tuple(String, Nullable(String))),
    topic String,
    number UInt16,
    place Int64,
    {address}
) ENGINE = MergeTree ORDER BY (number, place) {settings}
"""
SHOWN = "hex(key), toUnixTimestamp64Milli(sent), arrayMap(h -> (hex(h.1), hex(h.2)), headers), topic, number, place"


class Line(msgspec.Struct, gc=False):
    sku: str


class Order(msgspec.Struct, gc=False):
    n: int
    lines: list[Line] = []


class Died(Exception):
    """In place of SIGKILL."""


@pytest.fixture
def proof(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Proof]:
    with Proof(stack, request.node.name[:30], partitions=PARTITIONS, **ANY_TIME) as proof:
        proof.environment |= {"BATCH_ROWS": "400"}
        yield proof


def stream_of(proof: Proof) -> Stream:
    """Orders and their lines of one topic, in derived tables; of a topic with times of the broker, one by hand."""
    orders = table(Order, name=f"{proof.name}_orders", order_by="(topic, place)", record=EVERYTHING)
    lines = table(
        Order, name=f"{proof.name}_lines", order_by="n", each="lines", carry=("n",), record=EVERYTHING
    )
    stamped = Table(
        name=f"{proof.name}_stamped", ddl=STAMPED_DDL, rows=one_row_each(n="u8"), record=EVERYTHING
    )
    other = Feed(topic=f"{proof.name}_stamped", event=Order, tables=(stamped,))
    layout = {"num_partitions": PARTITIONS, "replication_factor": 3}
    proof.admin.create_topics({other.topic: layout | {"configs": BROKERS_TIME}, other.dead_topic: layout})
    proof.admin.wait_for_topics([other.topic, other.dead_topic], timeout_ms=15_000)
    feed = Feed(topic=proof.topic, event=Order, tables=(orders, lines))
    stream = Stream(name="orders", version=1, feeds=(feed, other))
    proof.create_tables(stream)
    return stream


def send(proof: Proof, topic: str, first: int) -> None:
    """Batches of all codecs: one event a message, or several; events of no line, or several."""
    rng, answers = random.Random(first), []
    assert proof.producer.partitions_for(topic) == set(range(PARTITIONS))
    for n in range(first, first + MESSAGES, MESSAGES_A_BATCH):
        records = [record_of(rng, n, index) for index in range(MESSAGES_A_BATCH)]
        raw = wild_batch(0, records, codec=rng.choice(list(CODECS.values())), times_ms=(0, max(TIMES_MS)))
        sealed = SealedRecords(bytearray(raw), MESSAGES_A_BATCH)
        at = TopicPartition(topic, rng.randrange(PARTITIONS))
        wire.send(proof.producer, at, sealed, lambda offset, error: answers.append(error))
    assert wait_until(lambda: len(answers) == MESSAGES // MESSAGES_A_BATCH, 30)
    assert set(answers) == {None}


def record_of(rng: random.Random, n: int, index: int) -> tuple[Any, ...]:
    """The record at that index of a batch whose times count from 1970."""
    events = [
        {"n": 100 * (n + index) + at, "lines": [{"sku": f"s{line}"} for line in range(rng.randrange(4))]}
        for at in range(rng.choice([1, 1, 1, 5]))
    ]
    value = json.dumps(events if len(events) > 1 else events[0]).encode()
    timestamp_ms = rng.choice([NONE_MS, AFTER_2299_MS] if rng.random() < 0.02 else TIMES_MS)
    return index, timestamp_ms, rng.choice(KEYS), value, rng.choice(HEADERS)


def read_all(proof: Proof, topic: str) -> list[Any]:
    """Every record, as kafka-python itself gives it."""
    consumer = KafkaConsumer(bootstrap_servers=proof.stack.bootstrap_servers)
    every = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    consumer.assign(every)
    consumer.seek_to_beginning(*every)
    found: list[Any] = []
    left = sum(consumer.end_offsets(every).values())
    for _ in range(60):
        if len(found) == left:
            break
        for records in consumer.poll(1000).values():
            found += records
    consumer.close()
    assert len(found) == left
    return found


def shown(record: Any) -> tuple[Any, ...]:
    """What a record says, as SHOWN shows it."""
    headers = [(name.encode().hex().upper(), text(value)) for name, value in record.headers]
    return text(record.key), record.timestamp, headers, record.topic, record.partition, record.offset


def text(value: bytes | None) -> str | None:
    return None if value is None else value.hex().upper()


def rows_of(records: list[Any]) -> tuple[list[Any], list[Any]]:
    """The rows of orders and of lines."""
    orders: list[Any] = []
    lines: list[Any] = []
    for record in records:
        events = json.loads(record.value)
        for event in events if isinstance(events, list) else [events]:
            orders.append((event["n"], *shown(record)))
            lines += [(event["n"], line["sku"], *shown(record)) for line in event["lines"]]
    return orders, lines


def is_dead(record: Any, *, needs_key: bool) -> bool:
    return record.timestamp in (NONE_MS, AFTER_2299_MS) or (needs_key and record.key is None)


def killed_between_two_tables(proof: Proof, stream: Stream) -> int:
    """Rows of the orders that a sink has stored, which ended before it could store their lines."""
    orders, lines = stream.feeds[0].tables
    sink = InProcessSink(proof, [stream])

    def die_at_lines(name: str, columns: Any, **how: str) -> None:
        if name == lines.name:
            raise Died

    before(sink.store, "insert", die_at_lines)
    sink.start()
    assert isinstance(sink.await_error(), Died)
    sink.stop()
    return int(proof.query(f"SELECT count() FROM `{orders.name}`")[0][0])


def test_columns_of_the_record_hold_what_a_stock_consumer_reads_also_in_a_range_that_was_rebuilt(
    proof: Proof, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = stream_of(proof)
    feed, other = stream.feeds
    for each in stream.feeds:
        send(proof, each.topic, 0)
    assert killed_between_two_tables(proof, stream) > 0
    assert any(standing[1].next for number in range(PARTITIONS) if (standing := proof.standing(number)))
    with InProcessSink(proof, [stream]) as sink:
        sink.await_ready()
        send(proof, feed.topic, MESSAGES)
        assert run(sink.settings, [stream], argparse.Namespace(json=True, wait=60.0, every=None), CLOCK) == 0
    sent, stamped = read_all(proof, feed.topic), read_all(proof, other.topic)
    assert {record.timestamp for record in sent} == {*TIMES_MS, NONE_MS, AFTER_2299_MS}
    assert not {record.timestamp for record in stamped} & {*TIMES_MS}

    orders, lines = rows_of([record for record in sent if not is_dead(record, needs_key=False)])
    by_hand, _ = rows_of([record for record in stamped if not is_dead(record, needs_key=True)])
    first, second, third = feed.tables + other.tables
    assert found(proof, f"SELECT n, {SHOWN} FROM `{first.name}`") == in_order(orders)
    assert found(proof, f"SELECT n, sku, {SHOWN} FROM `{second.name}`") == in_order(lines)
    microseconds = SHOWN.replace("Milli(sent)", "Micro(sent)")
    assert found(proof, f"SELECT n, {microseconds} FROM `{third.name}`") == in_order(
        [(n, key, sent_ms * 1000, *rest) for n, key, sent_ms, *rest in by_hand]
    )
    report = json.loads(capsys.readouterr().out)
    assert (report["missing"], report["repeated"]) == (0, 0)
    totals = report["streams"]["orders"]
    assert totals["rows"] == len(orders) + len(lines) + len(by_hand)
    assert totals["dead"] == len(sent) + len(stamped) - totals["messages"] > 0


def found(proof: Proof, sql: str) -> list[str]:
    return in_order(proof.query(sql))


def in_order(rows: list[Any]) -> list[str]:
    return sorted(map(repr, rows))


def test_names_of_headers_may_be_any_bytes(proof: Proof) -> None:
    stream = stream_of(proof)
    feed, _ = stream.feeds
    assert proof.producer.partitions_for(feed.topic)
    answers: list[Exception | None] = []
    raw = wild_batch(0, [(0, 5, b"k", b'{"n": 1}', [(b"trace-\xff", None), (b"\xed\xa0\x80", b"")])])
    wire.send(
        proof.producer,
        TopicPartition(feed.topic, 0),
        SealedRecords(bytearray(raw), 1),
        lambda offset, error: answers.append(error),
    )
    assert wait_until(lambda: answers == [None], 30)
    with InProcessSink(proof, [stream]) as sink:
        sink.await_ready()
        proof.await_consumed()
    names = proof.query(f"SELECT arrayMap(h -> hex(h.name), headers) FROM `{feed.tables[0].name}`")
    assert names == [(["74726163652DFF", "EDA080"],)]


def test_a_record_that_does_not_fit_its_column_is_a_dead_letter_that_names_column_and_type(
    proof: Proof,
) -> None:
    stream = stream_of(proof)
    feed, other = stream.feeds
    for timestamp_ms in (NONE_MS, AFTER_2299_MS, 5):
        proof.producer.send(feed.topic, b'{"n": 1}', key=b"k", timestamp_ms=timestamp_ms, partition=0)
    proof.producer.send(other.topic, b'{"n": 1}', partition=0)
    proof.producer.flush(30)
    with InProcessSink(proof, [stream]) as sink:
        sink.await_ready()
        assert run(sink.settings, [stream], argparse.Namespace(json=True, wait=60.0, every=None), CLOCK) == 0
    reasons = [
        dict(letter.headers)["penstock-reason"].decode()
        for topic in (feed.dead_topic, other.dead_topic)
        for letter in read_all(proof, topic)
    ]
    assert reasons == [
        f"cannot be encoded: table {proof.name}_orders, column sent, DateTime64(3, 'UTC'): the record has none",
        f"cannot be encoded: table {proof.name}_orders, column sent, DateTime64(3, 'UTC'): out of range",
        f"cannot be encoded: table {proof.name}_stamped, column key, String: the record has none",
    ]
