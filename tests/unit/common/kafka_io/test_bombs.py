"""No message ends a process by what it unpacks to."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
EVERY_CODEC = {"gzip", "lz4", "snappy", "zstd"}


@pytest.fixture(scope="module")
def answers():
    """What a reader of 512 MiB said of each bomb, as words."""
    command = [sys.executable, "-m", "tests.unit.common.kafka_io.bombs"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return [line.split("|") for line in done.stdout.splitlines()]


def test_every_codec_has_its_bombs(answers):
    assert {name.split(",")[0] for name, *_ in answers} == EVERY_CODEC


def test_a_bomb_of_one_message_is_a_message_that_is_too_large(answers):
    assert {name: one for name, _, one, _ in answers if one != "too large"} == {}


def test_a_bomb_of_several_messages_is_refused(answers):
    assert {name: several for name, _, _, several in answers if several != "refused"} == {}


def test_most_bombs_are_smaller_than_what_topics_take(answers):
    # A megabyte of lz4 unpacks to 255 at most, one of snappy to 21: a gigabyte of them is larger itself.
    large = {name for name, size_bytes, _, _ in answers if int(size_bytes) > 2**20}
    assert large == {"lz4, many frames", "snappy, blocks that are it"}
