"""What one writes in an afternoon: poll, json.loads, execute a list of dicts, commit. At least once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from clickhouse_driver import Client
from kafka import KafkaConsumer

from common.settings.config import Settings
from tests.bench.streams import Payload

BLOCK_ROWS = 100_000


def rows_of(payload: Payload, event: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of one message."""
    if payload.name == "readings":
        return [{**event, "t": datetime.fromisoformat(event["t"])}]
    if payload.name != "collatz":
        return [event]
    number, timestamp = event["number"], event["timestamp"]
    return [
        {"number": number, "step": step, "value": value, "timestamp": timestamp}
        for step, value in enumerate(event["walk"])
    ]


def by_hand(settings: Settings, payload: Payload, messages: int) -> Callable[[], None]:
    """The hand-written loop, into a table without address columns."""
    consumer = KafkaConsumer(
        bootstrap_servers=list(settings.kafka.bootstrap_servers),
        group_id=f"bench-{uuid.uuid4().hex}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=10_000 if payload.name != "collatz" else 500,
    )
    consumer.subscribe([payload.feed.topic])
    client = Client(settings.clickhouse.host, port=settings.clickhouse.port)
    table = payload.table.name

    def work() -> None:
        seen, waiting, rows = 0, 0, []
        while seen < messages:
            for records in consumer.poll(1000).values():
                waiting += len(records)
                for record in records:
                    rows.extend(rows_of(payload, json.loads(record.value)))
            if len(rows) >= BLOCK_ROWS or seen + waiting >= messages:
                client.execute(f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES", rows)
                consumer.commit()
                seen, waiting, rows = seen + waiting, 0, []

    return work
