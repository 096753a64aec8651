"""`python -m consumer plot`: a histogram that a transform makes, drawn as it grows."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

from rich.console import Console
from rich.live import Live
from rich.text import Text

from common.errors import KafkaUnavailable, SettingError, StartRefused
from common.kafka_io.clients import Clients
from common.kafka_io.overview import connect_overview
from common.kafka_io.tail import Tail
from common.model.record import Layout
from common.model.stream import Stream
from common.model.transform import Histogram
from common.process.clock import Clock
from common.process.deadline import Deadline
from common.process.run import Stop, stop_on_signals
from common.settings.config import Settings
from consumer.audit.connection import silence_clients
from consumer.commands.table import show
from consumer.plot.counts import Counts, Rate
from consumer.plot.frame import ASCII_BLOCKS, BLOCKS, Picture, frame

REDRAW_S = 0.25
LOOK_BACK = 2_000
"""Offsets of each partition of the target that are read at the start: its newest counts are among them."""

AS_IT_WAS = b"\x1b[?1049l\x1b[?25h"
"""Leaves the alternate screen and shows the cursor."""

MEANING = """
NAME is a histogram, or the topic that it is made of, or the topic that it is written to; without NAME they are listed.
The newest counts of all partitions are read from its topic, as committed data and without a consumer group, and added
up: so it shows what the transform has counted since the first message, and changes about twice a second. Start
`python -m consumer transform` beside it. Where the window is narrower than there are bins, neighbours share a bar.

Ctrl-C or SIGTERM ends it. Colours only without NO_COLOR. --once prints one frame, which is also what happens when
stdout is no terminal.

Exit code 0: drawn, or asked to stop; 1: no broker answers, or a topic is missing; 2: no such histogram.

examples:
  python -m consumer plot temperature
  python -m consumer plot hist_temperature --once
