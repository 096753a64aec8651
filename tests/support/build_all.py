"""build-all.sh in a folder of its own, with an engine that only takes notes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = sorted(path.parent.name for path in ROOT.glob("*/Dockerfile"))

# Notes what it was told, and on which standard input.
DOCKER = """#!/bin/sh
printf '%s\\n' "$*" >>"$CALLS"
case $1 in login) printf 'on stdin: %s\\n' "$(cat)" >>"$CALLS" ;; image) echo 1000000 ;; esac
"""


def note_taker(folder: Path) -> dict[str, str]:
    """The environment of a script that calls docker; CALLS is where it notes what it was told."""
    program = folder / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(DOCKER)
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}", "CALLS": str(folder / "calls")}


def notes(environment: dict[str, str]) -> list[str]:
    """What docker was told so far, a line a call."""
    calls = Path(environment["CALLS"])
    return calls.read_text().splitlines() if calls.exists() else []


def checkout(folder: Path) -> Path:
    """As much of the repository as build-all.sh reads."""
    dockerfiles = [f"{service}/Dockerfile" for service in SERVICES]
    for name in ("build-all.sh", "pyproject.toml", "infra/.env.example", *dockerfiles):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder
