"""`python -m consumer plot` in a terminal of 80 by 24, on real brokers, with a real transform."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

from infra.local.waiting import wait_until
from tests.support.stages import Stages

ENTERED, LEFT = "\x1b[?1049h", "\x1b[?1049l"
HIDDEN, SHOWN = "\x1b[?25l", "\x1b[?25h"
HOME = "\x1b[H"
CONTROLS = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]")
TOTAL = re.compile(r"temperature: ([\d,]+) values in 40 bins")


@pytest.fixture
def sensors(stack, request):
    with Stages(stack, request.node.name, "sensors") as stages:
        yield stages


class Terminal:
    """A terminal of 24 lines of 80 columns, and a plot of the temperatures that has it as its own."""

    def __init__(self, stages, **settings):
        self._us, them = pty.openpty()
        self.resize(80, 24)
        self.modes_before = termios.tcgetattr(them)
        self._them = them
        self._said = b""
        environment = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "NO_COLOR": "1", **settings}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.prefixed", "plot", "histogram-temperature"],
            cwd=stages.folder,
            env=stages.environment | environment,
            stdin=them,
            stdout=them,
            stderr=them,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def resize(self, columns, lines):
        fcntl.ioctl(self._us, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    @property
    def said(self):
        """Everything so far."""
        while select.select([self._us], [], [], 0)[0]:
            self._said += os.read(self._us, 65_536)
        return self._said.decode(errors="replace")

    @property
    def frames(self):
        """The frames that were drawn, each as its lines; the last may not be whole yet."""
        return [CONTROLS.sub("", frame).splitlines() for frame in self.said.split(HOME)[1:]]

    @property
    def totals(self):
        found = [TOTAL.search("\n".join(frame)) for frame in self.frames]
        return [int(each[1].replace(",", "")) for each in found if each]

    def press_ctrl_c(self):
        os.write(self._us, b"\x03")

    @property
    def modes(self):
        return termios.tcgetattr(self._them)

    def close(self):
        self.process.kill()
        self.process.wait(10)
        os.close(self._us)
        os.close(self._them)


@pytest.fixture
def terminal(sensors):
    terminal = Terminal(sensors)
    yield terminal
    terminal.close()


def send(stages, count, value=1.5):
    event = f'{{"measurement": {value}, "measurement_time": "2026-11-01T12:34:56.123Z"}}'
    stages.send("temperature", [event.encode()] * count)


def test_a_growing_histogram_is_drawn_live_until_ctrl_c(sensors, terminal):
    assert wait_until(lambda: "no histogram yet" in terminal.said, 30), terminal.said
    assert "`python -m consumer transform sensors` and" in terminal.said
    sensors.start("transform")
    for total in (300, 600, 900):
        send(sensors, 300)
        assert wait_until(lambda total=total: total in terminal.totals, 30), terminal.said
    grown = terminal.totals
    assert grown == sorted(grown)
    drawn_before_s, frames_before = time.monotonic(), len(terminal.frames)
    frame = terminal.frames[-1]
    assert len(frame) <= 24
    assert max(map(len, frame)) <= 80
    assert any("█" in line for line in frame)
    assert "-12.5" in "\n".join(frame)
    terminal.press_ctrl_c()
    assert terminal.process.wait(10) == 0
    said = terminal.said
    assert len(terminal.frames) - frames_before <= 4 * (time.monotonic() - drawn_before_s) + 1
    assert (said.count(ENTERED), said.count(LEFT)) == (1, 1)
    assert said.rindex(LEFT) > said.rindex(HOME)
    assert said.rindex(SHOWN) > said.rindex(HIDDEN)
    assert terminal.modes == terminal.modes_before
    assert re.search(r"\x1b\[[\d;]*3\dm", said) is None, "a colour in spite of NO_COLOR"


def test_sigterm_leaves_the_terminal_as_it_was_and_a_new_size_is_drawn_at_once(sensors, terminal):
    sensors.start("transform")
    send(sensors, 100)
    assert wait_until(lambda: 100 in terminal.totals, 40), terminal.said
    terminal.resize(120, 40)
    assert wait_until(lambda: len(terminal.frames[-1]) > 24, 10), terminal.frames[-1]
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.process.wait(10) == 0
    assert terminal.said.rindex(LEFT) > terminal.said.rindex(HOME)
    assert terminal.said.rindex(SHOWN) > terminal.said.rindex(HIDDEN)
    assert terminal.modes == terminal.modes_before


def test_a_pipe_gets_one_frame(sensors):
    done = sensors.run("plot", f"{sensors.prefix}temperature")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[2].startswith("no histogram yet: start")
    sensors.start("transform")
    send(sensors, 250, 24.9)
    send(sensors, 250, -25)
    sensors.await_done("temperature")
    total = f"{sensors.prefix}temperature: 500 values in 40 bins from -25 to 25"
    assert wait_until(lambda: sensors.run("plot", "histogram-temperature").stdout.startswith(total), 30)
    lines = sensors.run("plot", f"{sensors.prefix}hist_temperature").stdout.splitlines()
    (lowest,) = [above for above, line in zip(lines, lines[1:], strict=False) if "+--" in line]
    assert lowest.split("|")[1] == "█" + " " * 38 + "█"
    assert "\x1b" not in "".join(lines)


def test_what_cannot_be_drawn_is_told_in_one_line(sensors):
    done = sensors.run("plot", "wind")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "there is no histogram of wind; there are: " in done.stderr
    assert "histogram-temperature" in sensors.run("plot").stdout
    topic = f"{sensors.prefix}hist_pressure"
    sensors.admin.delete_topics([topic])
    says = f"there is no topic {topic}: create it: python -m common.topics\n"
    assert wait_until(lambda: sensors.run("plot", "histogram-pressure").stderr == says, 30)
