"""A source and a sink at work on a topic of their own, as processes: freshness and memory look at them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from clickhouse_driver import Client

from infra.local.settings import REPOSITORY
from tests.bench.bench import Bench
from tests.bench.streams import PAYLOADS, Payload
from tests.bench.topics import create

STOP_DEADLINE_S = 20.0


def prepare(bench: Bench, partitions: int, purpose: str) -> tuple[Payload, Client]:
    """An empty topic and an empty table, and a connection to look at it."""
    payload = PAYLOADS["small"].on(partitions, purpose)
    create(bench.settings, payload.feed.topic, partitions)
    client = Client(bench.settings.clickhouse.host, port=bench.settings.clickhouse.port)
    client.execute(f"DROP TABLE IF EXISTS {payload.table.name} SYNC")
    client.execute(payload.table.create_statement())
    return payload, client


@contextmanager
def process(bench: Bench, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`tests.bench.serve` while the block runs; ended with SIGTERM."""
    command = [sys.executable, "-m", "tests.bench.serve", *arguments]
    environ = os.environ | bench.stack.environment()
    running = subprocess.Popen(command, env=environ, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.communicate(timeout=STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            running.kill()
            running.communicate()
