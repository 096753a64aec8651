"""`python -m consumer status`: who works on which partition, how far, and what stands in the way."""

from __future__ import annotations

import argparse
import sys

from common.config import Settings
from common.kafka_io.overview import Member, connect_overview
from common.stream import Stream
from consumer.inspection import silence_clients
from consumer.report import merged, show
from consumer.standing import Standing, look
from consumer.start import Clock, sink_group

HEADERS = ("stream", "partition", "owner", "committed", "end", "lag", "state")
MEANING = """
owner: the sink that works on the partition, client@host#id; committed: the next offset to store; state: what
the last commit says, "inserting a-b" is a range that is being stored or has to be recovered. Exit code 0, also
when a feed is parked or no sink runs: status tells, it does not judge (audit does, and /ready of each sink).
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """None; explains the columns."""
    parser.epilog, parser.formatter_class = MEANING, argparse.RawDescriptionHelpFormatter


def run(settings: Settings, streams: list[Stream], chosen: argparse.Namespace, clock: Clock) -> int:
    """Print a line for each partition, then what somebody should know. Raises KafkaUnavailable, KafkaRefused."""
    silence_clients()
    group, out = sink_group(settings), sys.stdout
    overview = connect_overview(settings.kafka, now_s=clock.now_s, sleep=clock.sleep)
    try:
        members = overview.members(group)
        standings = look(overview, group, [feed for stream in streams for feed in stream.feeds])
    finally:
        overview.close()
    owners = {partition: str(member) for member in members for partition in member.partitions}
    rows = [
        _row(stream, standing, owners.get(standing.partition, "nobody"))
        for stream in streams
        for feed in stream.feeds
        for standing in standings.get(feed.topic, [])
    ]
    show(HEADERS, rows, out)
    every = [standing for each in standings.values() for standing in each]
    remarks = [(str(standing.partition), remark) for standing in every for remark in standing.remarks(group)]
    for line in merged(remarks):
        out.write(f"{line}\n")
    for topic in [topic for stream in streams for topic in stream.topics if topic not in standings]:
        out.write(f"{topic}: there is no such topic. Create it: python -m common.topics\n")
    out.write(f"{_describe(group, members)}\n")
    return 0


def _row(stream: Stream, standing: Standing, owner: str) -> list[str | int]:
    committed = "-" if standing.committed is None else f"{standing.committed:,}"
    return [
        stream.name,
        str(standing.partition),
        owner,
        committed,
        standing.end,
        standing.lag,
        standing.state,
    ]


def _describe(group: str, members: list[Member]) -> str:
    if not members:
        return f"group {group}: no sink is running"
    idle = [str(member) for member in members if not member.partitions]
    spare = f", without a partition: {', '.join(idle)}" if idle else ""
    return (
        f"group {group}: {len(members)} sinks{spare}" if len(members) > 1 else f"group {group}: 1 sink{spare}"
    )
