"""Topics of other people, as stream files with derived tables: what they send is stored value for value, or dead."""

from __future__ import annotations

import json
import random
import struct
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
import pytest
from kafka import KafkaProducer

from common.model.derive import Column, Computed, table
from common.model.stream import Feed, Stream
from tests.support.in_process import InProcessSink
from tests.support.proof import Proof

MESSAGES = 3_000
CODECS = (None, "gzip", "snappy", "lz4", "zstd")
START = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)


# Readings of devices


class Reading(msgspec.Struct, gc=False):
    device: Annotated[str, Column("LowCardinality(String)")]
    t: Annotated[str, Column("DateTime64(6,'UTC')")]
    temp: Annotated[float, Column("Float32")]
    tags: dict[str, str]
    ip: Annotated[str, Column("IPv4")]
    seq: Annotated[int, Column("UInt64")]
    hum: Annotated[float | None, Column("Nullable(Float32)")] = None


def reading(rng, n):
    at = START + timedelta(microseconds=n * 1_234_567)
    sent = {
        "device": f"d-{n % 20}",
        "t": at.astimezone().isoformat(),
        "temp": rng.choice([21.5, -0.0, 21.1, 3.4e38]),
        "hum": rng.choice([None, 40.25]),
        "tags": {"site": rng.choice(["a", "ä 🌊"]), "": str(n)},
        "ip": f"10.{n % 256}.0.{n % 7}",
        "seq": 2**64 - 1 - n,
        "unknown": [1, {}],
    }
    row = (sent["device"], at, sent["temp"], sent["tags"], sent["ip"], sent["seq"], sent["hum"])
    return sent, [row]


BAD_READINGS = [
    {"ip": "10.0.0.256"},
    {"t": "2026-11-01T12:34:56"},
    {"t": "2026-11-01T12:34:56.1234567Z"},
    {"temp": 1e39},
    {"temp": None},
    {"seq": 2**64},
    {"seq": "1"},
    {"seq": 1.0},
    {"tags": {"a": 1}},
    {"device": None},
]


# Orders and their lines


class Line(msgspec.Struct, gc=False):
    sku: str
    qty: Annotated[int, Column("UInt16")]
    price: Annotated[Decimal, Column("Decimal(18,2)")]


class Customer(msgspec.Struct, gc=False):
    email: str | None = None


class Order(msgspec.Struct, gc=False):
    order_id: uuid.UUID
    customer: Customer
    lines: list[Line]
    total: Annotated[Decimal, Column("Decimal(18,2)")]
    currency: Annotated[str, Column("LowCardinality(String)")]
    ts: Annotated[int, Column("DateTime64(3, 'UTC')", unit="ms")]
    status: Annotated[Literal["NEW", "PAID"], Column("Enum8('NEW'=1,'PAID'=2)")]


def order(rng, n):
    lines = [
        {
            "sku": f"s{i}",
            "qty": rng.randrange(65_536),
            "price": f"{rng.randrange(10**6)}.{rng.randrange(100):02}",
        }
        for i in range(rng.randrange(1, 4))
    ]
    at = START + timedelta(milliseconds=n)
    sent = {
        "order_id": str(uuid.UUID(int=n)),
        "customer": rng.choice([{"email": None}, {"email": "a@b.se"}, {}]),
        "lines": lines,
        "total": "-0.01",
        "currency": "EUR",
        "ts": round(at.timestamp() * 1000),
        "status": rng.choice(["NEW", "PAID"]),
    }
    head = (uuid.UUID(int=n), sent["customer"].get("email"), Decimal("-0.01"), "EUR", at, sent["status"])
    return (
        sent,
        [head],
        [(uuid.UUID(int=n), i, x["sku"], x["qty"], Decimal(x["price"])) for i, x in enumerate(lines)],
    )


BAD_ORDERS = [
    {"total": "12.345"},
    {"total": "NaN"},
    {"total": "1e30"},
    {"order_id": "no uuid"},
    {"status": "LOST"},
    {"ts": 10**15},
    {"lines": [{"sku": "a", "qty": 65_536, "price": "1"}]},
    {"lines": [{"sku": "a", "qty": 1, "price": "1.999"}]},
]


# Events of a code host


class Actor(msgspec.Struct, gc=False):
    login: str


class Repo(msgspec.Struct, gc=False):
    name: str


class Event(msgspec.Struct, gc=False):
    id: str
    type: Annotated[str, Column("LowCardinality(String)", comment="as GitHub calls it, 'a, b' included")]
    actor: Actor
    repo: Repo
    payload: msgspec.Raw
    public: bool
    created_at: Annotated[datetime, Column("DateTime('UTC')")]
    org: Actor | None = None


