"""The foreign topics on the shared stack, with sinks of all three as processes, and their dead letters."""

from __future__ import annotations

import sys
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from common.model.stream import Feed
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.foreign import events, orders, readings
from tests.support.pipeline import Pipeline

STREAMS = {each.STREAM.name: each.STREAM for each in (readings, orders, events)}


class ForeignPipeline(Pipeline):
    """Topics and tables are called as the streams state them: one such pipeline on a stack."""

    feeds: dict[str, Feed] = {name: stream.feeds[0] for name, stream in STREAMS.items()}

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack, "foreign_topics")

    def create_topics(self, partitions: int = 1, **configs: str) -> None:
        """Create all topics, with these configs, and their dead-letter topics (one partition)."""
        wide = {"num_partitions": partitions, "replication_factor": 3, "configs": configs}
        dead = {"num_partitions": 1, "replication_factor": 3, "configs": {"retention.ms": "-1"}}
        specs = {feed.topic: wide for feed in self.feeds.values()}
        specs |= {feed.dead_topic: dead for feed in self.feeds.values()}
        self.admin.create_topics(specs)
        self.admin.wait_for_topics(list(specs), timeout_ms=15_000)

    def _command(self, command: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tests.support.foreign", command, *STREAMS, *arguments]

    def drop_tables(self) -> None:
        """Drop what `migrate` has made: the names are not this pipeline's own."""
        for feed in self.feeds.values():
            for table in feed.tables:
                self.clickhouse.execute(f"DROP TABLE `{table.name}` SYNC")

    def stored(self, table: str) -> int:
        """Rows in a table."""
        return int(self.clickhouse.execute(f"SELECT count() FROM `{table}`")[0][0])

    def await_all_consumed(self, timeout_s: float) -> None:
        """Wait until everything that is in the topics is committed."""
        for feed in self.feeds.values():
            self.topic = feed.topic
            assert wait_until(lambda: self.committed() == self.ends(), timeout_s), self._last_log()

    def letters(self, feed: Feed) -> dict[tuple[int, int], Any]:
        """Partition and offset of each message that is dead → its letter; one that was sent twice comes once."""
        at = TopicPartition(feed.dead_topic, 0)
        consumer = KafkaConsumer(bootstrap_servers=self.stack.bootstrap_servers, auto_offset_reset="earliest")
        consumer.assign([at])
        consumer.seek_to_beginning(at)
        end = consumer.end_offsets([at])[at]
        found = {}
        while consumer.position(at) < end:
            for records in consumer.poll(1000).values():
                for record in records:
                    ours = dict(record.headers)
                    found[int(ours["penstock-partition"]), int(ours["penstock-offset"])] = record
        consumer.close()
        return found
