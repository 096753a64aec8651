"""`python -m consumer transform`: the long-running service."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from common.commits.groups import transform_group
from common.errors import StartRefused
from common.kafka_io.clients import Clients
from common.kafka_io.selftest import check_brokers
from common.model.stream import Stream
from common.process.clock import Clock
from common.settings.config import Settings
from consumer.commands.service import serve
from consumer.member.patience import patiently
from consumer.metrics import TransformMetrics
from consumer.transform.assembly import assembled

MEANING = """
Reads topics, computes, and writes topics: outputs and offsets are committed in one Kafka transaction, so each message
counts once. Runs until SIGTERM or SIGINT. Start as many as there are partitions: they share the work. What cannot go
on is parked and tried again, the rest goes on: see the log, and /ready with HTTP_PORT. Settings that matter here:
KAFKA_GROUP_ID, TRANSACTION_AGE_S, TRANSACTION_MESSAGES, DEAD_LETTER_LIMIT, PARK_RETRY_S, HTTP_PORT. Exit code 0: asked
to stop; 1: refused to start; 2: a wrong setting.

example:
  HTTP_PORT=8002 python -m consumer transform ratings
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds no options; sets the help text."""
    parser.epilog = MEANING
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def run(settings: Settings, streams: list[Stream], chosen: argparse.Namespace, clock: Clock) -> int:
    """Run until SIGTERM or SIGINT. Raises StartRefused and other PenstockErrors: one line at the edge."""
    streams = [stream for stream in streams if stream.transforms]
    if not streams:
        raise StartRefused("none of these streams has a transform: their sinks read what producers send")
    return serve(
        "transform",
        settings,
        streams,
        clock,
        metrics=TransformMetrics(),
        check_start=_check_start,
        assembled=assembled,
    )


def _check_start(settings: Settings, streams: Sequence[Stream], clock: Clock) -> None:
    """Raise StartRefused unless topics are there and the brokers keep what is committed beside an offset."""
    transforms = [transform for stream in streams for transform in stream.transforms]
    sources = [transform.source for transform in transforms]
    others = [topic for transform in transforms for topic in (transform.target, transform.dead_topic)]
    clients = Clients(settings.kafka, clock.now_s, clock.sleep)
    group = transform_group(settings)
    patience_s = settings.kafka.connect_timeout_s
    patiently(lambda: check_brokers(clients.checker, group, sources, others), patience_s, clock)
