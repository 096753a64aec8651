"""Everything a run has: servers, proxies, topics, table, sinks, producers, and who watches them.

with World(seed, folder, console) as world:
    world.begin()
    ...                                  # faults
    world.finish()                       # no more load; waits until all is stored and committed
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console

from infra.local.settings import cache_folder
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.chaos.cluster import Cluster
from tests.chaos.crew import Crew
from tests.chaos.disk import SmallDisk
from tests.chaos.flow import Flow
from tests.chaos.journal import Journal
from tests.chaos.ledger import Ledger
from tests.chaos.load import Load
from tests.chaos.messages import UNPACKED_LIMIT_BYTES
from tests.chaos.schedule import SESSION_S
from tests.support.latency import BrokersFarAway
from tests.support.proof import Proof
from tests.support.proxy import Proxy

FIRST_PARTITIONS = 4
MOST_PARTITIONS = 8
"""As many as the sinks keep up with on two cores: with 13 and batches of 0.2 s a partition got rows every two seconds
before anything was killed, and the pauses told how busy the machine was."""
DEAD_LETTER_LIMIT = 300
PRODUCERS = 2
SETTLE_DEADLINE_S = 120.0
SINK_SETTINGS = {
    "BATCH_AGE_S": "0.5",
    "BATCH_ROWS": "5000",
    "KAFKA_SESSION_TIMEOUT_S": f"{SESSION_S:g}",
    "KAFKA_REQUEST_TIMEOUT_S": "5",
    "KAFKA_CONNECT_TIMEOUT_S": "60",
    "CLICKHOUSE_CONNECT_TIMEOUT_S": "1",
    "CLICKHOUSE_SEND_RECEIVE_TIMEOUT_S": "5",
    "DEAD_LETTER_LIMIT": str(DEAD_LETTER_LIMIT),
    "PARK_RETRY_S": "3",
    "MAX_UNPACKED_BYTES": str(UNPACKED_LIMIT_BYTES),
    "LOG_LEVEL": "DEBUG",
}


class Interrupted(Exception):
    """Somebody wants the run to end."""


class Stuck(Exception):
    """The flow did not come back, or something did not end: what, and how far it is."""


class World:
    """Made by the driver; faults are handed it."""

    def __init__(self, seed: int, folder: Path, console: Console, rows_per_s: float) -> None:
        self.folder, self.seed, self._rows_per_s = folder, seed, rows_per_s
        folder.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(folder / "events.jsonl", console)
        self.stack = Stack.on_free_ports(folder / "stack", cache_folder({}), proxied=True)
        self.disk = SmallDisk(self.stack.clickhouse.data)
        self.ledger = Ledger()
        self.stop = threading.Event()
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        self._exits.callback(self.journal.close)
        if self.disk.mount():
            self._exits.callback(self.disk.unmount)
        else:
            self.journal.remark(f"clickhouse-disk-full is left out: {self.disk.refusal}")
        self._exits.callback(self.stack.down, self.journal.say)
        self.stack.up(self.journal.say)
        self.proxy = self._exits.enter_context(Proxy(self.stack.clickhouse_port))
        self.far = self._exits.enter_context(BrokersFarAway(self.stack, self.seed))
        self.pipeline = self._exits.enter_context(Proof(self.stack, "chaos", FIRST_PARTITIONS, **KEPT))
        self.pipeline.environment |= SINK_SETTINGS
        at_hand = self.pipeline.settings.kafka
        self._through_proxies = {
            "CLICKHOUSE_PORT": str(self.proxy.port),
            "BOOTSTRAP_SERVERS": self.far.bootstrap_servers,
        }
        self.pipeline.environment |= self._through_proxies
        self.cluster = Cluster(at_hand, self.pipeline.topic, self.pipeline.group)
        self._exits.callback(self.cluster.close)
        self.cluster.look()
        self.crew = Crew(self.pipeline, self.journal.remark, random.Random(f"{self.seed}/crew"))
        self._exits.callback(self.crew.kill_all)
        self.flow = Flow(self.stack.clickhouse_port, self.pipeline.table, self.ledger)
        self.load = Load(
            self.pipeline.settings.kafka,
            self.pipeline.topic,
            self.ledger,
            seed=self.seed,
            producers=PRODUCERS,
            rows_per_s=self._rows_per_s,
        )
        self._exits.callback(self.load.abandon)
        return self

    @property
    def not_here(self) -> frozenset[str]:
        """Kinds of fault that this machine does not allow."""
        return frozenset() if self.disk.is_mounted else frozenset({"clickhouse-disk-full"})

    def begin(self, sinks: int) -> None:
        """Sinks, load, and the eye on the flow; returns when rows arrive."""
        self.crew.resize(sinks)
        self.load.start()
        self.flow.start()
        self.settle()

    def settle(self) -> None:
        """Wait until the sinks have joined, the replicas are in sync, and what is acknowledged now is stored."""
        self.crew.await_ready()
        self.wait_for(self.cluster.is_in_sync, "the replicas are not in sync")
        self.catch_up()

    def start_sinks_anew(self, **settings: str) -> None:
        """All sinks, with these settings in place of the usual ones; returns when they have joined."""
        self.pipeline.environment |= SINK_SETTINGS | self._through_proxies | settings
        self.crew.start_anew()
        self.crew.await_ready()

    def catch_up(self) -> None:
        """Wait until what is acknowledged now is in the table."""
        wanted = self.ledger.last_valid()
        self.wait_for(
            lambda: bool(wanted) and self.flow.has_stored(wanted),
            "the flow does not come back",
            lambda: f"partition: (stored, acknowledged): {self.flow.behind(wanted)}",
        )

    def wait_for(
        self, condition: Callable[[], bool], what: str, how_far: Callable[[], str] = lambda: ""
    ) -> None:
        """Wait for it, with an eye on the sinks. Raises Interrupted, or Stuck with the words given."""

        def holds() -> bool:
            self.check_stop()
            self.crew.supervise()
            return condition()

        if not wait_until(holds, SETTLE_DEADLINE_S):
            raise Stuck(f"{what} within {SETTLE_DEADLINE_S:g} s {how_far()}")

    def sleep(self, seconds: float) -> None:
        """Let time pass. Raises Interrupted."""
        if self.stop.wait(seconds):
            raise Interrupted

    def check_stop(self) -> None:
        """Raise Interrupted if it is wanted; or what ended a producer."""
        if self.stop.is_set():
            raise Interrupted
        if error := self.load.error():
            raise Stuck(f"a producer ended: {error!r}")

    def finish(self) -> None:
        """End the load, wait until all of it is stored and committed."""
        self.journal.say("the load ends; waiting until everything is stored and committed")
        self.settle()
        self.load.stop()
        self.catch_up()
        self.wait_for(
            lambda: self.cluster.committed() == self.cluster.ends(),
            "not everything is committed",
            lambda: f"{self.cluster.committed()} of {self.cluster.ends()}",
        )
        self.flow.stop()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop.set()
        if kind is not None:
            self.ledger.save(self.folder / "ledger.npy")
        self._exits.close()


KEPT = {"retention.ms": "-1", "retention.bytes": "-1", "max.message.bytes": "1048588"}
