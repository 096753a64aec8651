"""A server's process: started in a session of its own, found again by pid and start time, never by name.

The pid alone could belong to somebody else by now; with the start time beside it the file is proof.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from infra.local import interrupts
from infra.local.waiting import wait_until


def started_at(pid: int) -> str | None:
    """When the living process `pid` started, in words of this system; None when it has ended (or is a zombie)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None if Path("/proc/self/stat").exists() else _started_at_by_ps(pid)
    state, *fields = stat.rpartition(")")[2].split()
    threads, started = fields[16], fields[18]
    # A zombie whose other threads are still ending holds its ports: it counts as living.
    return None if state in "ZX" and int(threads) <= 1 else started


def _started_at_by_ps(pid: int) -> str | None:
    words = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    return None if not words or words[0].startswith("Z") else " ".join(words[1:])


_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}  # ours to reap, whichever `Process` asks first


@dataclass(frozen=True)
class Process:
    """A process that leads its own session, so that the terminal's Ctrl-C does not reach it."""

    pid: int
    started: str

    @classmethod
    def spawn(
        cls, command: list[str], pid_file: Path, log_file: Path, folder: Path, environ: Mapping[str, str]
    ) -> Self:
        """Start `command` in `folder`; what it prints is added to `log_file`."""
        with interrupts.postponed(), log_file.open("ab") as log:
            child = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            process = cls(child.pid, started_at(child.pid) or "")
            _CHILDREN[child.pid] = child
            pid_file.write_text(f"{process.pid} {process.started}\n")
        return process

    @classmethod
    def find(cls, pid_file: Path) -> Self | None:
        """The living process that `pid_file` names, or None."""
        try:
            pid, _, started = pid_file.read_text().strip().partition(" ")
            process = cls(int(pid), started)
        except (FileNotFoundError, ValueError):
            return None
        return process if process.is_alive() else None

    def is_alive(self) -> bool:
        """Whether it still runs (frozen counts as running)."""
        if self.pid in _CHILDREN and _CHILDREN[self.pid].poll() is not None:
            del _CHILDREN[self.pid]
        return bool(self.started) and started_at(self.pid) == self.started

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it and to what it started; nothing happens when it has ended."""
        if self.is_alive():
            os.killpg(self.pid, number)

    def end(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.send(signal.SIGKILL)
        wait_until(lambda: not self.is_alive(), timeout_s=10)
