"""`python -m consumer audit`: of what the sinks say is stored, is anything missing or repeated?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial

from common.commits.groups import sink_group, transform_group
from common.commits.position import look
from common.commits.transform_position import look_at_transforms
from common.errors import KafkaUnavailable, PenstockError, SettingError
from common.kafka_io.overview import Overview
from common.model.stream import Stream
from common.process.clock import Clock
from common.process.deadline import Deadline
from common.settings.config import Settings
from consumer.audit.connection import connected
from consumer.audit.pace import LONGEST_S, SHORTEST_S
from consumer.commands.audit_report import (
    as_json,
    explain,
    explain_stages,
    show_counts,
    show_stages,
    unjudged,
)
from consumer.commands.audit_service import serve

LOOK_EVERY_S = 0.5
DEFAULT_WAIT_S = 120.0
MEANING = """
Judged are the offsets of each partition from the start of its log to what the sinks have committed.
messages: valid messages that are stored with all their rows; events: the events in them; rows: all rows in
the tables that came from these topics; dead: messages in the dead-letter topic; missing: messages with
neither all their rows nor a dead letter; repeated: messages with a row that is there twice, or with rows and
a dead letter; lag: offsets that are not committed yet.

Of transforms, in events: entered: what is in the source; left: what is in outputs, or in final counts; late: what
came after its window was closed; pending: what is not done yet, or in a window that is open; missing and repeated as
above. entered = left + dead + late + pending.

Exit code 0: everything was judged, and nothing is missing or repeated. 1: something is.
3: not all was judged, because --wait was too short, a topic does not exist, the group has committed nothing of a
partition with messages, or a server or a table could not be asked; what was judged is in order.

With --every it runs until SIGTERM or SIGINT, writes a row for each partition and each transform into the table
penstock_verdicts (python -m consumer migrate creates it), and logs what is wrong: only what two rounds in a row have
found. HTTP_PORT opens /health, /ready and /metrics. It rests at least as long as a round took. Exit code 0: asked to
stop; 1: refused to start; 2: a wrong setting.
"""
SOUND, WRONG, NOT_JUDGED = 0, 1, 3


def add_options(parser: argparse.ArgumentParser) -> None:
    """--json, --wait [SECONDS] and --every SECONDS."""
    parser.epilog, parser.formatter_class = MEANING, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--json", action="store_true", help="one JSON object on stdout and nothing else there"
    )
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=_seconds,
        nargs="?",
        const=DEFAULT_WAIT_S,
        help=f"wait until nothing lags, at most that many seconds (default {DEFAULT_WAIT_S:g}); after the STREAMs",
    )
    parser.add_argument(
        "--every",
        metavar="SECONDS",
        type=_every,
        help=f"run until stopped, audit every so many seconds ({SHORTEST_S} to {LONGEST_S}), write into a table",
    )


def run(settings: Settings, streams: list[Stream], chosen: argparse.Namespace, clock: Clock) -> int:
    """Audit and tell; 0 only if all was judged and nothing is wrong.

    What cannot be asked is one line on stderr, and NOT_JUDGED. With --every, serve until told to stop.
    """
    if chosen.every is not None:
        if chosen.json or chosen.wait is not None:
            raise SettingError(
                "--every goes neither with --json nor with --wait: its verdicts go into a table"
            )
        return serve(settings, streams, clock, every_s=chosen.every)
    try:
        return _audit(settings, streams, chosen, clock)
    except PenstockError as error:
        sys.stderr.write(f"nothing was judged: {error}\n")
        return NOT_JUDGED


def _audit(settings: Settings, streams: list[Stream], chosen: argparse.Namespace, clock: Clock) -> int:
    group = sink_group(settings)
    feeds = [feed for stream in streams for feed in stream.feeds]
    with connected(settings, clock) as (overview, auditor):
        lag_now = partial(_lag, overview, settings, streams)
        left = 0 if chosen.wait is None else _wait(lag_now, chosen.wait, clock)
        positions = look(overview, group, feeds)
        verdicts = {feed.topic: auditor.audit(feed, positions.get(feed.topic, []), group) for feed in feeds}
        stages = {
            stream.name: [
                auditor.stages.audit(stream.name, transform, transform_group(settings))
                for transform in stream.transforms
            ]
            for stream in streams
        }
    told = sys.stderr if chosen.json else sys.stdout
    if chosen.json:
        sys.stdout.write(json.dumps(as_json(streams, verdicts, stages)) + "\n")
    else:
        show_counts(streams, verdicts, sys.stdout)
        show_stages(stages, sys.stdout)
    explain(feeds, verdicts, told)
    explain_stages(stages, told)
    if left != 0:
        offsets = "an unknown number of" if left is None else f"{left:,}"
        told.write(
            f"After {chosen.wait:g} s {offsets} offsets were not committed yet: these are not judged.\n"
        )
    every_stage = [verdict for each in stages.values() for verdict in each]
    every_feed = [verdict for each in verdicts.values() for verdict in each]
    if not (
        all(verdict.is_sound for verdict in every_feed) and all(verdict.is_sound for verdict in every_stage)
    ):
        return WRONG
    if left != 0 or unjudged(verdicts) or not all(verdict.is_judged for verdict in every_stage):
        return NOT_JUDGED
    return SOUND


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


def _every(text: str) -> int:
    if not text.isdecimal() or not SHORTEST_S <= int(text) <= LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text}: a whole number from {SHORTEST_S} to {LONGEST_S}")
    return int(text)


def _wait(lag_now: Callable[[], int], wait_s: float, clock: Clock) -> int | None:
    """Wait until nothing lags; the lag at the end, None if brokers do not answer. They may come back meanwhile."""
    deadline = Deadline(clock.now_s, wait_s)
    while True:
        try:
            lag: int | None = lag_now()
        except KafkaUnavailable:
            lag = None
        left_s = deadline.left_s
        is_over = lag == 0 or left_s <= 0
        if sys.stderr.isatty():
            offsets = "the brokers do not answer" if lag is None else f"{lag:,} offsets are not committed yet"
            sys.stderr.write("\r\033[K" + f"waiting: {offsets}, {left_s:.0f} s left" * (not is_over))
            sys.stderr.flush()
        if is_over:
            return lag
        clock.sleep(LOOK_EVERY_S)


def _lag(overview: Overview, settings: Settings, streams: list[Stream]) -> int:
    """Offsets that are not done yet, of transforms first: what they make is then there for the sinks."""
    transforms = [transform for stream in streams for transform in stream.transforms]
    feeds = [feed for stream in streams for feed in stream.feeds]
    before = look_at_transforms(overview, transform_group(settings), transforms)
    after = look(overview, sink_group(settings), feeds)
    return sum(at.lag for each in before.values() for at in each) + sum(
        position.lag for each in after.values() for position in each
    )
