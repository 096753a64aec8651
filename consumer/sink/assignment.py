"""Opens lanes on what the group has committed, and refuses where going on could repeat or lose rows (R7).

What is committed and what the tables hold must fit: no row may lie at or past the offset that comes next.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from common.clickhouse_io.store import Store
from common.commits.intent import Intent, decode
from common.errors import FeedBlocked, KafkaUnavailable, OffsetRefused
from common.kafka_io.group import Group
from common.model.address import tp_address
from common.model.ranges import Committed
from common.model.record import Partition
from common.model.stream import Feed
from consumer.guard import LOOK_S, Bound, Excess, find_excess
from consumer.rows import Check
from consumer.sink.cutting import Limits
from consumer.sink.lane import Lane, expired

log = logging.getLogger(__name__)


class Opened(NamedTuple):
    """What came of opening partitions: a lane for each that is in order, and topic → why its feed cannot go on."""

    lanes: dict[Partition, Lane]
    blocked: dict[str, FeedBlocked]


class _Start(NamedTuple):
    """Where a partition goes on. `committed` is None when nothing is: it then starts at `offset`, the log's first."""

    partition: Partition
    tp: int
    committed: Committed | None
    offset: int
    intent: Intent

    @property
    def bound(self) -> int:
        """No table may hold rows of this offset or a later one."""
        return self.offset if self.intent.next is None else self.intent.next


class Assignment:
    """Makes lanes for partitions that are assigned. `feeds` maps topic → (feed, schema hash).

    Its methods raise KafkaUnavailable, ClickHouseUnavailable and CommitRefused: try again later.
    """

    def __init__(
        self,
        group: Group,
        store: Store,
        feeds: Mapping[str, tuple[Feed, str]],
        limits: Limits,
        *,
        group_name: str,
        check: Check | None = None,
    ) -> None:
        self._group, self._store, self._feeds, self._limits = group, store, feeds, limits
        self._group_name = group_name
        self._check = check

    def open_all(self) -> Opened:
        """Every partition assigned, each sought to its committed offset."""
        opened = self._open(self._group.read_assignment(), {})
        return Opened(opened.lanes, self._missing(self._feeds) | opened.blocked)

    def open_topic(self, topic: str, before: Mapping[Partition, Lane]) -> Opened:
        """The partitions of one topic once more; runs of bad messages are counted on from the lanes `before`."""
        mine = [partition for partition in self._group.assigned() if partition.topic == topic]
        opened = self._open(self._group.read_committed(mine), before)
        for partition, lane in opened.lanes.items():
            self._group.seek(partition, lane.committed)
        return Opened(opened.lanes, self._missing([topic]) | opened.blocked)

    def _feed(self, topic: str) -> Feed:
        return self._feeds[topic][0]

    def _missing(self, topics: Iterable[str]) -> dict[str, FeedBlocked]:
        return {
            topic: FeedBlocked(
                f"topic {topic} is not there any more, or hidden from this user: was it deleted? Create it "
                "(python -m common.topics): it is then stored from its first message on. Or grant DESCRIBE on it"
            )
            for topic in topics
            if not self._group.size_of(topic)
        }

    def _open(
        self, assigned: Mapping[Partition, Committed | None], before: Mapping[Partition, Lane]
    ) -> Opened:
        firsts, ends = self._group.first_offsets(assigned), self._group.end_offsets(assigned)
        starts: list[_Start] = []
        problems: list[tuple[Partition, FeedBlocked]] = []
        for partition, committed in assigned.items():
            try:
                starts.append(self._start(partition, committed, firsts[partition]))
            except OffsetRefused as error:
                problems.append((partition, error))
        refused = self._refused(starts)
        problems += refused.items()
        starts = [start for start in starts if start.partition not in refused]
        self._commit_first([start for start in starts if start.committed is None])
        for partition, _ in problems:  # paused, but the client asks for a position of each
            self._group.seek(partition, firsts[partition])
        lanes = {start.partition: self._lane(start, before.get(start.partition)) for start in starts}
        for lane in lanes.values():
            if reason := _out_of_range(lane, firsts[lane.partition], ends[lane.partition]):
                problems.append((lane.partition, reason))
        return Opened(lanes, _by_topic(problems))

    def _start(self, partition: Partition, committed: Committed | None, first: int) -> _Start:
        topic_id = self._topic_id(partition.topic)
        tp = tp_address(topic_id, partition.partition)
        schema = self._feeds[partition.topic][1]
        intent = decode(committed.metadata, str(partition)) if committed else None
        if (
            committed is None or intent is None or intent.topic != topic_id.hex
        ):  # or of an older topic of that name
            return _Start(partition, tp, None, first, Intent(topic=topic_id.hex, schema=schema))
        if intent.next is not None and intent.schema != schema:  # R5
            log.warning(
                "a range was named by another version: only what is missing of it is inserted",
                extra={"partition": str(partition), "first": committed.offset, "next": intent.next},
            )
        return _Start(partition, tp, committed, committed.offset, replace(intent, schema=schema))

    def _refused(self, starts: Sequence[_Start]) -> dict[Partition, FeedBlocked]:
        """Those of which a table holds rows that are to be stored yet, or cannot be looked at."""
        bounds = [
            Bound(self._feed(start.partition.topic), start.partition, start.tp, start.bound)
            for start in starts
        ]
        look = find_excess(self._store, bounds, timeout_s=LOOK_S)
        refused: dict[Partition, FeedBlocked] = {}
        for start in starts:
            unseen = [
                table.name for table in self._feed(start.partition.topic).tables if table.name in look.refused
            ]
            if unseen:
                refused[start.partition] = look.refused[unseen[0]]
            elif start.partition in look.excess:
                refused[start.partition] = self._refusal(start, look.excess[start.partition])
        return refused

    def _refusal(self, start: _Start, excess: Excess) -> OffsetRefused:
        if start.committed is None:
            found = f"nothing here (another KAFKA_GROUP_ID, or expired offsets?) and would start at {start.offset}"
        elif start.intent.next is None:
            found = f"only {start.offset}"
        else:
            found = f"only {start.offset} and named {start.offset}-{start.bound}"
        return OffsetRefused(
            f"{start.partition}: {excess.table} holds rows of offsets {excess.beyond.lowest} to "
            f"{excess.beyond.highest}, but group {self._group_name} has committed {found}: going on would repeat "
            f"them. {excess.ways_out()}"
        )

    def _lane(self, start: _Start, before: Lane | None) -> Lane:
        named = start.intent.next
        limit_bytes = start.intent.max_unpacked_bytes if named is not None else None
        self._group.bound_unpacking(start.partition, named or 0, limit_bytes)
        counts_on = before is not None and before.committed == start.offset
        bad_run = before.bad_run if before is not None and counts_on else 0
        feed = self._feed(start.partition.topic)
        return Lane(
            feed,
            start.partition,
            start.tp,
            start.offset,
            start.intent,
            self._limits,
            bad_run,
            check=self._check,
        )

    def _commit_first(self, starts: Sequence[_Start]) -> None:
        """Commit where partitions start that nothing is committed for, and begin to read there."""
        for start in starts:
            log.info(
                "first start of a partition",
                extra={"partition": str(start.partition), "offset": start.offset},
            )
        commits = {start.partition: Committed(start.offset, start.intent.encode()) for start in starts}
        if commits and not self._group.commit(commits):
            raise KafkaUnavailable("the coordinator is not known yet")
        for start in starts:
            self._group.seek(start.partition, start.offset)

    def _topic_id(self, topic: str) -> uuid.UUID:
        topic_id = self._group.topic_id(topic)
        if topic_id is None:
            raise KafkaUnavailable(f"the id of topic {topic} is not known yet")
        return topic_id


def _out_of_range(lane: Lane, first: int, end: int) -> FeedBlocked | None:
    """Why a lane just opened cannot go on: Kafka does not hold what comes next and is not stored."""
    if first > lane.committed:
        return expired(lane.partition, lane.committed, first)
    if end < lane.committed:
        return FeedBlocked(
            f"{lane.partition}: the committed offset {lane.committed} is past the end of the log, {end}. Either it was "
            "set by hand: stop all sinks, run python -m consumer adopt, start them. Or brokers have lost records (an "
            "unclean election?), and what they write there next would pass for stored: adopt refuses then; create the "
            "topic again, or one of another name"
        )
    return None


def _by_topic(problems: Iterable[tuple[Partition, FeedBlocked]]) -> dict[str, FeedBlocked]:
    """Topic → the problem of its first partition that has one, and which others have one, too."""
    each: dict[str, list[tuple[Partition, FeedBlocked]]] = {}
    for partition, error in sorted(problems, key=lambda problem: problem[0]):
        each.setdefault(partition.topic, []).append((partition, error))
    blocked = {}
    for topic, found in each.items():
        (_, first), *others = found
        more = (
            f". The like holds for {', '.join(str(at) for at, _ in others)}: python -m consumer status"
            if others
            else ""
        )
        blocked[topic] = FeedBlocked(f"{first}{more}") if others else first
    return blocked
