from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import processes
from infra.local.processes import Process, started_at
from infra.local.waiting import wait_until


@pytest.fixture
def pid_file(tmp_path: Path) -> Path:
    return tmp_path / "pid"


@pytest.fixture
def process(pid_file: Path, tmp_path: Path) -> Iterator[Process]:
    command = [sys.executable, "-c", "import signal; print('ready', flush=True); signal.pause()"]
    process = Process.spawn(command, pid_file, tmp_path / "log", tmp_path, {})
    assert wait_until(lambda: (tmp_path / "log").read_text() == "ready\n", timeout_s=10)
    yield process
    process.end()


def test_a_process_is_found_again_by_its_pid_file(process, pid_file):
    assert Process.find(pid_file) == process
    assert process.is_alive()


def test_it_leads_a_session_of_its_own(process):
    assert os.getsid(process.pid) == process.pid != os.getsid(0)


def test_an_ended_process_is_not_found(process, pid_file):
    process.end()
    assert not process.is_alive()
    assert Process.find(pid_file) is None


def test_a_pid_that_now_belongs_to_another_program_is_not_found_and_not_hit(pid_file):
    pid_file.write_text(f"{os.getpid()} 12345\n")
    assert Process.find(pid_file) is None
    Process(os.getpid(), "12345").send(signal.SIGKILL)


@pytest.mark.parametrize("text", ["", "\n", "none", "12 ", "99999999 1"])
def test_a_pid_file_that_makes_no_sense_names_nobody(text, pid_file):
    pid_file.write_text(text)
    assert Process.find(pid_file) is None


def test_a_frozen_process_is_alive(process):
    process.send(signal.SIGSTOP)
    assert process.is_alive()


def test_a_zombie_has_ended():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    assert wait_until(lambda: started_at(pid) is None, timeout_s=10)
    os.waitpid(pid, 0)


def test_ps_tells_the_same_story_where_there_is_no_proc(process):
    started = processes._started_at_by_ps(process.pid)
    assert started
    assert processes._started_at_by_ps(process.pid) == started
    process.end()
    assert processes._started_at_by_ps(process.pid) is None
