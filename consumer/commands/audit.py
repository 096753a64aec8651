"""`python -m consumer audit`: of what the sinks say is stored, is anything missing or repeated?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial

from common.errors import KafkaUnavailable, PenstockError
from common.kafka_io.overview import Overview
from common.model.stream import Stream
from common.process.clock import Clock
from common.process.deadline import Deadline
from common.settings.config import Settings
from consumer.audit.auditor import connected
from consumer.audit.position import look
from consumer.audit.transform_position import look_at_transforms
from consumer.commands.audit_report import (
    as_json,
    explain,
    explain_stages,
    show_counts,
    show_stages,
    unjudged,
)
from consumer.groups import sink_group, transform_group

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

Exit code 0: everything was judged, and nothing is missing or repeated. 1: something is, or --wait was too short.
3: not all was judged, because a topic does not exist, the group has committed nothing of a partition with messages, or
a server or a table could not be asked; what was judged is in order.
"""
SOUND, WRONG, NOT_JUDGED = 0, 1, 3


def add_options(parser: argparse.ArgumentParser) -> None:
    """--json and --wait [SECONDS]."""
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


def run(settings: Settings, streams: list[Stream], chosen: argparse.Namespace, clock: Clock) -> int:
    """Audit and tell; 0 only if all was judged and nothing is wrong.

    What cannot be asked is one line on stderr, and NOT_JUDGED.
    """
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
        in_time = chosen.wait is None or _wait(lag_now, chosen.wait, clock)
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
    if not in_time:
        told.write(f"Not all was done within {chosen.wait:g} s: python -m consumer status tells more.\n")
    every_stage = [verdict for each in stages.values() for verdict in each]
    every_feed = [verdict for each in verdicts.values() for verdict in each]
    if not (
        all(verdict.is_sound for verdict in every_feed) and all(verdict.is_sound for verdict in every_stage)
    ):
        return WRONG
    if unjudged(verdicts) or not all(verdict.is_judged for verdict in every_stage):
        return NOT_JUDGED
    return SOUND if in_time else WRONG


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


def _wait(lag_now: Callable[[], int], wait_s: float, clock: Clock) -> bool:
    """Wait until nothing lags; whether it is so. Brokers that do not answer may come back meanwhile."""
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
            return lag == 0
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
