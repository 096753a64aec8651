"""All streams on servers of their own: transforms behind a proxy that knows requests, sinks, load, and the ledger.

with TransformWorld(seed, folder, console) as world:
    world.begin(1, 1)
    ...                                  # faults
    world.finish()                       # no more load; waits until the transforms are done
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from rich.console import Console

from common.clickhouse_io.schema import Schema
from common.commits.groups import transform_group
from common.kafka_io.admin import connect_admin
from common.model.topics import wanted
from common.settings.config import Settings
from common.streams import load as load_streams
from infra.local.settings import cache_folder
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.chaos.crew import Crew
from tests.chaos.journal import Journal
from tests.chaos.schedule import SESSION_S
from tests.chaos.transforms.ledger import Ledger
from tests.chaos.transforms.load import Load
from tests.chaos.transforms.positions import Ends, Positions
from tests.chaos.world import Interrupted, Stuck
from tests.support.kafka_proxy import KafkaProxy
from tests.support.pipeline import ROOT
from tests.support.sink_process import SinkProcess

PARTITIONS = 3
WINDOW_S = 10.0
SETTLE_DEADLINE_S = 150.0
AUDIT_DEADLINE_S = 300.0
SETTINGS = {
    "PARTITIONS": str(PARTITIONS),
    "TRANSACTION_AGE_S": "0.3",
    "VISITS_WINDOW_S": f"{WINDOW_S:g}",
    "VISITS_GRACE_S": "2",
    "BATCH_AGE_S": "0.5",
    "KAFKA_SESSION_TIMEOUT_S": f"{SESSION_S:g}",
    "KAFKA_REQUEST_TIMEOUT_S": "5",
    "KAFKA_CONNECT_TIMEOUT_S": "60",
    "PARK_RETRY_S": "3",
    "LOG_LEVEL": "DEBUG",
    "LOG_FORMAT": "json",
}


class Audit(NamedTuple):
    """Exit code, the parsed object, what went to stderr."""

    exit_code: int
    report: dict[str, Any]
    said: str


class Command:
    """Starts processes of one command over all streams, each with a log of its own."""

    def __init__(self, name: str, environment: dict[str, str], folder: Path) -> None:
        self._name, self._environment, self._folder = name, environment, folder
        folder.mkdir(parents=True, exist_ok=True)

    def start_sink(self, *, INSTANCE: str) -> SinkProcess:
        """Start one under that name."""
        command = [sys.executable, "-m", "consumer", self._name]
        log = self._folder / f"{self._name}-{INSTANCE}.log"
        return SinkProcess(command, self._environment | {"INSTANCE": INSTANCE}, log)


class TransformWorld:
    """Made by the driver; faults are handed it."""

    def __init__(self, seed: int, folder: Path, console: Console) -> None:
        self.folder, self.seed = folder, seed
        folder.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(folder / "events.jsonl", console)
        self.stack = Stack.on_free_ports(folder / "stack", cache_folder({}), proxied=True)
        self.environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        self.environment |= self.stack.environment() | SETTINGS
        self.streams = load_streams(self.environment)
        self.ledger = Ledger()
        self.stop = threading.Event()
        self._least = 1
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        self._exits.callback(self.journal.close)
        self._exits.callback(self.stack.down, self.journal.say)
        self.stack.up(self.journal.say)
        settings = Settings.from_env(self.environment)
        self._make(settings)
        self.proxy = self._exits.enter_context(KafkaProxy(self.stack))
        streams = self.streams.values()
        sources = [transform.source for stream in streams for transform in stream.transforms]
        topics = [spec.name for spec in wanted(streams, settings.topics)]
        self.positions = Positions(settings.kafka, topics, sources, transform_group(settings))
        self._exits.callback(self.positions.close)
        self.transforms = self._crew("transform", BOOTSTRAP_SERVERS=self.proxy.bootstrap_servers)
        self.sinks = self._crew("sink")
        self.load = Load(settings.kafka, self.ledger, self.seed, PARTITIONS)
        self._exits.callback(self.load.abandon)
        return self

    def _make(self, settings: Settings) -> None:
        """Topics and tables."""
        streams = self.streams.values()
        admin = connect_admin(settings.kafka, now_s=time.monotonic, sleep=time.sleep)
        specs = wanted(streams, settings.topics)
        admin.create(specs)
        admin.wait_usable([spec.name for spec in specs], 60)
        admin.close()
        schema = Schema(settings.clickhouse)
        schema.create(table for stream in streams for feed in stream.feeds for table in feed.tables)
        schema.close()

    def _crew(self, name: str, **settings: str) -> Crew:
        command = Command(name, self.environment | settings, self.folder / "logs")
        crew = Crew(command, self.journal.remark, random.Random(f"{self.seed}/{name}"))
        self._exits.callback(crew.kill_all)
        return crew

    @property
    def ended_by_themselves(self) -> list[str]:
        """Processes that nobody had asked to end, and what they said last."""
        return self.transforms.ended_by_themselves + self.sinks.ended_by_themselves

    def resize(self, transforms: int, sinks: int) -> None:
        """So many from now on."""
        self.transforms.resize(max(transforms, self._least))
        self.sinks.resize(sinks)

    @contextmanager
    def not_alone(self) -> Iterator[None]:
        """There are two transforms at least."""
        self._least = 2
        try:
            yield
        finally:
            self._least = 1

    def supervise(self) -> None:
        """Start anew who ended; raise Interrupted if that is wanted, Stuck if the load ended."""
        if self.stop.is_set():
            raise Interrupted
        if self.load.error:
            raise Stuck(f"the producer ended: {self.load.error!r}")
        self.transforms.supervise()
        self.sinks.supervise()

    def begin(self, transforms: int, sinks: int) -> None:
        """Processes and load; returns when all of it works."""
        self.resize(transforms, sinks)
        self.load.start()
        self.settle()

    def settle(self) -> None:
        """Wait until all have joined, the replicas are in sync, and what is in the sources now is done."""
        self.transforms.await_ready()
        self.sinks.await_ready()
        self.wait_for(self.positions.is_in_sync, "the replicas are not in sync")
        ends = self.positions.source_ends()
        self.wait_for(lambda: not self.behind(ends), "transforms stand still", lambda: self.behind(ends))

    def behind(self, ends: Ends) -> str:
        """The partitions of which the transforms have not done all of that; empty: none."""
        done = self.positions.done()
        late = {
            at: (done.get(at), end)
            for at, end in ends.items()
            if end and (at not in done or done[at].read < end)
        }
        return ", ".join(
            f"{topic}/{number}: {found} of {end}" for (topic, number), (found, end) in late.items()
        )

    def wait_for(
        self, condition: Callable[[], bool], what: str, how_far: Callable[[], str] = lambda: ""
    ) -> None:
        """Wait for it, with an eye on the processes. Raises Interrupted, or Stuck with the words given."""

        def holds() -> bool:
            self.supervise()
            return condition()

        if not wait_until(holds, SETTLE_DEADLINE_S):
            raise Stuck(f"{what} within {SETTLE_DEADLINE_S:g} s {how_far()}")

    def sleep(self, seconds: float) -> None:
        """Let time pass. Raises Interrupted."""
        if self.stop.wait(seconds):
            raise Interrupted

    def finish(self) -> None:
        """End the load, wait until the transforms have done all of it and closed every window."""
        self.settle()
        self.journal.say("the load ends; waiting until all is done and every window closed")
        self.load.stop()
        self.wait_for(lambda: not self._unfinished(), "not all is done", self._unfinished)

    def _unfinished(self) -> str:
        done, ends = self.positions.done(), self.positions.source_ends()
        late = {at: done.get(at) for at, end in ends.items() if end and done.get(at) != (end, end)}
        return ", ".join(f"{at[0]}/{at[1]}: {found} of {ends[at]}" for at, found in late.items())

    def audit(self, wait_s: float) -> Audit:
        """The real command, after it has waited for the sinks."""
        done = subprocess.run(
            [sys.executable, "-m", "consumer", "audit", "--json", "--wait", f"{wait_s:g}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=AUDIT_DEADLINE_S,
        )
        if not done.stdout:
            raise Stuck(f"audit said nothing, exit code {done.returncode}: {done.stderr}")
        return Audit(done.returncode, json.loads(done.stdout), done.stderr)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop.set()
        self._exits.close()
