"""Runs our commands as processes, as people and containers do."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from infra.local.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60.0


class Ended(NamedTuple):
    """What a command did: exit code, the lines it printed, what went to stderr."""

    exit_code: int
    lines: list[str]
    said: str


class Commands:
    """Commands with one environment: that of the stack, and these variables."""

    def __init__(self, stack: Stack, **environment: str) -> None:
        self.environment = (
            {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | stack.environment() | environment
        )
        self.folder = stack.folder  # a place without a .env

    def run(self, *arguments: str, **environment: str) -> Ended:
        """`python -m` with these arguments, to its end."""
        with self.start(*arguments, **environment) as process:
            return ended(process)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """`python -m` with these arguments."""
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def ended(process: subprocess.Popen[str]) -> Ended:
    """What a started command did, once it has ended; it is killed if that takes too long."""
    try:
        out, said = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return Ended(process.returncode, out.splitlines(), said)
