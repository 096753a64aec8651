"""Follows the end of a topic, without a group."""

from __future__ import annotations

from kafka import TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError

from common.errors import KafkaRefused, KafkaUnavailable
from common.kafka_io.reader import BulkConsumer
from common.kafka_io.rights import denied
from common.model.record import Slab


class Tail:
    """The committed messages of a topic from `back` offsets before its end on. One thread only.

    Raises KafkaUnavailable (retriable) when no broker answers, KafkaRefused when a right or the topic is missing.
    """

    def __init__(self, consumer: BulkConsumer, topic: str, back: int) -> None:
        """`consumer` must have no group_id."""
        self._consumer, self._topic, self._back = consumer, topic, back
        self._begin()

    def _begin(self) -> None:
        try:
            numbers = self._consumer.partitions_for_topic(self._topic)
            if not numbers:
                raise KafkaRefused(f"there is no topic {self._topic}: create it: python -m common.topics")
            tps = [TopicPartition(self._topic, number) for number in sorted(numbers)]
            firsts, self._ends = self._consumer.beginning_offsets(tps), self._consumer.end_offsets(tps)
            self._consumer.assign(tps)
            for tp in tps:
                self._consumer.seek(tp, max(firsts[tp], self._ends[tp] - self._back))
        except KafkaError as error:
            raise self._told(error) from error

    def poll(self, timeout_s: float) -> list[Slab]:
        """What has come within `timeout_s`, in the order of each partition.

        Begins anew near the end where retention has deleted what comes next.
        """
        try:
            found = self._consumer.poll(timeout_s * 1000)
        except OffsetOutOfRangeError:
            self._begin()
            return []
        except KafkaError as error:
            raise self._told(error) from error
        return [slab for slabs in found.values() for slab in slabs]

    @property
    def has_caught_up(self) -> bool:
        """Whether everything was read that was there at the beginning."""
        try:
            return all(self._consumer.position(tp) >= end for tp, end in self._ends.items())
        except KafkaError as error:
            raise self._told(error) from error

    def _told(self, error: KafkaError) -> Exception:
        what = f"reading {self._topic}"
        if error.retriable:
            return KafkaUnavailable(f"{what} failed: {error!r}")
        return denied(error, what) or KafkaRefused(f"{what} failed for good: {error!r}")

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()