def gh(rng, n):
    payload = {"commits": [{"sha": f"{n:x}"}], "size": n, "text": "é\n"}
    at = START + timedelta(seconds=n)
    sent = {
        "id": str(n),
        "type": rng.choice(["PushEvent", "WatchEvent"]),
        "actor": {"id": 1, "login": f"user{n % 9}"},
        "repo": {"id": 2, "name": "a/b"},
        "payload": payload,
        "public": bool(n % 2),
        "created_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if n % 3:
        sent["org"] = {"login": "o"}
    org = "o" if n % 3 else None
    text = json.dumps(payload, ensure_ascii=False)
    return sent, [(str(n), sent["type"], f"user{n % 9}", "a/b", text, bool(n % 2), at, org, n)]


BAD_EVENTS = [
    {"created_at": "1969-12-31T23:59:59Z"},
    {"created_at": "2026-11-01T12:34:60Z"},
    {"created_at": "2200-01-01T00:00:00Z"},
    {"actor": {}},
    {"public": 1},
    {"id": "x"},
]


def streams(name):
    """Each topic's stream, what a message of it is, its bad ones, and its tables in the order of their rows."""
    readings = table(Reading, name=f"{name}_readings", order_by="(device, t)", partition_by="toYYYYMM(t)")
    orders = table(Order, name=f"{name}_orders", order_by="order_id")
    lines = table(
        Order,
        name=f"{name}_lines",
        order_by="(order_id, line)",
        each="lines",
        carry=("order_id",),
        index="line",
    )
    number = {"number": Computed("UInt64", lambda events: [int(event.id) for event in events])}
    events = table(Event, name=f"{name}_events", order_by="(type, created_at)", computed=number)
    return {
        "readings": (Reading, (readings,), reading, BAD_READINGS),
        "orders": (Order, (orders, lines), order, BAD_ORDERS),
        "events": (Event, (events,), gh, BAD_EVENTS),
    }


COLUMNS = {
    "readings": "device, t, temp, tags, toString(ip), seq, hum",
    "orders": "order_id, customer_email, total, currency, ts, status",
    "lines": "order_id, line, sku, qty, price",
    "events": "id, type, actor_login, repo_name, payload, public, created_at, org_login, number",
}


@pytest.fixture
def foreign(stack, request):
    with Proof(stack, request.node.name[:40], partitions=3) as proof:
        proof.environment |= {"BATCH_ROWS": "700"}
        yield proof


def send(proof, make, bad):
    """Foreign messages in five codecs, bad ones among them; returns what is to be in each table."""
    rng, wanted = random.Random(5), None
    producers = [
        KafkaProducer(bootstrap_servers=proof.stack.bootstrap_servers, compression_type=codec, linger_ms=5)
        for codec in CODECS
    ]
    for n in range(MESSAGES):
        sent, *rows = make(rng, n)
        wanted = [[*before, *new] for before, new in zip(wanted or [[] for _ in rows], rows, strict=True)]
        key = [None, b"\xff\x00", b"k"][n % 3]
        producers[n % 5].send(proof.topic, json.dumps(sent, ensure_ascii=False).encode(), key=key)
        if n % (MESSAGES // len(bad)) == 7:
            changed = bad[n // (MESSAGES // len(bad)) % len(bad)]
            producers[n % 5].send(proof.topic, json.dumps(sent | changed).encode())
    for producer in producers:
        producer.flush(30)
        producer.close()
    return wanted


@pytest.mark.parametrize("name", ["readings", "orders", "events"])
def test_what_a_foreign_producer_sends_is_stored_value_for_value_or_dead(foreign, name):
    event, tables, make, bad = streams(foreign.name)[name]
    stream = Stream(name=name, version=1, feeds=(Feed(topic=foreign.topic, event=event, tables=tables),))
    foreign.create_tables(stream)
    wanted = send(foreign, make, bad)
    with InProcessSink(foreign, [stream]) as sink:
        foreign.await_consumed(60)
    assert sink.metrics.registry.get_sample_value("penstock_sink_rows_total", {"feed": foreign.topic}) == sum(
        map(len, wanted)
    )
    for made, rows in zip(tables, wanted, strict=True):
        columns = COLUMNS[made.name.rpartition("_")[2]]
        found = foreign.clickhouse.execute(f"SELECT {columns} FROM `{made.name}`")
        assert sorted(map(repr, map(as_stored, found))) == sorted(map(repr, map(as_stored, rows)))
    dead = [sample for family in sink.metrics.dead_letters.collect() for sample in family.samples]
    assert sum(sample.value for sample in dead if sample.name.endswith("_total")) == len(bad)


def as_stored(row):
    """Floats as Float32 has them, decimals with two digits, times as seconds."""
    return tuple(map(_as_stored, row))


def _as_stored(value):
    if isinstance(value, float):
        return struct.unpack("f", struct.pack("f", value))
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return value.timestamp() if isinstance(value, datetime) else value
