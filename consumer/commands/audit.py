"""`python -m consumer audit`: is anything missing or repeated, of what the sinks say is stored?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from common.config import Settings
from common.errors import KafkaUnavailable, SchemaMismatch
from common.kafka_io.overview import Overview
from common.stream import Feed, Stream
from consumer.audit import FINDINGS_KEPT, NOTHING, Verdict
from consumer.inspection import Inspection, connected
from consumer.report import show
from consumer.standing import Standing, look
from consumer.start import Clock, sink_group

COUNTS = ("messages", "events", "rows", "dead", "missing", "repeated", "lag")
LOOK_EVERY_S = 0.5
DEFAULT_WAIT_S = 120.0
MEANING = """
Judged are the offsets of each partition from the start of its log to what the sinks have committed.
messages: valid messages that are stored whole, with all their rows; events: the events in them; rows: all rows
in the tables that came from these topics; dead: messages in the dead-letter topic; missing: messages with
neither all rows nor a dead letter; repeated: messages with a row that is there twice, or with rows and a dead
letter; lag: offsets not committed yet. Exit code 0: nothing is missing or repeated.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """--json and --wait [SECONDS]."""
    parser.epilog, parser.formatter_class = MEANING, argparse.RawDescriptionHelpFormatter
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=float,
        nargs="?",
        const=DEFAULT_WAIT_S,
        help=f"first wait until nothing lags, at most so long (default: {DEFAULT_WAIT_S:g}; put it after STREAM)",
    )


def run(settings: Settings, streams: list[Stream], chosen: argparse.Namespace, clock: Clock) -> int:
    """Audit, print what was found; 0 only if nothing is wrong. Raises what brokers and ClickHouse make it raise."""
    group = sink_group(settings)
    with connected(settings, clock) as (overview, inspection):
        feeds = [feed for stream in streams for feed in stream.feeds]
        in_time = chosen.wait is None or _wait(overview, group, feeds, chosen.wait, clock)
        standings = look(overview, group, feeds)
        verdicts = {
            stream.name: [
                verdict for feed in stream.feeds for verdict in _audit(inspection, feed, standings.get(feed.topic, []), group)
            ]
            for stream in streams
        }
    notes = sys.stderr if chosen.json else sys.stdout
    if chosen.json:
        sys.stdout.write(json.dumps(_as_json(verdicts)) + "\n")
    else:
        _show(verdicts, sys.stdout)
    _explain([verdict for each in verdicts.values() for verdict in each], notes)
    if not in_time:
        sys.stderr.write(f"not everything was consumed within {chosen.wait:g} s: is a sink running? See: python -m consumer status\n")
    return 0 if in_time and all(verdict.is_sound for each in verdicts.values() for verdict in each) else 1
