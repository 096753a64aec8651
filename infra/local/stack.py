"""The whole stack: three brokers and a ClickHouse in one folder, brought up, adopted, and ended together.

Used by tests (`Stack.on_free_ports`) and by the command (`python -m infra.local`).
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.local import interrupts
from infra.local.clickhouse import ClickHouse
from infra.local.distribution import Distribution
from infra.local.errors import StackFailed
from infra.local.kafka import Broker
from infra.local.ports import HOST, pick_free
from infra.local.service import Service
from infra.local.settings import BROKERS, Ports, cache_folder
from infra.local.waiting import wait_until

Progress = Callable[[str], None]
# The last of three looks for a controller to hand its partitions to, or for a successor as leader: in vain.
LAST_BROKER_DEADLINE_S = 2.0


@dataclass(frozen=True)
class ServerStatus:
    """One line of `status`: state is `ready`, `not answering` or `stopped`."""

    name: str
    state: str
    pid: int | None
    address: str


class Stack:
    """Three Kafka brokers and a ClickHouse. Finds those that already run in its folder."""

    def __init__(self, folder: Path, ports: Ports | None = None, cache: Path | None = None) -> None:
        """`ports`: those that the folder's last run had, or the defaults; `cache`: ~/.cache/penstock."""
        self.folder = folder.absolute()
        self._ports_file = self.folder / "ports.json"
        self.ports = ports or self._ports_of_last_run() or Ports()
        self._distribution = Distribution(cache or cache_folder({}))
        nodes = range(1, BROKERS + 1)
        self.brokers = tuple(Broker(node, self.folder, self.ports, self._distribution) for node in nodes)
        self.clickhouse = ClickHouse(self.folder, self.ports)

    @classmethod
    def on_free_ports(cls, folder: Path, cache: Path | None = None, *, proxied: bool = False) -> Self:
        """A stack on ports that nobody uses, for tests; `proxied`: with `proxied_ports`."""
        return cls(folder, pick_free(proxied=proxied), cache)

    @property
    def services(self) -> tuple[Service, ...]:
        """All four servers."""
        return (*self.brokers, self.clickhouse)

    def broker(self, node_id: int) -> Broker:
        """Broker 1, 2 or 3."""
        return self.brokers[node_id - 1]

    @property
    def bootstrap_servers(self) -> str:
        """host:port of each broker, with commas between them."""
        return ",".join(broker.address for broker in self.brokers)

    @property
    def proxied_ports(self) -> dict[int, int]:
        """Where a proxy for clients of each broker must listen → the port it must pass on to.

        The brokers tell who bootstraps there of no other ports. Empty without proxies.
        """
        return dict(zip(self.ports.proxied, self.ports.behind, strict=True))

    @property
    def clickhouse_host(self) -> str:
        """Where ClickHouse listens."""
        return HOST

    @property
    def clickhouse_port(self) -> int:
        """The port of ClickHouse's native protocol."""
        return self.ports.clickhouse

    @property
    def http_port(self) -> int:
        """The port of ClickHouse's HTTP interface."""
        return self.ports.http

    def environment(self) -> dict[str, str]:
        """The settings that point Penstock's services at this stack."""
        return {
            "BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "CLICKHOUSE_HOST": self.clickhouse_host,
            "CLICKHOUSE_PORT": str(self.clickhouse_port),
        }

    def status(self) -> list[ServerStatus]:
        """What each server does now."""
        return [_status(service) for service in self.services]

    def up(self, progress: Progress = lambda step: None) -> Self:
        """Start what does not run, wait until all of it is usable. If that fails, what it started is ended again."""
        with self._alone(progress):
            self._check_same_ports()
            self._distribution.prepare(progress)
            progress("looking for servers that run already")
            for service in self.services:
                service.end_unless_healthy()
            missing = [service for service in self.services if service.pid is None]
            try:
                self._start(missing, progress)
            except BaseException:
                _kill(missing)
                raise
        return self

    def down(self, progress: Progress = lambda step: None) -> None:
        """End all servers, cleanly where they let us; the data stays. Nothing is left running, even if interrupted."""
        try:
            with self._alone(progress):
                progress("stopping")
                for service in self.services:
                    service.ask_to_stop()
                self.clickhouse.await_stopped()
                wait_until(self._at_most_one_broker_runs, Broker.stop_deadline_s)
                for broker in self.brokers:
                    broker.await_stopped(LAST_BROKER_DEADLINE_S, or_else_kill=broker.has_closed_its_data)
        except BaseException:
            _kill(self.services)
            raise

    def wipe(self) -> None:
        """Delete the data, the logs and all else in the folder; StackFailed while a server runs."""
        if any(service.pid for service in self.services):
            raise StackFailed(f"the stack in {self.folder} runs: `down` comes before `wipe`")
        for path in [service.folder for service in self.services] + [self.folder / "logs"]:
            shutil.rmtree(path, ignore_errors=True)
        self._ports_file.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        """`up`, for a `with` block."""
        return self.up()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """`down`, whatever happened."""
        self.down()

    def _start(self, missing: Sequence[Service], progress: Progress) -> None:
        for service in missing:
            service.check_ports()
        if missing:
            progress(f"starting {', '.join(service.name for service in missing)}")
            self._ports_file.write_text(json.dumps(self.ports.record()))
        for service in missing:
            service.launch()
        everyone = frozenset(broker.node_id for broker in self.brokers)
        for broker in self.brokers:
            broker.await_ready(partial(broker.sees, everyone))
        self.clickhouse.await_ready()

    def _at_most_one_broker_runs(self) -> bool:
        return sum(broker.pid is not None for broker in self.brokers) <= 1

    def _ports_of_last_run(self) -> Ports | None:
        try:
            return Ports.from_record(json.loads(self._ports_file.read_text()))
        except FileNotFoundError:
            return None

    def _check_same_ports(self) -> None:
        last = self._ports_of_last_run()
        if last not in (None, self.ports) and any(service.pid for service in self.services):
            raise StackFailed(
                f"the stack in {self.folder} runs on other ports ({last}): use those, or `down` first"
            )

    @contextmanager
    def _alone(self, progress: Progress) -> Iterator[None]:
        """One `up` or `down` at a time in this folder; the system drops the lock when its holder dies.

        A signal is an exception from before the folder is there until the block has ended.
        """
        with interrupts.raised():
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / "lock").open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    progress("waiting for another `up` or `down` to finish")
                    fcntl.flock(lock, fcntl.LOCK_EX)
                yield


def _kill(services: Iterable[Service]) -> None:
    with interrupts.postponed():
        for service in services:
            service.kill()


def _status(service: Service) -> ServerStatus:
    pid = service.pid
    state = "stopped" if pid is None else "ready" if service.answers() else "not answering"
    return ServerStatus(service.name, state, pid, service.address)
