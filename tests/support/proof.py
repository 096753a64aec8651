"""A pipeline that knows what was acknowledged to its producer, and compares the table with it.

with Proof(stack, "some_test", partitions=2) as proof:
    proof.produce(1, 500)
    with proof.load():                # walks of 1,000,001 and on, as long as the block lasts
        ...                           # start sinks, hurt something
    proof.check()                     # waits until all is consumed: table and audit agree with the producer
"""

from __future__ import annotations

import gc
import itertools
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from types import TracebackType
from typing import Any, TypeVar

from kafka import KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from common.clickhouse_io.schema import Schema
from common.commits.intent import Intent, decode
from common.kafka_io.connection import producer_options
from common.model.record import Partition
from common.model.stream import Stream
from common.settings.config import Settings
from common.streams import load
from common.streams.collatz import walk_of
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.asking import asked
from tests.support.pipeline import STREAM, Pipeline, walk

Answer = TypeVar("Answer")
NUMBERS = itertools.count(1)
LOAD_FROM = 1_000_001
TICK_S = 0.05


class Proof(Pipeline):
    """A pipeline with topics and table made, small batches, and a memory of what was acknowledged."""

    def __init__(self, stack: Stack, name: str, partitions: int = 1, **configs: str) -> None:
        super().__init__(stack, f"{name}_{next(NUMBERS)}")  # cut names would meet
        self.environment |= {"KAFKA_REQUEST_TIMEOUT_S": "3", "BATCH_AGE_S": "0.2", "BATCH_ROWS": "2000"}
        self.acknowledged: list[int] = []
        self.create_topics(partitions, **configs)
        self.create_tables(self.stream())

    @property
    def settings(self) -> Settings:
        """What the sinks of this pipeline are told."""
        return Settings.from_env(self.environment)

    def stream(self) -> Stream:
        """The stream, with this pipeline's topic and table."""
        return load(self.environment)[STREAM]

    def create_tables(self, stream: Stream) -> None:
        """Create what the stream's feeds fill, as `migrate` does."""
        schema = Schema(self.settings.clickhouse)
        schema.create(table for feed in stream.feeds for table in feed.tables)
        schema.close()

    @cached_property
    def producer(self) -> KafkaProducer:
        """As the services' own: idempotent, and patient while a broker is away."""
        return KafkaProducer(
            **producer_options(self.settings.kafka) | {"linger_ms": 5, "max_block_ms": 30_000}
        )

    def produce(self, first: int, last: int, partition: int | None = None) -> None:
        """Send the walks of first..last and remember that they were acknowledged."""
        super().produce(first, last, partition)
        self.acknowledged += range(first, last + 1)

    @contextmanager
    def load(self, per_second: int = 300) -> Iterator[list[int]]:
        """Send walks all the time; yields the numbers sent so far. At the end all of them are acknowledged."""
        numbers: list[int] = []
        futures: list[Any] = []
        failed: list[BaseException] = []
        stop = threading.Event()

        def send() -> None:
            try:
                while not stop.wait(TICK_S):
                    for _ in range(max(1, round(per_second * TICK_S))):
                        number = LOAD_FROM + len(self.acknowledged) + len(numbers)
                        futures.append(self.producer.send(self.topic, key=b"%d" % number, value=walk(number)))
                        numbers.append(number)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        try:
            yield numbers
        finally:
            stop.set()
            thread.join(60)
        assert not failed, failed
        self.producer.flush(timeout=60)
        for future in futures:
            future.get(timeout=1)
        self.acknowledged += numbers

    def await_more(self, rows: int, timeout_s: float = 60.0) -> None:
        """Wait until the table holds so many rows more than now."""
        self.await_rows(self.rows() + rows, timeout_s)

    def check(self, timeout_s: float = 60.0, *, audit: bool = True) -> None:
        """All that was acknowledged is in the table, once, by SQL and by the audit."""
        self.await_consumed(timeout_s)
        numbers = self.acknowledged
        assert len(set(numbers)) == len(numbers)
        found = self.query(
            "SELECT count(), uniqExact(_tp, _off, _row), uniqExact(_tp, _off), uniqExact(number), "
            "uniqExact(number, step) FROM {table}"
        )[0]
        rows = sum(len(walk_of(number)) for number in numbers)
        assert found == (rows, rows, len(numbers), len(numbers), rows), self._last_log()
        if audit:
            report = self.audit(wait_s=30)
            assert report.exit_code == 0, report
            assert (report.totals["missing"], report.totals["repeated"], report.totals["lag"]) == (0, 0, 0)
            assert (report.totals["messages"], report.totals["rows"]) == (len(numbers), rows)

    def committed(self, group: str | None = None) -> dict[int, int]:
        """As every pipeline's, also while the coordinator moves."""
        return self._ask(lambda: super(Proof, self).committed(group))

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        """The answer, asked anew by a new client while brokers say that it may come later."""
        return asked(question, lambda: self.__dict__.pop("admin").close())

    def at(self, partition: int = 0) -> TopicPartition:
        """A partition of the topic."""
        return TopicPartition(self.topic, partition)

    def standing(self, partition: int = 0) -> tuple[int, Intent] | None:
        """The committed offset of a partition and the intent beside it."""
        offsets = self._ask(lambda: self.admin.list_group_offsets(self.group))[self.group]
        found = offsets.get(self.at(partition))
        if found is None or found.offset < 0:
            return None
        return found.offset, decode(found.metadata, str(Partition(*self.at(partition))))

    def await_intent(self, partition: int = 0, timeout_s: float = 30.0) -> tuple[int, Intent]:
        """Wait until a range is named in the committed metadata; offset and intent."""
        assert wait_until(lambda: self._names_a_range(partition), timeout_s), self._last_log()
        standing = self.standing(partition)
        assert standing is not None
        return standing

    def _names_a_range(self, partition: int) -> bool:
        standing = self.standing(partition)
        return standing is not None and standing[1].next is not None

    def commit(self, offset: int, metadata: str, partition: int = 0) -> None:
        """Set the group's offset by hand, as a tool would; the group must be empty."""
        at = {self.at(partition): OffsetAndMetadata(offset, metadata, -1)}
        answer = self.admin.alter_group_offsets(self.group, at)
        assert all(getattr(error, "errno", error) in (0, None) for error in answer.values()), answer

    def intent(self, **fields: Any) -> Intent:
        """An intent of this topic and this version of the stream."""
        return Intent(topic=self.topic_id.hex, schema=self.schema(), **fields)

    def schema(self) -> str:
        """The hash of the stream's version and DDL."""
        return self.stream().feeds[0].schema_hash(self.stream().version)

    def coordinator(self) -> int:
        """The broker that coordinates the sink's group now."""
        partitions = self.admin.describe_topics(["__consumer_offsets"])[0]["partitions"]
        mine = abs(java_hash(self.group)) % len(partitions)
        return int(next(p["leader_id"] for p in partitions if p["partition_index"] == mine))

    def members(self) -> set[str]:
        """Ids of the group's members."""
        group = self._ask(lambda: self.admin.describe_groups([self.group]))[self.group]
        return {member["member_id"] for member in group["members"]}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        with warnings.catch_warnings():  # kafka-python forgets sockets whose connection was refused
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


def java_hash(text: str) -> int:
    value = 0
    for character in text:
        value = (31 * value + ord(character)) & 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value
