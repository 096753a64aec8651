import io
import logging
import os
import signal
import subprocess
import sys
import threading

import pytest

from common.errors import FeedBlocked, SettingError
from common.process.run import Stop, run, stop_on_signals


@pytest.fixture
def _signals_as_before():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def raises(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (3, 3)])
def test_the_exit_code_is_what_main_returns(returned, code):
    assert run(lambda: returned) == code


@pytest.mark.parametrize(
    ("error", "code"), [(SettingError("A=1 is not allowed"), 2), (FeedBlocked("no table"), 1)]
)
def test_an_error_of_ours_is_its_text_on_stderr_and_an_exit_code(error, code, capsys, caplog):
    assert run(raises(error)) == code
    assert capsys.readouterr().err == f"{error}\n"
    assert caplog.records == []


def test_ctrl_c_ends_quietly_with_130(capsys):
    assert run(raises(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == ""


def test_an_error_nobody_foresaw_keeps_its_traceback_in_the_log(caplog):
    assert run(raises(ZeroDivisionError("boom"))) == 1
    [record] = caplog.records
    assert record.levelno == logging.CRITICAL
    assert record.exc_info[0] is ZeroDivisionError


def test_a_reader_that_left_ends_a_command_quietly(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(os.fdopen(writing, "wb")))
    assert run(lambda: sys.stdout.write("line\n") and None) == 141
    sys.stdout.close()


def test_a_reader_that_left_before_much_was_written_ends_a_command_quietly():
    """What does not fit into the buffer is written at once, and nothing is left to flush."""
    script = "import sys; from common.process.run import run; sys.stdin.read(); "
    script += "sys.exit(run(lambda: sys.stdout.write('x' * 10**6) and 0))"
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-c", script], **pipes) as process:
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 128 + signal.SIGPIPE


def test_a_broken_pipe_elsewhere_is_an_error(caplog):
    assert run(raises(BrokenPipeError())) == 1
    assert caplog.records[0].exc_info[0] is BrokenPipeError


def test_stop_is_not_set_until_somebody_sets_it():
    stop = Stop()
    assert not stop.is_set()
    assert not stop.wait(0)
    stop.set()
    assert stop.is_set()
    assert stop.wait(60)


def test_everyone_who_waits_is_woken():
    stop = Stop()
    threads = [threading.Thread(target=stop.wait, args=(60,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    stop.set()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.usefixtures("_signals_as_before")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_first_signal_asks_to_stop_and_the_second_one_ends(number, code):
    codes = []
    stop = stop_on_signals(exit_now=codes.append)
    signal.raise_signal(number)
    assert stop.is_set()
    assert codes == []
    signal.raise_signal(number)
    assert codes == [code]
