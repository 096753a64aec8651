"""`python -m consumer adopt`: lets a group resume after what the tables hold, or insert what they lack."""

from __future__ import annotations

import argparse
import sys

import numpy as np

from common.commits.groups import sink_group
from common.commits.intent import Intent
from common.commits.position import Position, look
from common.errors import StartRefused
from common.kafka_io.overview import Overview
from common.model.stream import Feed, Stream
from common.process.clock import Clock
from common.settings.config import Settings
from consumer.audit.adoption import Step, decide, objection, stored_until, without_overtaken_range
from consumer.audit.auditor import NO_OFFSETS, Auditor
from consumer.audit.connection import connected
from consumer.commands.table import show

MEANING = """
For when the committed offsets were lost, set by another tool, or left behind by a changed KAFKA_GROUP_ID, and
for when an audit finds messages missing. Everything that Kafka still holds is compared with the tables; each
partition then resumes after what is stored, or at the first message that is missing: the next sink inserts
what the tables lack from there on, and nothing else. Partitions that are in order are left alone. Stop all sinks
first. Exit code 0: the offsets are committed, or there was nothing to do.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """--skip-expired and --yes."""
    parser.epilog, parser.formatter_class = MEANING, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--skip-expired",
        action="store_true",
        help="give up messages that retention deleted before they were stored: go on at the start of the log",
    )
    parser.add_argument(
        "--yes", action="store_true", help="do not ask (must be given where there is no terminal)"
    )


def run(settings: Settings, streams: list[Stream], chosen: argparse.Namespace, clock: Clock) -> int:
    """Inspect, say what will be committed, ask, commit. Raises StartRefused when a partition cannot be adopted."""
    group = sink_group(settings)
    with connected(settings, clock) as (overview, auditor):
        _refuse_while_active(overview, group, settings)
        before = overview.committed(group)
        steps = _plan(overview, auditor, settings, streams, skip_expired=chosen.skip_expired)
        _show(steps)
        if refused := [step for step in steps if step.refused]:
            reasons = "\n".join(f"{step.position.partition}: {step.says}" for step in refused)
            raise StartRefused(f"nothing was committed for group {group}:\n{reasons}")
        commits = {step.position.partition: step.commit for step in steps if step.commit is not None}
        if not commits:
            sys.stdout.write("nothing to do\n")
            return 0
        if not (chosen.yes or _agreed(group)):
            sys.stdout.write("nothing was committed; to go ahead without being asked: --yes\n")
            return 1
        _refuse_while_active(overview, group, settings)
        if overview.committed(group) != before:
            raise StartRefused(
                f"group {group} has committed offsets meanwhile: stop all sinks, then run this again"
            )
        overview.commit(group, commits)
    sys.stdout.write(f"committed for group {group}: start the sinks\n")
    return 0


def _refuse_while_active(overview: Overview, group: str, settings: Settings) -> None:
    if members := overview.members(group):
        names = ", ".join(map(str, members))
        raise StartRefused(
            f"group {group} has {len(members)} live members ({names}): stop all sinks, then run this again. One that "
            f"was killed counts for {settings.kafka.session_timeout_s:g} s more"
        )


def _plan(
    overview: Overview,
    auditor: Auditor,
    settings: Settings,
    streams: list[Stream],
    *,
    skip_expired: bool,
) -> list[Step]:
    feeds = [feed for stream in streams for feed in stream.feeds]
    positions = look(overview, sink_group(settings), feeds)
    steps = []
    for stream in streams:
        for feed in stream.feeds:
            each = positions.get(feed.topic, [])
            if each:
                auditor.check_tables(feed)
                _refuse_while_writing(auditor, each[0])
            dead = auditor.dead_letters(feed, each)
            for position in each:
                idle = Intent(
                    topic=position.topic_id.hex,
                    schema=feed.schema_hash(stream.version),
                    max_unpacked_bytes=settings.kafka.max_unpacked_bytes,
                    max_message_rows=settings.sink.max_message_rows,
                )
                letters = dead.get(position.partition, NO_OFFSETS)
                steps.append(_step(auditor, feed, position, letters, idle, skip_expired=skip_expired))
    return steps


def _step(
    auditor: Auditor,
    feed: Feed,
    position: Position,
    dead: np.ndarray,
    idle: Intent,
    *,
    skip_expired: bool,
) -> Step:
    highest = auditor.highest_offset(feed, position)
    position = without_overtaken_range(position, highest)
    if len(dead):
        highest = max(int(dead[-1]), -1 if highest is None else highest)
    step = objection(position, highest, skip_expired=skip_expired)
    if step is None:
        judge = auditor.inspect(feed, position, stored_until(position, highest), dead)
        step = decide(position, judge.verdict, idle)
    return step


def _refuse_while_writing(auditor: Auditor, position: Position) -> None:
    if auditor.is_writing(position):
        topic = position.partition.topic
        raise StartRefused(
            f"ClickHouse still works on an INSERT of {topic}: run this again when it has ended"
        )


def _show(steps: list[Step]) -> None:
    rows = [
        [str(step.position.partition), step.position.state, "refused: " * step.refused + step.says]
        for step in steps
    ]
    show(["partition", "committed", "what to do"], rows, sys.stdout)


def _agreed(group: str) -> bool:
    if not sys.stdin.isatty():
        return False
    sys.stdout.write(f"Commit this for group {group}? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
