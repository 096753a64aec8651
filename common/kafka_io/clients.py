"""Kafka consumers and producers, made from settings."""

from __future__ import annotations

from collections.abc import Callable

from common.kafka_io.connection import Options, connect, consumer_options
from common.kafka_io.reader import BulkConsumer, RangeReader
from common.kafka_io.writer import BulkWriter, connect_writer
from common.model.topics import DEAD_LETTER_EXTRA_BYTES
from common.settings.parts import KafkaSettings

MAX_REQUEST_BYTES = 72 << 20  # a dead letter is as large as any message a topic takes, and its headers
FETCH = {"fetch_max_bytes": 8 << 20, "max_partition_fetch_bytes": 2 << 20, "max_poll_records": 500}


class Clients:
    """Connects within KAFKA_CONNECT_TIMEOUT_S, or raises KafkaUnavailable with one line."""

    def __init__(
        self,
        kafka: KafkaSettings,
        now_s: Callable[[], float],
        sleep: Callable[[float], object],
        instance: str = "command",
    ) -> None:
        self._kafka, self._now_s, self._sleep = kafka, now_s, sleep
        self._name = {"client_id": f"penstock-{instance}"}  # what `status` and the brokers call it

    def consumer(self, group_id: str | None) -> BulkConsumer:
        """A consumer of that group, or of none."""
        return self._connected(self._options(group_id))

    def checker(self, group_id: str | None) -> BulkConsumer:
        """The same, but its questions do not wait for open transactions, as those of a dead worker may be."""
        return self._connected(self._options(group_id) | {"isolation_level": "read_uncommitted"})

    def _options(self, group_id: str | None) -> Options:
        limit = {"max_unpacked_bytes": self._kafka.max_unpacked_bytes}
        return consumer_options(self._kafka, group_id) | FETCH | limit | self._name

    def _connected(self, options: Options) -> BulkConsumer:
        timeout_s = self._kafka.connect_timeout_s
        return connect(BulkConsumer, options, timeout_s=timeout_s, now_s=self._now_s, sleep=self._sleep)

    def range_reader(self, before_poll: Callable[[], object] = lambda: None) -> RangeReader:
        """A reader of given ranges, which calls `before_poll` before each poll."""
        return RangeReader(self.consumer(None), before_poll)

    def dead_letter_writer(self) -> BulkWriter:
        """A writer that takes messages as large as they come: the brokers say what is too large.

        Every `.dead` topic takes its batches of several messages, however small the messages of its source must be.
        """
        return connect_writer(
            self._kafka,
            max_message_bytes=MAX_REQUEST_BYTES,
            batch_bytes=DEAD_LETTER_EXTRA_BYTES,
            now_s=self._now_s,
            sleep=self._sleep,
        )
