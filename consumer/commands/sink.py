"""`python -m consumer sink`: the long-running service."""

from __future__ import annotations

import argparse

from common.model.stream import Stream
from common.process.clock import Clock
from common.settings.config import Settings
from consumer.commands.service import serve
from consumer.metrics import SinkMetrics
from consumer.sink.assembly import assembled
from consumer.sink.startup_checks import check_start

MEANING = """
Runs until SIGTERM or SIGINT, then finishes what is on its way and leaves the group. Start as many as there are
partitions: they share the work. What cannot go on is parked and tried again, the rest goes on: see `status`, the log,
and /ready with HTTP_PORT. Settings that matter here: KAFKA_GROUP_ID, BATCH_ROWS, BATCH_BYTES, BATCH_AGE_S,
DEAD_LETTER_LIMIT, PARK_RETRY_S, HTTP_PORT. Exit code 0: asked to stop; 1: refused to start; 2: a wrong setting.

example:
  HTTP_PORT=8001 python -m consumer sink collatz
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds no options; sets the help text."""
    parser.epilog = MEANING
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def run(settings: Settings, streams: list[Stream], chosen: argparse.Namespace, clock: Clock) -> int:
    """Run until SIGTERM or SIGINT. Raises StartRefused and other PenstockErrors: one line at the edge."""
    return serve(
        "sink", settings, streams, clock, metrics=SinkMetrics(), check_start=check_start, assembled=assembled
    )