"""


class Plotted(NamedTuple):
    """A histogram, and the stream that states it."""

    stream: Stream
    histogram: Histogram


def add_options(parser: argparse.ArgumentParser) -> None:
    """NAME and --once."""
    parser.epilog, parser.formatter_class = MEANING, argparse.RawDescriptionHelpFormatter
    parser.add_argument("name", nargs="?", metavar="NAME", help="of what (default: list what there is)")
    parser.add_argument("--once", action="store_true", help="print one frame and end")


def run(settings: Settings, streams: list[Stream], chosen: argparse.Namespace, clock: Clock) -> int:
    """Draw until SIGTERM or SIGINT, or once. Raises SettingError, StartRefused, KafkaUnavailable, KafkaRefused."""
    every = [
        Plotted(stream, transform)
        for stream in streams
        for transform in stream.transforms
        if isinstance(transform, Histogram)
    ]
    if chosen.name is None:
        rows = [[each.histogram.name, each.histogram.source, each.histogram.target] for each in every]
        show(["histogram", "of topic", "written to"], rows, sys.stdout)
        return 0
    plotted = _named(every, chosen.name)
    silence_clients()
    source = _layout_of_source(settings, plotted.histogram, clock)
    console = Console(file=sys.stdout)
    is_once = chosen.once or not sys.stdout.isatty() or console.is_dumb_terminal
    consumer = Clients(settings.kafka, clock.now_s, clock.sleep).consumer(None)
    with closing(Tail(consumer, plotted.histogram.target, LOOK_BACK)) as tail:
        plot = _Plot(plotted, Counts(plotted.histogram, source.topic_id), tail, clock.now_s)
        if is_once:
            _print_once(plot, console, Deadline(clock.now_s, settings.kafka.connect_timeout_s), clock.sleep)
        else:
            _draw(plot, console, stop_on_signals(_leave_at_once), clock)
    return 0


def _named(every: list[Plotted], name: str) -> Plotted:
    found = [
        each for each in every if name in (each.histogram.name, each.histogram.source, each.histogram.target)
    ]
    if not found:
        names = ", ".join(each.histogram.source for each in every) or "none"
        raise SettingError(f"there is no histogram of {name}; there are: {names}")
    if len(found) > 1:
        names = ", ".join(each.histogram.name for each in found)
        raise SettingError(f"{name} has more than one histogram: choose one of {names}")
    return found[0]


def _layout_of_source(settings: Settings, histogram: Histogram, clock: Clock) -> Layout:
    overview = connect_overview(settings.kafka, now_s=clock.now_s, sleep=clock.sleep)
    try:
        layouts = overview.layouts([histogram.source, histogram.target])
    finally:
        overview.close()
    for topic in (histogram.source, histogram.target):
        if topic not in layouts:
            raise StartRefused(f"there is no topic {topic}: create it: python -m common.topics")
    return layouts[histogram.source]


class _Plot:
    """A histogram that is read, and what is to be seen of it."""

    def __init__(self, plotted: Plotted, counts: Counts, tail: Tail, now_s: Callable[[], float]) -> None:
        self._stream, self._histogram = plotted
        self._counts, self._tail, self._now_s = counts, tail, now_s
        self._rate = Rate()
        self._trouble = ""
        self.has_caught_up = False

    def read(self, timeout_s: float) -> bool:
        """Take what comes within that time. False, at once and with a remark, if no broker answers."""
        try:
            for slab in self._tail.poll(timeout_s):
                self._counts.take(slab.values, slab.details().headers)
            self.has_caught_up = self.has_caught_up or self._tail.has_caught_up
            self._trouble = ""
        except KafkaUnavailable as error:
            self._trouble = str(error)
        return not self._trouble

    def picture(self) -> Picture:
        """As things stand."""
        histogram, bins = self._histogram, self._counts.bins
        is_live = bins is not None and self.has_caught_up  # until then the total grows by what is old
        rate = self._rate.of(sum(bins or ()), self._now_s()) if is_live else None
        return Picture(
            histogram.source, histogram.low, histogram.high, bins, rate, self._remark(bins is None)
        )

    def _remark(self, is_empty: bool) -> str:
        target = self._histogram.target
        if self._trouble or not self.has_caught_up:
            return self._trouble or f"reading {target}"
        if is_empty:
            sends = f" and `python -m producer {self._stream.name}`" if self._stream.generate else ""
            return f"no histogram yet: start `python -m consumer transform {self._stream.name}`{sends}"
        strange = f"; {self._counts.unreadable} messages there are no such histogram" * bool(
            self._counts.unreadable
        )
        return f"newest counts of {self._counts.partitions} partitions, from {target}{strange}"


def _print_once(plot: _Plot, console: Console, deadline: Deadline, sleep: Callable[[float], object]) -> None:
    """Raises KafkaUnavailable if not all could be read in time."""
    while not plot.has_caught_up:
        if not plot.read(REDRAW_S):
            sleep(REDRAW_S)
        if deadline.is_over:
            raise KafkaUnavailable(plot.picture().remark)
    width, height = console.size
    sys.stdout.write("\n".join(frame(plot.picture(), width, min(height, 24), _blocks(console))) + "\n")


def _draw(plot: _Plot, console: Console, stop: Stop, clock: Clock) -> None:
    """On the alternate screen, which is left whatever happens."""
    shown: list[str] = []
    with Live(
        console=console,
        screen=True,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as live:
        while not stop.is_set():
            lines = frame(plot.picture(), *console.size, _blocks(console))
            if lines != shown:
                text = Text("\n".join(lines), no_wrap=True, overflow="crop")
                text.highlight_regex(f"[{_blocks(console)[1:]}]+", "cyan")
                live.update(text, refresh=True)
                shown = lines
            deadline = Deadline(clock.now_s, REDRAW_S)
            while not (deadline.is_over or stop.is_set()):
                if not plot.read(deadline.left_s):
                    stop.wait(deadline.left_s)


def _leave_at_once(code: int) -> None:
    """For who asks to stop twice."""
    os.write(sys.stdout.fileno(), AS_IT_WAS)
    os._exit(code)


def _blocks(console: Console) -> str:
    return BLOCKS if console.encoding.lower().startswith("utf") else ASCII_BLOCKS
