"""Opens lanes on what the group has committed, and refuses where going on could repeat or lose rows (R7).

The loop calls it after every rebalance; parking calls `reopen` for one feed.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import replace

from common.address import tp_address
from common.clickhouse_io.store import Store
from common.errors import FeedBlocked, KafkaUnavailable, StartRefused
from common.kafka_io.group import Committed, Group
from common.slab import Partition
from common.stream import Feed
from consumer.batch import Limits
from consumer.intent import Intent, decode
from consumer.lane import Lane, expired
from consumer.rows import Check

log = logging.getLogger(__name__)


class Opening:
    """Makes lanes for the partitions that are assigned. `feeds` maps topic → (feed, schema hash)."""

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
        self._firsts: dict[Partition, int] = {}
        self._ends: dict[Partition, int] = {}

    def open_all(self) -> dict[Partition, Lane]:
        """A lane for every partition assigned, each sought to its committed offset.

        Raises StartRefused (R7); KafkaUnavailable, ClickHouseUnavailable and CommitRefused mean: try again later.
        """
        assigned = self._group.read_assignment()
        self._firsts, self._ends = self._group.first_offsets(assigned), self._group.end_offsets(assigned)
        starts: dict[Partition, Committed] = {}
        lanes: dict[Partition, Lane] = {}
        for partition, committed in assigned.items():
            topic_id = self._topic_id(partition.topic)
            standing = decode(committed.metadata, str(partition)) if committed else None
            if committed is None or standing is None or standing.topic != topic_id.hex:
                committed, standing = self._first_start(partition, topic_id)
                starts[partition] = committed
            lanes[partition] = self._open(partition, topic_id, committed.offset, standing)
        self._commit(starts)
        return lanes

    def feed(self, topic: str) -> Feed:
        """The feed that reads a topic."""
        return self._feeds[topic][0]

    def is_out_of_range(self, lane: Lane) -> FeedBlocked | None:
        """Why a lane just opened cannot go on: Kafka does not hold what comes next and is not stored."""
        first, end = self._firsts[lane.partition], self._ends[lane.partition]
        if first > lane.committed:
            return expired(lane.partition, lane.committed, first)
        if end < lane.committed:
            return FeedBlocked(
                f"{lane.partition}: the log ends at offset {end}, but everything below {lane.committed} is stored "
                "already. Brokers have lost records (an unclean election?): what they write there next would pass "
                "for stored. Create the topic anew, or a topic of another name"
            )
        return None

    def reopen(self, lane: Lane, parked: str) -> Lane:
        """The same lane on what was last committed, with empty hands; standing still if `parked` gives a reason."""
        fresh = Lane(
            lane.feed,
            lane.partition,
            lane.tp,
            lane.committed,
            lane.standing,
            self._limits,
            lane.bad_run,
            check=self._check,
        )
        fresh.parked = parked
        if not parked:
            self._group.seek(lane.partition, lane.committed)
        return fresh

    def _open(self, partition: Partition, topic_id: uuid.UUID, committed: int, standing: Intent) -> Lane:
        feed, schema = self._feeds[partition.topic]
        if standing.next is not None and standing.schema != schema:  # R5
            log.warning(
                "a standing intent is of another version: only what is missing of its range is inserted",
                extra={"partition": str(partition), "first": committed, "next": standing.next},
            )
        standing = replace(standing, schema=schema)
        return Lane(
            feed,
            partition,
            tp_address(topic_id, partition.partition),
            committed,
            standing,
            self._limits,
            check=self._check,
        )

    def _first_start(self, partition: Partition, topic_id: uuid.UUID) -> tuple[Committed, Intent]:
        """Start at the log's first offset, unless a table holds rows of this very topic already."""
        feed, schema = self._feeds[partition.topic]
        for table in feed.tables:
            highest = self._store.highest_offset(table.name, tp_address(topic_id, partition.partition))
            if highest is not None:
                raise StartRefused(
                    f"{partition}: {table.name} already holds rows up to offset {highest}, but group "
                    f"{self._group_name} has committed nothing here (another KAFKA_GROUP_ID, or expired offsets?). "
                    "Starting from the first offset would repeat them. Stop all sinks, then: "
                    "python -m consumer adopt"
                )
        intent = Intent(topic=topic_id.hex, schema=schema)
        log.info(
            "first start of a partition",
            extra={"partition": str(partition), "offset": self._firsts[partition]},
        )
        return Committed(self._firsts[partition], intent.encode()), intent

    def _commit(self, starts: Mapping[Partition, Committed]) -> None:
        if starts and not self._group.commit(starts):
            raise KafkaUnavailable("the coordinator is not known yet")
        for partition, committed in starts.items():
            self._group.seek(partition, committed.offset)

    def _topic_id(self, topic: str) -> uuid.UUID:
        topic_id = self._group.topic_id(topic)
        if topic_id is None:
            raise KafkaUnavailable(f"the id of topic {topic} is not known yet")
        return topic_id
