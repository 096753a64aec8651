"""A server of the stack as a handle: start it, ask it, stop it, and hurt it on purpose in tests.

`kafka.Broker` and `clickhouse.ClickHouse` say how; `stack.Stack` owns four of them.
"""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path

from infra.local.errors import StackFailed
from infra.local.ports import check_free
from infra.local.processes import Process
from infra.local.settings import REPOSITORY
from infra.local.waiting import wait_until

# Nothing of the caller's environment reaches a server: no secrets, no settings by accident.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"}
ADOPTION_DEADLINE_S = 5.0


class Service(ABC):
    """One server: `<folder>/<name>/` holds its data, configuration and pid file, `<folder>/logs/` its log."""

    start_deadline_s = 120.0
    stop_deadline_s = 10.0

    def __init__(self, name: str, stack_folder: Path) -> None:
        """Touches nothing yet."""
        self.name = name
        self.folder = stack_folder / name
        self.data = self.folder / "data"
        self.log_file = stack_folder / "logs" / f"{name}.log"
        self._pid_file = self.folder / "pid"
        self._process: Process | None = None

    @property
    @abstractmethod
    def address(self) -> str:
        """host:port for its clients."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it serves now; asks once and waits at most about a second."""

    @abstractmethod
    def _ports(self) -> Iterable[tuple[str | None, int]]:
        """Its ports, each with the variable that moves it; None where there is none."""

    @abstractmethod
    def _prepare(self) -> list[str]:
        """Write its configuration; return the command that runs it."""

    @property
    def pid(self) -> int | None:
        """Its process id; None when it does not run."""
        if self._process is None or not self._process.is_alive():
            self._process = Process.find(self._pid_file)  # another program may have started it meanwhile
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it on the data it has and wait until it answers; nothing to do when it does."""
        if self.pid is None:
            self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Start it without waiting."""
        self.check_ports()
        for folder in (self.data, self.log_file.parent):
            folder.mkdir(parents=True, exist_ok=True)
        command = self._prepare()
        self._process = Process.spawn(command, self._pid_file, self.log_file, REPOSITORY, ENVIRONMENT)

    def check_ports(self) -> None:
        """SettingError when another program has one of its ports."""
        for variable, port in self._ports():
            check_free(port, variable)

    def end_unless_healthy(self) -> None:
        """SIGKILL it when it runs and does not answer: frozen, stuck, or left by an `up` that was killed."""
        if self.pid is not None and not wait_until(self.answers, ADOPTION_DEADLINE_S):
            self.kill()

    def await_ready(self, ready: Callable[[], bool] | None = None) -> None:
        """Wait until it answers (or `ready` holds); StackFailed when it ends instead, or takes too long."""
        ready = ready or self.answers
        arrived = wait_until(lambda: self.pid is None or ready(), self.start_deadline_s)
        if not arrived or self.pid is None:
            what = (
                "ended while starting" if arrived else f"did not answer within {self.start_deadline_s:.0f} s"
            )
            raise StackFailed(f"{self.name} {what}; last line of {self.log_file}: {last_line(self.log_file)}")

    def stop(self) -> None:
        """End it cleanly, or by force when that takes longer than `stop_deadline_s`."""
        self.ask_to_stop()
        self.await_stopped()

    def ask_to_stop(self) -> None:
        """Send SIGTERM, also to one that is frozen."""
        self._send(signal.SIGCONT)
        self._send(signal.SIGTERM)

    def await_stopped(
        self, deadline_s: float | None = None, *, or_else_kill: Callable[[], bool] = lambda: False
    ) -> None:
        """Wait for the end; SIGKILL after `deadline_s` (default: `stop_deadline_s`), or when `or_else_kill` holds."""
        wait_until(lambda: self.pid is None or or_else_kill(), deadline_s or self.stop_deadline_s)
        if self.pid is not None:
            self.kill()
        self._pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """SIGKILL, as a power cut would: no chance to flush anything. Returns when it is gone."""
        if self.pid is not None and self._process is not None:
            self._process.end()
        self._pid_file.unlink(missing_ok=True)

    def freeze(self) -> None:
        """SIGSTOP: it keeps its connections and answers nobody."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT after `freeze`."""
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        if self.pid is not None and self._process is not None:
            self._process.send(number)


def last_line(log_file: Path) -> str:
    """The last line that says something, or `(empty)`."""
    lines = log_file.read_text(errors="replace").split("\n") if log_file.exists() else []
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "(empty)")
