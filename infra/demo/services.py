"""The demo's processes: the very commands that users run, each with its own log file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

STOP_DEADLINE_S = 15.0


class Services:
    """Starts commands of Penstock; whatever still runs at the end is ended."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._environment = folder, dict(environment)
        self._running: dict[str, subprocess.Popen] = {}

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `python WORDS` to its end; its output goes to the terminal."""
        return subprocess.run([sys.executable, *words], env=self._environment, text=True, check=False)

    def start(self, name: str, *words: str, **settings: str) -> None:
        """Run `python WORDS` in the background, in a session of its own, so that Ctrl-C reaches only the demo.

        `settings` are variables for this one.
        """
        with (self._folder / f"{name}.log").open("w") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, *words],
                env=self._environment | {"INSTANCE": name} | settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def end(self, name: str) -> None:
        """SIGTERM, and wait until it is gone."""
        self._running[name].terminate()
        self._running[name].wait(STOP_DEADLINE_S)

    def pid(self, name: str) -> int:
        """The process id."""
        return self._running[name].pid

    def has_ended(self, name: str) -> bool:
        """Whether it ended, by itself or by `kill`."""
        return self._running[name].poll() is not None

    def kill(self, name: str) -> None:
        """SIGKILL: no goodbye, no flush, no LeaveGroup."""
        self._running[name].kill()
        self._running[name].wait()

    def log_of(self, name: str) -> str:
        """The last lines that it wrote."""
        return "\n".join((self._folder / f"{name}.log").read_text().splitlines()[-10:])

    def failed(self) -> list[str]:
        """Names of those that ended by themselves with an error."""
        return [name for name, process in self._running.items() if (process.poll() or 0) > 0]

    def stop(self) -> None:
        """SIGTERM to all, SIGKILL after a deadline."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(STOP_DEADLINE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
