"""A stream with two feeds, so that a test can park one of them and see the other one go on."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from common.model.columns import one_row_each
from common.model.stream import Feed, Stream, Table
from infra.local.waiting import wait_until
from tests.support.asking import delete_records
from tests.support.proof import Proof


class Item(msgspec.Struct, gc=False):
    """{"number": 17}"""

    number: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    note: Annotated[int, Meta(ge=0, le=255)] = 0


class NoOptions(msgspec.Struct):
    """The tests send what they need."""


DDL = """
CREATE TABLE IF NOT EXISTS {table} (
    number UInt64,
    note UInt8,
    {address}
) ENGINE = MergeTree ORDER BY number {settings}
"""


class TwoFeeds:
    """Topics and tables `<name>_left` and `<name>_right`, one partition each."""

    def __init__(self, proof: Proof) -> None:
        self.proof = proof
        self.left, self.right = (self._feed(f"{proof.name}_{side}") for side in ("left", "right"))
        self.stream = Stream(
            name="two",
            version=1,
            options=NoOptions,
            generate=lambda rng, options, now_s: iter(()),
            feeds=(self.left, self.right),
        )
        topics = [topic for feed in self.stream.feeds for topic in (feed.topic, feed.dead_topic)]
        layout = {"num_partitions": 1, "replication_factor": 3}
        proof.admin.create_topics(dict.fromkeys(topics, layout))
        proof.admin.wait_for_topics(topics, timeout_ms=15_000)
        proof.create_tables(self.stream)

    def _feed(self, name: str) -> Feed:
        table = Table(name=name, rows=one_row_each(number="u8", note="u1"), ddl=DDL)
        return Feed(topic=name, event=Item, tables=(table,))

    def send(self, feed: Feed, *values: bytes) -> None:
        """Send these values and wait until they are acknowledged."""
        futures = [self.proof.producer.send(feed.topic, value=value) for value in values]
        self.proof.producer.flush(timeout=60)
        for future in futures:
            future.get(timeout=1)

    def send_numbers(self, feed: Feed, first: int, last: int) -> None:
        """Send the items first..last."""
        self.send(feed, *(b'{"number":%d}' % number for number in range(first, last + 1)))

    def numbers(self, feed: Feed) -> list[int]:
        """The numbers in the feed's table, in order; one that is there twice comes twice."""
        return [number for (number,) in self.proof.query(f"SELECT number FROM {feed.topic} ORDER BY number")]

    def await_numbers(self, feed: Feed, *expected: int, timeout_s: float = 30.0) -> None:
        """Wait until the table holds just these."""
        assert wait_until(lambda: self.numbers(feed) == list(expected), timeout_s), self.numbers(feed)

    def cut_log(self, feed: Feed, before: int) -> None:
        """Delete the records below an offset, as retention would."""
        delete_records(self.proof.admin, feed.topic, 0, before)
