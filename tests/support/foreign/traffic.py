"""What foreign producers send to the three topics, the rows that it makes, and why the bad ones make none."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

START = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)
Row = tuple[Any, ...]


class Sent(NamedTuple):
    """An event as JSON has it, and its rows in each table, as `COLUMNS` of its topic reads them."""

    event: dict[str, Any]
    rows: Sequence[Sequence[Row]]


class Bad(NamedTuple):
    """What makes an event bad: fields that differ, and what the reason must say."""

    changes: dict[str, Any]
    says: str


def json_of(event: Any) -> bytes:
    """As most programs write it."""
    return json.dumps(event, ensure_ascii=False).encode()


def reading(rng: random.Random, n: int) -> Sent:
    """A measurement; its time has a zone, and there is a field more than the stream knows."""
    at = START + timedelta(microseconds=n * 1_234_567)
    event: dict[str, Any] = {
        "device": f"d-{n % 20}",
        "t": (at + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S.%f+02:00"),
        "temp": rng.choice([21.5, -0.0, 21.1, 3.4e38, 1e-45]),
        "hum": rng.choice([None, 40.25]),
        "tags": {"site": rng.choice(["a", "ä 🌊"]), "": str(n)},
        "ip": f"10.{n % 256}.0.{n % 7}",
        "seq": 2**64 - 1 - n,
        "unknown": [1, {}],
    }
    shown = at.strftime("%Y-%m-%d %H:%M:%S.%f")
    temperature = float(np.float32(event["temp"]))
    row = (event["device"], shown, temperature, event["tags"], event["ip"], event["seq"], event["hum"])
    return Sent(event, [[row]])


def order(rng: random.Random, n: int) -> Sent:
    """An order of one to three lines."""
    lines = [
        {
            "sku": f"s{i}",
            "qty": rng.randrange(65_536),
            "price": f"{rng.randrange(10**6)}.{rng.randrange(100):02}",
        }
        for i in range(rng.randrange(1, 4))
    ]
    at = START + timedelta(milliseconds=n)
    event: dict[str, Any] = {
        "order_id": str(uuid.UUID(int=n)),
        "customer": rng.choice([{"email": None}, {"email": "a@b.se"}, {}]),
        "lines": lines,
        "total": rng.choice(["-0.01", "9999999999999999.99", "0.00"]),
        "currency": "EUR",
        "ts": round(at.timestamp() * 1000),
        "status": rng.choice(["NEW", "PAID"]),
    }
    key, email = uuid.UUID(int=n), event["customer"].get("email")
    shown = at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    head = (key, email, event["total"], "EUR", shown, event["status"])
    return Sent(event, [[head], [(key, i, x["sku"], x["qty"], x["price"]) for i, x in enumerate(lines)]])


def happening(rng: random.Random, n: int) -> Sent:
    """Something that happened at a code host."""
    payload = {"commits": [{"sha": f"{n:x}"}], "size": n, "text": 'é\n"'}
    at = START + timedelta(seconds=n)
    event: dict[str, Any] = {
        "id": str(n),
        "type": rng.choice(["PushEvent", "WatchEvent"]),
        "actor": {"id": 1, "login": f"user{n % 9}"},
        "repo": {"id": 2, "name": "a/b"},
        "payload": payload,
        "public": bool(n % 2),
        "created_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    } | ({"org": {"login": "o"}} if n % 3 else {})
    text, shown = json_of(payload).decode(), at.strftime("%Y-%m-%d %H:%M:%S")
    row = (str(n), event["type"], f"user{n % 9}", "a/b", text, bool(n % 2), shown, "o" if n % 3 else None, n)
    return Sent(event, [[row]])


COLUMNS = {
    "readings": "device, toString(t), toFloat64(temp), tags, toString(ip), seq, hum",
    "orders": "order_id, customer_email, toDecimalString(total, 2), currency, toString(ts), status",
    "order_lines": "order_id, line, sku, qty, toDecimalString(price, 2)",
    "events": "id, type, actor_login, repo_name, payload, public, toString(created_at), org_login, number",
}
BAD = {
    "readings": [
        Bad({"ip": "10.0.0.256"}, "column ip, IPv4: not a value of that type"),
        Bad({"t": "2026-11-01T12:34:56"}, "column t, DateTime64(6,'UTC'): not a value of that type"),
        Bad({"t": "2026-11-01T12:34:56.1234567Z"}, "column t, DateTime64(6,'UTC'): not a value of that type"),
        Bad({"t": "1899-12-31T23:59:59Z"}, "column t, DateTime64(6,'UTC'): out of range"),
        Bad({"temp": 1e39}, "column temp, Float32: out of range"),
        Bad({"temp": None}, "expected `float`, got `null` - at `$.temp`"),
        Bad({"seq": 2**64}, "column seq, UInt64: out of range"),
        Bad({"seq": -1}, "column seq, UInt64: out of range"),
        Bad({"seq": "1"}, "expected `int`, got `str` - at `$.seq`"),
        Bad({"seq": 1.0}, "expected `int`, got `float` - at `$.seq`"),
        Bad({"tags": {"a": 1}}, "expected `str`, got `int` - at `$.tags"),
        Bad({"device": None}, "expected `str`, got `null` - at `$.device`"),
    ],
    "orders": [
        Bad({"total": "12.345"}, "column total, Decimal(18,2): not a value of that type"),
        Bad({"total": "NaN"}, "column total, Decimal(18,2)"),
        Bad({"total": "1e30"}, "column total, Decimal(18,2): out of range"),
        Bad({"total": "1" + "0" * 16}, "column total, Decimal(18,2): out of range"),
        Bad({"order_id": "no uuid"}, "invalid UUID - at `$.order_id`"),
        Bad({"status": "LOST"}, "at `$.status`"),
        Bad({"ts": 10**15}, "column ts, DateTime64(3, 'UTC'): out of range"),
        Bad({"lines": [{"sku": "a", "qty": 65_536, "price": "1"}]}, "column qty, UInt16: out of range"),
        Bad({"lines": [{"sku": "a", "qty": 1, "price": "1.999"}]}, "column price, Decimal(18,2)"),
        Bad({"lines": [{"sku": "a", "qty": 1}]}, "`price`"),
    ],
    "events": [
        Bad({"created_at": "1969-12-31T23:59:59Z"}, "column created_at, DateTime('UTC'): out of range"),
        Bad({"created_at": "2026-11-01T12:34:60Z"}, "at `$.created_at`"),
        Bad({"created_at": "2026-11-01T12:34:56.5Z"}, "column created_at, DateTime('UTC')"),
        Bad({"created_at": "2200-01-01T00:00:00Z"}, "column created_at, DateTime('UTC'): out of range"),
        Bad({"actor": {}}, "missing field: `login` - at `$.actor`"),
        Bad({"public": 1}, "expected `bool`, got `int` - at `$.public`"),
        Bad({"id": "x"}, "column number, UInt64"),
        Bad({"id": str(2**64)}, "column number, UInt64: out of range"),
    ],
}
SPOILT = {
    b"": "empty",
    b"no JSON": "not JSON",
    b"[]": "empty array",
    b"{}": "missing field",
    b'[{"a": 1}, 2, "x", null, []]': "at `$[0]`",
    b'{"a": "\xff"}': "not UTF-8",
    None: "tombstone",
}
"""Values of no event at all."""
