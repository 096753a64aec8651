"""`python -m consumer status`: who works on which partition, how far, and what stands in the way."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from common.clickhouse_io.store import Store
from common.commits.groups import sink_group, transform_group
from common.commits.position import Position, look
from common.commits.transform_position import look_at_transforms
from common.errors import ClickHouseUnavailable
from common.kafka_io.overview import Member, Overview, connect_overview
from common.model.stream import Feed, Stream
from common.process.clock import Clock
from common.settings.config import Settings
from consumer.audit.connection import silence_clients
from consumer.commands.table import merged, show
from consumer.guard import LOOK_S, Bound, find_excess

Positions = Mapping[str, Sequence[Position]]

HEADERS = ("stream", "partition", "owner", "committed", "end", "lag", "cut by", "state")
TRANSFORM_HEADERS = ("transform", "partition", "owner", "committed", "read", "end", "lag", "state")
UNASKED = "ClickHouse could not be asked whether tables hold rows past what is committed"
MEANING = """
Transforms have a table of their own: "read" is how far they are done, and lag is counted from there; "committed" is
where a restart begins to read, the oldest event of an open window. Of sinks:
owner: the sink that works on the partition, client@host#id; committed: the next offset to store; cut by: why the last
batch was cut there (rows, bytes, table partitions, age, memory, first after a rebalance, rebuilt after a takeover);
state: what the last commit says, "inserting a-b" is a range that is being stored or has to be recovered. Partitions
whose tables hold rows past what is committed are named below the table (ClickHouse is asked for that alone). Exit code
0, also when a feed is parked or no sink runs: status tells, it does not judge (audit does, and /ready of each sink).
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds no options; sets the help text."""
    parser.epilog, parser.formatter_class = MEANING, argparse.RawDescriptionHelpFormatter


def run(settings: Settings, streams: list[Stream], chosen: argparse.Namespace, clock: Clock) -> int:
    """Print a line for each partition, then what somebody should know. Raises KafkaUnavailable, KafkaRefused."""
    silence_clients()
    group, out = sink_group(settings), sys.stdout
    feeds = [feed for stream in streams for feed in stream.feeds]
    overview = connect_overview(settings.kafka, now_s=clock.now_s, sleep=clock.sleep)
    try:
        others = _Transforms(settings, streams, overview)
        members = overview.members(group)
        positions = look(overview, group, feeds)
        refusals = _refusals(settings, overview, group, feeds, positions)
    finally:
        overview.close()
    owners = {partition: str(member) for member in members for partition in member.partitions}
    rows = [
        _row(stream, position, owners.get(position.partition, "nobody"))
        for stream in streams
        for feed in stream.feeds
        for position in positions.get(feed.topic, [])
    ]
    show(HEADERS, rows, out)
    others.show(out)
    every = [position for each in positions.values() for position in each]
    remarks = [(str(position.partition), remark) for position in every for remark in position.remarks(group)]
    for line in [*merged(remarks), *refusals]:
        out.write(f"{line}\n")
    for topic in [feed.topic for stream in streams for feed in stream.feeds if feed.topic not in positions]:
        out.write(f"{topic}: there is no such topic. Create it: python -m common.topics\n")
    out.write(f"{_describe(group, members, 'sink')}\n")
    others.describe(out)
    return 0


class _Transforms:
    """What is to be told of the transforms of streams, if they have any."""

    def __init__(self, settings: Settings, streams: list[Stream], overview: Overview) -> None:
        self._named = {
            transform.source: f"{stream.name}.{transform.name}"
            for stream in streams
            for transform in stream.transforms
        }
        self._group = transform_group(settings)
        transforms = [transform for stream in streams for transform in stream.transforms]
        self._members = overview.members(self._group) if transforms else []
        self._positions = look_at_transforms(overview, self._group, transforms)

    def show(self, out: TextIO) -> None:
        """A line for each source partition."""
        owners = {partition: str(member) for member in self._members for partition in member.partitions}
        rows: list[list[str | int]] = [
            [
                self._named[topic],
                str(at.partition),
                owners.get(at.partition, "nobody"),
                "-" if at.committed is None else f"{at.committed:,}",
                at.read,
                at.end,
                at.lag,
                at.state,
            ]
            for topic, each in self._positions.items()
            for at in each
        ]
        if rows:
            show(TRANSFORM_HEADERS, rows, out)

    def describe(self, out: TextIO) -> None:
        """How many there are."""
        if self._named:
            out.write(f"{_describe(self._group, self._members, 'transformer')}\n")


def _row(stream: Stream, position: Position, owner: str) -> list[str | int]:
    committed = "-" if position.committed is None else f"{position.committed:,}"
    return [
        stream.name,
        str(position.partition),
        owner,
        committed,
        position.end,
        position.lag,
        position.cut or "-",
        position.state,
    ]


def _refusals(
    settings: Settings, overview: Overview, group: str, feeds: list[Feed], positions: Positions
) -> list[str]:
    """A line for each partition that no sink will go on with, because its tables hold more than was committed."""
    store = Store(settings.clickhouse)
    try:
        look_at = find_excess(store, _bounds(feeds, positions), timeout_s=LOOK_S)
    except ClickHouseUnavailable as error:
        return [f"{UNASKED}: {error}"]
    finally:
        store.close()
    found = look_at.excess
    if found:  # a sink may have named and stored more since: it committed before it inserted
        now = {bound.partition: bound.offset for bound in _bounds(feeds, look(overview, group, feeds))}
        found = {at: excess for at, excess in found.items() if excess.beyond.highest >= now.get(at, 0)}
    refused = [f"{UNASKED}: {error}" for error in look_at.refused.values()]
    return refused + [
        f"{at}: {excess.table} holds rows of offsets {excess.beyond.lowest} to {excess.beyond.highest}, but only "
        f"offsets below {excess.bound.offset} are committed or named in an intent: no sink goes on. {excess.ways_out()}"
        for at, excess in found.items()
    ]


def _bounds(feeds: list[Feed], positions: Positions) -> list[Bound]:
    return [
        Bound(feed, position.partition, position.tp, position.bound)
        for feed in feeds
        for position in positions.get(feed.topic, [])
    ]


def _describe(group: str, members: list[Member], what: str) -> str:
    if not members:
        return f"group {group}: no {what} is running"
    idle = [str(member) for member in members if not member.partitions]
    spare = f", without a partition: {', '.join(idle)}" if idle else ""
    return f"group {group}: {len(members)} {what}{'s' * (len(members) > 1)}{spare}"
