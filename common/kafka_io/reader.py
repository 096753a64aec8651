"""Reads Kafka in slabs: kafka-python's consumer with one attribute replaced, and a reader of given ranges.

Groups, rebalances, pause, seek and positions stay kafka-python's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaConfigurationError, KafkaError, OffsetOutOfRangeError

from common.errors import DataExpired, KafkaUnavailable
from common.kafka_io import internals
from common.kafka_io.format.batch import BEST_DECODER, Decoder
from common.kafka_io.records import Budget, PartitionRecords
from common.kafka_io.unpacking import MAX_UNPACKED_BYTES, Unpacking
from common.model.record import Slab

POLL_BYTES = 1 << 20
"""A poll() stops after this many decoded bytes: few enough to stay in the cache. One record batch may be larger."""


class BulkConsumer(KafkaConsumer):
    """A KafkaConsumer whose poll() returns slabs instead of records: {TopicPartition: [Slab, …]}.

    The slabs of a partition follow each other without a hole, from its position on. Takes kafka-python's options,
    deserializers excepted; `max_poll_records` counts slabs. A record batch is unpacked up to `max_unpacked_bytes`.
    poll() raises what kafka-python's does.
    """

    STUCK_JOIN_S = 5.0

    def __init__(
        self,
        *topics: str,
        decoder: Decoder = BEST_DECODER,
        max_unpacked_bytes: int = MAX_UNPACKED_BYTES,
        **options: Any,
    ) -> None:
        if options.get("key_deserializer") or options.get("value_deserializer"):
            raise KafkaConfigurationError(
                "a BulkConsumer hands out raw bytes: decode slabs instead of deserializing"
            )
        super().__init__(*topics, **options)
        self._budget = Budget(POLL_BYTES)
        self._unpacking = Unpacking(max_unpacked_bytes)
        records = partial(PartitionRecords, decoder=decoder, budget=self._budget, unpacking=self._unpacking)
        internals.replace_partition_records(self, records)
        self._joining_since_s: float | None = None

    def poll(
        self, timeout_ms: float = 0, max_records: int | None = None, **rest: Any
    ) -> dict[Any, list[Slab]]:
        """At least one slab if there is any within `timeout_ms`; at most `max_records` slabs, about POLL_BYTES."""
        self._budget.left_bytes = POLL_BYTES
        internals.drop_drained_records(self)
        slabs: dict[Any, list[Slab]] = super().poll(timeout_ms, max_records, **rest)
        return slabs

    def bound_unpacking(self, tp: TopicPartition, until_offset: int, limit_bytes: int | None) -> None:
        """Unpack the batches of `tp` that begin below `until_offset` up to `limit_bytes`; None takes that away.

        It holds for what is fetched already, too. `tp` has one such bound at a time.
        """
        self._unpacking.bound(tp, until_offset, limit_bytes)

    def subscribe_known(self, topics: list[str], listener: Any = None) -> None:
        """Subscribe, and learn the topics' partitions before the first poll().

        Without them the group leader would join twice, and a short poll() could leave the member stuck in between.
        Raises kafka.errors.KafkaTimeoutError when no broker answers.
        """
        self.subscribe(topics, listener=listener)
        for topic in topics:
            self.partitions_for_topic(topic)

    def mend_stuck_join(self, now_s: float) -> bool:
        """Call it after each poll(). Whether this member was stuck in a join for STUCK_JOIN_S and joins anew now.

        kafka-python drops a rejoin that a poll() timed out on: the member would say "rebalancing" until evicted.
        """
        if not internals.is_stuck_in_join(self):
            self._joining_since_s = None
        elif self._joining_since_s is None:
            self._joining_since_s = now_s
        elif now_s - self._joining_since_s > self.STUCK_JOIN_S:
            self._joining_since_s = None
            internals.request_rejoin(self)
            return True
        return False

    def __iter__(self) -> Any:
        raise NotImplementedError("a BulkConsumer has no records to iterate over: call poll()")


class RangeReader:
    """Reads given offsets of any partition, without a group. One thread only.

    `consumer` must have no group_id and the isolation level that the range was named under. `before_poll` is called
    before each poll; what it raises ends the read.
    """

    POLL_MS = 250

    def __init__(self, consumer: BulkConsumer, before_poll: Callable[[], object] = lambda: None) -> None:
        self._consumer, self._before_poll = consumer, before_poll

    def read(
        self,
        topic: str,
        partition: int,
        first: int,
        next_offset: int,
        patience_s: float,
        limit_bytes: int | None = None,
    ) -> Iterator[Slab]:
        """The slabs that cover [first, next_offset), in order, without a hole.

        `limit_bytes` takes the place of what bound_unpacking() said of the partition, and goes when the read ends.
        Raises KafkaUnavailable (retriable) when nothing arrives for `patience_s`, DataExpired when Kafka no longer
        holds, or never held, offset `first`.
        """
        tp = TopicPartition(topic, partition)
        if limit_bytes is None:
            yield from self._read(tp, first, next_offset, patience_s)
            return
        self._consumer.bound_unpacking(tp, next_offset, limit_bytes)
        try:
            yield from self._read(tp, first, next_offset, patience_s)
        finally:
            self._consumer.bound_unpacking(tp, next_offset, None)

    def _read(self, tp: TopicPartition, first: int, next_offset: int, patience_s: float) -> Iterator[Slab]:
        self._consumer.assign([tp])
        self._consumer.seek(tp, first)
        position = first
        while position < next_offset:
            for slab in self._more(tp, position, patience_s):
                if slab.next_offset > next_offset:
                    slab, _ = slab.split(next_offset)
                position = slab.next_offset
                yield slab
                if position >= next_offset:
                    return

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def _more(self, tp: TopicPartition, position: int, patience_s: float) -> list[Slab]:
        where = f"{tp.topic}-{tp.partition} at offset {position}"
        empty_polls = 0
        while empty_polls * self.POLL_MS < patience_s * 1000:
            self._before_poll()
            try:
                slabs = self._consumer.poll(self.POLL_MS)
            except OffsetOutOfRangeError:
                raise DataExpired(
                    f"Kafka does not hold {where}: retention removed it, or it was never written"
                ) from None
            except KafkaError as error:
                raise KafkaUnavailable(f"reading {where} failed: {error}") from error
            if slabs:
                return slabs[tp]
            empty_polls += 1
        raise KafkaUnavailable(f"nothing arrived from {where} within {patience_s:g} s")
