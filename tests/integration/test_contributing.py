"""CONTRIBUTING.md adds a stream: its code blocks, run as they stand in a copy of the repository, end as it says."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from clickhouse_driver import Client
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from tests.support import walk

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "contributing"
TOPICS = ("iot.readings", "conjecture.data")
WALK_S, CHECKS_S = 150, 150
BAD = b'{"device": "d-3", "t": "2026-11-01T10:36:57", "temp": -3.5, "tags": {}}'
STORED = [
    ("d-1", "2026-11-01 10:34:56.123456", 21.5, {"site": "a"}, None),
    ("d-1", "2026-11-01 10:35:56.000000", 22.5, {}, 40.25),
    ("d-3", "2026-11-01 10:35:57.500000", -3.25, {"site": "b", "floor": "2"}, None),
]
PLAIN = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
DEMANDS = [  # what looks at the lists of streams, at documents and at every file
    "tests/unit/common/model",
    "tests/unit/common/settings",
    "tests/unit/common/streams",
    "tests/unit/test_contributing.py",
    "tests/unit/test_docs.py",
    "tests/unit/test_house_rules.py",
]

pytestmark = [
    pytest.mark.timeout(WALK_S + CHECKS_S),
    pytest.mark.skipif(
        not ((ROOT / ".git").exists() and shutil.which("git") and shutil.which("bash")),
        reason="needs bash, git and its repository",
    ),
]


class Walked(NamedTuple):
    """The copy after the walk, the exit code, and what each `sh` block printed."""

    folder: Path
    exit_code: int
    printed: list[str]
    said: str


def copy_of_the_repository(folder):
    """The tracked files as they are on the disk."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=30)
    for name in listed.stdout.decode().rstrip("\0").split("\0"):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def ended(command, folder, environment, timeout_s):
    """Exit code, stdout and stderr of a command; if it takes too long, it is killed with all that it has started."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        printed, said = process.communicate(timeout=timeout_s)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return process.returncode, printed, said


def remove_topics(stack):
    admin = KafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    there = set(admin.list_topics())
    admin.delete_topics([name for topic in TOPICS for name in (topic, f"{topic}.dead") if name in there])
    admin.close()


@pytest.fixture(scope="module")
def walked(stack, tmp_path_factory):
    folder = tmp_path_factory.mktemp("contributing")
    copy_of_the_repository(folder)
    environment = {
        **PLAIN,
        "GIT_CEILING_DIRECTORIES": str(folder.parent),  # a repository around it would take the patch
        **stack.environment(),
        "CLICKHOUSE_DB": DATABASE,
        "KAFKA_GROUP_ID": DATABASE,
    }
    clickhouse = Client(stack.clickhouse_host, port=stack.clickhouse_port)
    clickhouse.execute(f"CREATE DATABASE {DATABASE}")
    try:
        exit_code, printed, said = ended(["bash", "-c", walk.script()], folder, environment, WALK_S)
        yield Walked(folder, exit_code, printed.split(walk.END_OF_OUTPUT)[:-1], said)
    finally:
        clickhouse.execute(f"DROP DATABASE IF EXISTS {DATABASE} SYNC")
        clickhouse.disconnect()
        remove_topics(stack)


def test_every_command_of_the_walk_succeeds_and_prints_what_it_says(walked):
    assert walked.exit_code == 0, walked.said
    for printed, promised in zip(walked.printed, walk.promised(), strict=True):
        assert promised in (printed, None)


def test_every_reading_is_stored_value_for_value(walked, stack):
    clickhouse = Client(stack.clickhouse_host, port=stack.clickhouse_port, database=DATABASE)
    columns = "device, toString(t), temp, tags, hum"
    assert clickhouse.execute(f"SELECT {columns} FROM readings ORDER BY t") == STORED
    clickhouse.disconnect()


def test_the_bad_one_is_dead_as_it_came_with_the_reason_that_the_walk_tells(walked, stack):
    consumer = KafkaConsumer(bootstrap_servers=stack.bootstrap_servers, auto_offset_reset="earliest")
    consumer.assign([TopicPartition("iot.readings.dead", 0)])
    (letters,) = consumer.poll(15_000).values()
    consumer.close()
    (letter,) = letters
    assert (letter.key, letter.value) == (b"d-3", BAD)
    reason = dict(letter.headers)["penstock-reason"].decode()
    assert f"`penstock-reason` says `{reason}`" in re.sub(r"\s+", " ", walk.TEXT)


def test_nothing_else_is_demanded_of_the_new_stream(walked):
    tests = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *DEMANDS]
    exit_code, printed, said = ended(tests, walked.folder, PLAIN, CHECKS_S)
    assert exit_code == 0, printed + said
    for check in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        style = [sys.executable, "-m", "ruff", *check, "common/streams"]
        exit_code, printed, said = ended(style, walked.folder, PLAIN, CHECKS_S)
        assert exit_code == 0, printed + said
