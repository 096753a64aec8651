"""What the sections share: the servers, what was chosen, and starting workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

from rich.console import Console

from common.settings.config import Settings
from infra.local.settings import REPOSITORY
from infra.local.stack import Stack
from tests.bench import worker
from tests.bench.engine import Engine
from tests.bench.streams import PAYLOADS, Payload
from tests.bench.topics import create, fill
from tests.bench.writing import written

WORKER_DEADLINE_S = 300
SHARES = {
    worker.BY_HAND: 20,
    "kafka-python's poll()": 20,
    "write": 4,
    "write, pure": 8,
    "write with send()": 20,
}
"""Slow modes get a part of the messages: their speed does not depend on how many there are."""


@dataclass
class Filled:
    """A topic that is there, and what is in it."""

    payload: Payload
    partitions: int
    messages: int
    rows: int


@dataclass
class Bench:
    """One run of the bench."""

    stack: Stack
    console: Console
    runs: int
    scale: float = 1.0
    engine: Engine | None = None

    @property
    def settings(self) -> Settings:
        """What points services at the stack."""
        return Settings.from_env(self.stack.environment())

    def fill(self, name: str, partitions: int) -> Filled:
        """A topic with the messages of a payload, and an empty one to write to."""
        payload = PAYLOADS[name].on(partitions)
        messages = max(100, round(payload.messages * self.scale))
        with self.console.status(f"filling {payload.feed.topic}") as status:
            show = lambda done: status.update(f"filling {payload.feed.topic}: {done:,} of {messages:,}")  # noqa: E731
            rows = fill(self.settings, payload, messages, partitions, show)
        create(self.settings, written(payload.feed.topic), partitions)
        return Filled(payload, partitions, messages, rows)

    def measure(self, mode: str, topic: Filled) -> dict[str, float]:
        """One run of one mode in a process of its own."""
        share = SHARES.get(mode, 1)
        arguments = {
            "messages": topic.messages // share,
            "rows": topic.rows // share,
            "partitions": topic.partitions,
            "clickhouse-pid": self.stack.clickhouse.pid,
        }
        command = [sys.executable, "-m", "tests.bench.worker", mode, topic.payload.name]
        command += [f"--{name}={value}" for name, value in arguments.items()]
        environ = os.environ | self.stack.environment()
        done = subprocess.run(
            command, env=environ, cwd=REPOSITORY, stdout=subprocess.PIPE, timeout=WORKER_DEADLINE_S
        )
        if done.returncode != 0:
            raise SystemExit(f"{mode} of {topic.payload.name} failed: see above")
        return json.loads(done.stdout)
