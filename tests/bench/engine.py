"""A peer: ClickHouse's own Kafka engine, on a server of its own, of the same build as the stack's.

Kafka-engine table → materialized view → MergeTree. At least once; a row has no address.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from common.model.ddl import stated_columns
from common.model.stream import Table
from infra.local.clickhouse import ClickHouse
from infra.local.ports import pick_free
from infra.local.probes import http_query
from infra.local.waiting import wait_until
from tests.bench.processes import cpu_s, rss_mib
from tests.bench.sinks import plain_table
from tests.bench.streams import Payload

DEADLINE_S, ANSWER_S, APPEARS_S = 120.0, 30.0, 10.0
FLUSH_MS = 1_000
"""Its default is 7,500; this is the sink's BATCH_AGE_S."""


class Queue(NamedTuple):
    """The columns of a Kafka-engine table, and what the view selects from it."""

    columns: str
    select: str


WALKS = Queue(
    "number UInt64, walk Array(UInt128), timestamp UInt64",
    "SELECT number, toUInt32(at - 1) AS step, value, fromUnixTimestamp64Milli(timestamp) AS timestamp "
    "FROM queue ARRAY JOIN walk AS value, arrayEnumerate(walk) AS at",
)


def queue_of(payload: Payload, table: Table) -> Queue:
    """What the engine reads of a payload, and how rows are made of it."""
    if payload.name == "collatz":
        return WALKS
    columns = ", ".join(f"{name} {kind}" for name, kind in stated_columns(table).items())
    return Queue(columns, "SELECT * FROM queue")


class Engine:
    """A running server."""

    def __init__(self, server: ClickHouse, http: int, bootstrap_servers: str) -> None:
        self._server, self._http, self._bootstrap_servers = server, http, bootstrap_servers

    def ask(self, sql: str) -> str:
        """The answer to a query. OSError when it is refused."""
        return http_query(self._http, sql, ANSWER_S).decode().strip()

    def measure(self, payload: Payload, rows: int, partitions: int) -> dict[str, float]:
        """From the view's creation until so many rows are in, or more; all CPU is ClickHouse's."""
        table, pid = plain_table(payload.table), self._server.pid or 0
        queue, consumers = queue_of(payload, table), min(partitions, os.cpu_count() or 1)
        self._drop()
        self.ask(table.ddl.format(table="target").replace("IF NOT EXISTS ", ""))
        self._create(
            "queue",
            f"CREATE TABLE queue ({queue.columns}) ENGINE = Kafka SETTINGS "
            f"kafka_broker_list = '{self._bootstrap_servers}', kafka_topic_list = '{payload.feed.topic}', "
            f"kafka_group_name = 'bench-engine-{uuid.uuid4().hex}', kafka_format = 'JSONEachRow', "
            f"kafka_flush_interval_ms = {FLUSH_MS}, kafka_num_consumers = {consumers}, "
            "date_time_input_format = 'best_effort'",
        )
        before_s, started_s = cpu_s(pid), time.perf_counter()
        self._create("filler", f"CREATE MATERIALIZED VIEW filler TO target AS {queue.select}")
        count = lambda: int(self.ask("SELECT count() FROM target"))  # noqa: E731
        if not wait_until(lambda: count() >= rows, DEADLINE_S):
            raise SystemExit(f"the Kafka engine stored {count()} of {rows} rows within {DEADLINE_S:g} s")
        found = count()
        wall_s, used_s, rss = time.perf_counter() - started_s, cpu_s(pid) - before_s, rss_mib(pid)
        self._drop()
        return {"rows": found, "wall_s": wall_s, "cpu_s": 0.0, "clickhouse_cpu_s": used_s, "rss_mib": rss}

    def _create(self, name: str, sql: str) -> None:
        """This build may answer "Shutdown was called" and create it all the same."""
        refusal = ""
        try:
            self.ask(sql)
        except OSError as error:
            refusal = str(error)
        if not wait_until(lambda: self.ask(f"EXISTS TABLE {name}") == "1", APPEARS_S):
            raise SystemExit(f"the Kafka engine has no {name}: {refusal}")

    def _drop(self) -> None:
        for name in ("filler", "queue", "target"):
            with suppress(OSError):
                self.ask(f"DROP TABLE IF EXISTS {name} SYNC")


@contextmanager
def running(folder: Path, bootstrap_servers: str) -> Iterator[Engine]:
    """An engine while the block runs, with an empty folder of its own."""
    ports = pick_free()
    server = ClickHouse(folder, ports)
    server.start()
    try:
        yield Engine(server, ports.http, bootstrap_servers)
    finally:
        server.stop()
