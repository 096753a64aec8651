"""A sink as a process that a test may kill, freeze and stop. Pipelines start it."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path


class SinkProcess:
    """A running `python -m consumer sink`; its log goes to a file as JSON lines."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command, env=environment | {"LOG_FORMAT": "json"}, cwd=log.parent, stdout=out, stderr=out
            )
        self.pid = self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would; fine if it has ended already."""
        self._process.kill()
        self._process.wait(30)

    def freeze(self) -> None:
        """SIGSTOP."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def ask_to_stop(self) -> None:
        """SIGTERM, without waiting."""
        self._process.terminate()

    def send_signal(self, number: int) -> None:
        """Send it a signal, without waiting."""
        self._process.send_signal(number)

    def stop(self, timeout_s: float = 30.0) -> int:
        """End it with SIGTERM; returns its exit code."""
        self._process.terminate()
        return self.wait(timeout_s)

    def wait(self, timeout_s: float = 30.0) -> int:
        """Wait until it has ended by itself; returns its exit code."""
        return self._process.wait(timeout_s)

    def log_text(self) -> str:
        """Everything it has said so far."""
        return self._log.read_text()

    def has_said(self, message: str) -> bool:
        """Whether a line of its log has exactly this message."""
        return f'"message": "{message}"' in self.log_text()
