"""A topic of its own on the shared stack, and clients made as the services make them."""

from __future__ import annotations

import gc
import time
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from kafka import KafkaProducer, TopicPartition

from common.kafka_io.admin import connect_admin
from common.kafka_io.connection import connect, consumer_options, producer_options
from common.kafka_io.format.batch import BEST_DECODER, Decoder
from common.kafka_io.reader import BulkConsumer, RangeReader
from common.kafka_io.writer import BulkWriter
from common.model.record import RawValue, Record, Slab
from common.model.topics import TopicSpec
from common.settings.parts import KafkaSettings
from infra.local.stack import Stack

CLOCKS: dict[str, Any] = {"now_s": time.monotonic, "sleep": time.sleep}
READ_PATIENCE_S = 10.0


class Topic:
    """Use it as a context: leaving it closes its clients. Records may bear any time: retention is not by age."""

    def __init__(self, stack: Stack, name: str, partitions: int = 1, **configs: str) -> None:
        self.name = name
        self.partitions = range(partitions)
        self.kafka = KafkaSettings(bootstrap_servers=tuple(stack.bootstrap_servers.split(",")))
        self._closers: list[Callable[[], object]] = []
        spec = TopicSpec(
            name=name,
            partitions=partitions,
            replication_factor=3,
            configs={"min.insync.replicas": "2", "retention.ms": "-1"} | configs,
        )
        admin = connect_admin(self.kafka, **CLOCKS)
        self._closers.append(admin.close)
        self.admin = admin
        admin.create([spec])
        admin.wait_usable([name], 30.0)

    def producer(self, **options: Any) -> KafkaProducer:
        """A stock producer with the services' options and these."""
        made = connect(KafkaProducer, producer_options(self.kafka) | options, timeout_s=30.0, **CLOCKS)
        self._closers.append(lambda: made.close(timeout=5))
        return made

    def writer(self, max_message_bytes: int = 1_048_588, **options: Any) -> BulkWriter:
        """A bulk writer over such a producer."""
        return BulkWriter(self.producer(**options), max_message_bytes=max_message_bytes)

    def consumer(
        self, group_id: str | None = None, decoder: Decoder = BEST_DECODER, **options: Any
    ) -> BulkConsumer:
        """A bulk consumer with the services' options and these."""
        options = consumer_options(self.kafka, group_id) | {"decoder": decoder} | options
        made = connect(BulkConsumer, options, timeout_s=30.0, **CLOCKS)
        self._closers.append(made.close)
        return made

    @cached_property
    def _looker(self) -> BulkConsumer:
        return self.consumer(isolation_level="read_uncommitted")

    def end(self, partition: int = 0) -> int:
        """The offset after the last record, markers included."""
        tp = TopicPartition(self.name, partition)
        end: int = self._looker.end_offsets([tp], timeout_ms=10_000)[tp]
        return end

    def slabs(self, partition: int = 0, decoder: Decoder = BEST_DECODER) -> list[Slab]:
        """Everything committed in a partition."""
        reader = RangeReader(self.consumer(decoder=decoder))
        return list(reader.read(self.name, partition, 0, self.end(partition), READ_PATIENCE_S))

    def records(self) -> list[Record]:
        """Every committed record of all partitions, whole."""
        return [
            record
            for partition in self.partitions
            for slab in self.slabs(partition)
            for record in slab.records()
        ]

    def values(self) -> list[RawValue]:
        """Every committed value, partition after partition."""
        return [
            value for partition in self.partitions for slab in self.slabs(partition) for value in slab.values
        ]

    def __enter__(self) -> Topic:
        return self

    def __exit__(self, *_: object) -> None:
        for close in reversed(self._closers):
            close()
        with warnings.catch_warnings():  # kafka-python forgets sockets whose connection was refused
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


def numbered(count: int, first: int = 0) -> Sequence[bytes]:
    """Values that are all different."""
    return [b'{"number": %d}' % number for number in range(first, first + count)]
