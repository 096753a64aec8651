"""The table "In the original, and here" of the README: every command on its right side does what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from websockets.sync.client import connect

README = Path(__file__).resolve().parents[2] / "README.md"
TABLE = README.read_text(encoding="utf-8").split("<!-- originals -->")[1].split("<!-- /originals -->")[0]
HERE = [row.split(" | ")[2].rstrip(" |") for row in TABLE.strip().splitlines()[2:]]
COMMANDS = [command for cell in HERE for command in re.findall(r"`((?:curl|python|websocat) [^`]*)`", cell)]

pytestmark = pytest.mark.timeout(120)


def test_all_five_systems_are_there():
    systems = {row.split(" | ")[0].lstrip("| ") for row in TABLE.strip().splitlines()[2:]}
    assert systems - {"several"} == {"Collatz", "Domination", "kafka-playground", "Eric", "pipelining-data"}
    assert len(COMMANDS) >= 12


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("curl")])
def test_a_request_of_the_table_is_answered(face, command, tmp_path):
    words = shlex.split(command.replace("localhost:8000", f"127.0.0.1:{face.port}"))
    done = subprocess.run([*words, "--fail", "-sS"], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    pictures = list(tmp_path.glob("*.png"))
    assert done.stdout.startswith(("{", "[")) or pictures[0].read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "command", [each for each in COMMANDS if each.startswith("python") and " plot " not in each]
)
def test_a_command_of_the_table_runs(face, command):
    words = [sys.executable, *shlex.split(command)[1:]]
    done = subprocess.run(
        words, cwd=face.folder, env=face.environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_the_plotter_of_the_table_draws(face):
    (command,) = (each for each in COMMANDS if " plot " in each)
    words = [sys.executable, *shlex.split(command)[1:]]
    process = subprocess.Popen(
        words,
        cwd=face.folder,
        env=face.environment | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    alarm = threading.Timer(60, process.kill)
    alarm.start()
    try:
        assert process.stdout is not None
        assert any("temperature" in process.stdout.readline() for _ in range(20))
    finally:
        process.kill()
        process.communicate()
        alarm.cancel()


def test_the_websocket_of_the_table_tells_visitors(face):
    (command,) = (each for each in COMMANDS if each.startswith("websocat"))
    with connect(command.split()[1].replace("localhost:8000", f"127.0.0.1:{face.port}")) as client:
        assert "visits" in client.recv(10)
