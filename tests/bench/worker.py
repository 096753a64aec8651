"""One measurement in a process of its own: `python -m tests.bench.worker MODE MESSAGES`, settings from the environment.

Prints one JSON object: rows, wall_s, cpu_s of this process, rss_mib.
"""

from __future__ import annotations

import json
import logging
import random
import resource
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import replace

from clickhouse_driver import Client
from kafka import KafkaConsumer, TopicPartition

from common.codec import Codec
from common.config import Settings, environment
from common.health import Health
from common.kafka_io.clients import Clients
from common.metrics import SinkMetrics
from consumer.start import Clock, build
from tests.bench.stream import POINTS, STREAM, TOPIC, Point

CLOCK = Clock(time.monotonic, time.time, time.sleep, random.random)
DEADLINE_S = 300.0


def partitions(settings: Settings) -> list[TopicPartition]:
    """The partitions of the measured topic."""
    consumer = Clients(settings.kafka, CLOCK.now_s, CLOCK.sleep).consumer(None)
    found = [TopicPartition(TOPIC, number) for number in sorted(consumer.partitions_for_topic(TOPIC) or ())]
    consumer.close()
    return found


def fetch(settings: Settings, messages: int, *, decode: bool) -> Callable[[], int]:
    """Read the topic in slabs, and decode them if asked."""
    consumer = Clients(settings.kafka, CLOCK.now_s, CLOCK.sleep).consumer(None)
    consumer.assign(partitions(settings))
    consumer.seek_to_beginning()
    codec = Codec(Point)

    def work() -> int:
        seen = 0
        values: list[bytes | None] = []
        while seen < messages:
            for slabs in consumer.poll(1000).values():
                for slab in slabs:
                    seen += len(slab)
                    values.extend(slab.values)
            if decode and (len(values) >= 15_000 or seen >= messages):
                codec.decode(values)
                values = []
            elif not decode:
                values = []
        return seen

    return work


def sink(settings: Settings, messages: int) -> Callable[[], int]:
    """The whole exactly-once sink, from an empty group to the last commit."""
    settings = replace(settings, kafka=replace(settings.kafka, group_id=f"bench-{uuid.uuid4().hex}"))
    loop = build(settings, [STREAM], Health(0.0), SinkMetrics(), "bench", CLOCK)

    def work() -> int:
        loop.run(lambda: loop.stored_rows >= messages)
        return loop.stored_rows

    return work


def by_hand(settings: Settings, messages: int) -> Callable[[], int]:
    """What one writes in an afternoon: poll, json.loads, execute a list of dicts, commit. At least once."""
    consumer = KafkaConsumer(
        bootstrap_servers=list(settings.kafka.bootstrap_servers),
        group_id=f"bench-{uuid.uuid4().hex}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=10_000,
    )
    consumer.subscribe([TOPIC])
    client = Client(settings.clickhouse.host, port=settings.clickhouse.port)
    client.execute("DROP TABLE IF EXISTS bench_by_hand")
    client.execute(
        "CREATE TABLE bench_by_hand (number UInt64, step UInt32, value UInt64, timestamp UInt32) "
        "ENGINE = MergeTree ORDER BY (number, step)"
    )

    def work() -> int:
        stored = 0
        rows: list[dict] = []
        while stored < messages:
            for records in consumer.poll(1000).values():
                rows.extend(json.loads(record.value) for record in records)
            if len(rows) >= 100_000 or stored + len(rows) >= messages:
                client.execute("INSERT INTO bench_by_hand VALUES", rows)
                consumer.commit()
                stored, rows = stored + len(rows), []
        return stored

    return work


MODES = {
    "fetch": lambda settings, messages: fetch(settings, messages, decode=False),
    "decode": lambda settings, messages: fetch(settings, messages, decode=True),
    "sink": sink,
    "by hand": by_hand,
}


def main(mode: str, messages: int) -> None:
    """Measure once; joining the group is part of the sink's time, as it is of the hand-written loop's."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    settings = Settings.from_env(environment())
    if mode == "sink":
        Client(settings.clickhouse.host, port=settings.clickhouse.port).execute(
            f"DROP TABLE IF EXISTS {POINTS.name}"
        )
        Client(settings.clickhouse.host, port=settings.clickhouse.port).execute(POINTS.create_statement())
    work = MODES[mode](settings, messages)
    before, started_s = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    rows = work()
    wall_s, after = time.perf_counter() - started_s, resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"rows": rows, "wall_s": wall_s, "cpu_s": cpu_s, "rss_mib": after.ru_maxrss / 1024}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
