"""No message ends a sink or stops its feed: what no row can be made of lies in `.dead`, its neighbours are stored."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from ipaddress import IPv4Address
from typing import Any

import msgspec
import numpy as np
import pytest
from kafka import KafkaConsumer, TopicPartition

from common.model.columns import as_objects
from common.model.stream import Feed, Rows, Stream, Table
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.in_process import InProcessSink
from tests.support.proof import Proof

pytestmark = pytest.mark.timeout(120)

SECRET = "alice@example.org"
DDL = """
CREATE TABLE IF NOT EXISTS {table} (
    n UInt8,
    share Int64,
    total Decimal(18, 2),
    ip IPv4,
    colour Enum8('red' = 1, 'blue' = 2),
    tags Array(String),
    note Nullable(String),
    {address}
) ENGINE = MergeTree ORDER BY n {settings}
"""


class Sale(msgspec.Struct, gc=False):
    """{"n": 7}"""

    n: int
    parts: int = 1
    total: Decimal = Decimal("1.25")
    ip: str = "10.0.0.1"
    colour: str = "red"
    tags: list[Any] = []
    note: str | None = None


class NoOptions(msgspec.Struct):
    """The tests send what they need."""


def rows(sales: Any) -> Rows:
    columns = {name: as_objects([getattr(sale, name) for sale in sales]) for name in Sale.__struct_fields__}
    parts = columns.pop("parts")
    return Rows({**columns, "share": np.array([100 // part for part in parts], np.int64)})


BAD = {
    b'{"n": 1, "parts": 0}': "stream code failed: ZeroDivisionError in the rows of {}",
    b'{"n": 2, "total": "NaN"}': "cannot be encoded: table {}, column total, Decimal(18, 2): not a valid value",
    b'{"n": 3, "total": "1e30"}': "cannot be encoded: table {}, column total, Decimal(18, 2): out of range",
    b'{"n": 4, "ip": "10.0.0.256"}': "cannot be encoded: table {}, column ip, IPv4: not a valid value",
    b'{"n": 256}': "cannot be encoded: table {}, column n, UInt8: out of range",
    b'{"n": 5, "colour": "alice@example.org"}': "not a name of the Enum",
    b'{"n": 6, "tags": ["alice@example.org", 1]}': "column tags, Array(String): wrong type",
    b'{"n": "alice@example.org"}': "wrong type: expected `int`, got `str` - at `$.n`",
    b"[" + b",".join([b'{"n": 8}'] * 11) + b"]": "too large: more than 10 rows (MAX_MESSAGE_ROWS)",
}
GOOD = {
    b'{"n": 0, "total": "9999999999999999.99", "ip": "255.255.255.255"}': (
        (0, 100, Decimal("9999999999999999.99"), IPv4Address("255.255.255.255"), "red", [], None)
    ),
    b'{"n": 255, "total": "-0.01", "parts": 3, "colour": "blue", "tags": ["a", "b"], "note": ""}': (
        (255, 33, Decimal("-0.01"), IPv4Address("10.0.0.1"), "blue", ["a", "b"], "")
    ),
}


@pytest.fixture
def proof(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Proof]:
    with Proof(stack, request.node.name[:60]) as proof:
        yield proof


def stream_of(proof: Proof) -> Stream:
    """A stream of sales, its topic, its dead letters and its table."""
    name = f"{proof.name}_sales"
    feed = Feed(topic=name, event=Sale, tables=(Table(name=name, rows=rows, ddl=DDL),))
    stream = Stream(
        name="sales",
        version=1,
        options=NoOptions,
        generate=lambda rng, options, now_s: iter(()),
        feeds=(feed,),
    )
    topics = [feed.topic, feed.dead_topic]
    proof.admin.create_topics(dict.fromkeys(topics, {"num_partitions": 1, "replication_factor": 3}))
    proof.admin.wait_for_topics(topics, timeout_ms=15_000)
    proof.create_tables(stream)
    return stream


def read_all(stack: Stack, topic: str) -> list[Any]:
    """Every record of a topic with one partition."""
    at = TopicPartition(topic, 0)
    consumer = KafkaConsumer(bootstrap_servers=stack.bootstrap_servers, auto_offset_reset="earliest")
    consumer.assign([at])
    consumer.seek_to_beginning(at)
    end = consumer.end_offsets([at])[at]
    found: list[Any] = []
    while len(found) < end:
        for records in consumer.poll(1000).values():
            found += records
    consumer.close()
    return found


def test_poison_goes_to_the_dead_letters_with_its_reason_and_its_neighbours_are_stored(
    stack: Stack, proof: Proof
) -> None:
    stream = stream_of(proof)
    (feed,) = stream.feeds
    first, last = GOOD
    with InProcessSink(proof, [stream], MAX_MESSAGE_ROWS="10") as sink:
        sink.await_ready()
        for value in [first, *BAD, last]:
            proof.producer.send(feed.topic, value=value)
        proof.producer.flush(timeout=60)
        query = f"SELECT n, share, total, ip, colour, tags, note FROM {feed.topic} ORDER BY n"
        assert wait_until(lambda: len(proof.query(query)) == len(GOOD) or sink.error is not None, 30)
        sink.raise_error()
        assert proof.query(query) == list(GOOD.values())
        assert sink.health.readiness()[0]
    letters = read_all(stack, feed.dead_topic)
    assert [letter.value for letter in letters] == list(BAD)
    for letter in letters:
        reason = dict(letter.headers)["penstock-reason"].decode()
        assert BAD[letter.value].format(feed.topic) in reason
        assert SECRET not in reason
