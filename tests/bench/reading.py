"""Reading modes: the bulk reader alone, with decoding behind it, and kafka-python's own poll()."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from kafka import KafkaConsumer, TopicPartition

from common.kafka_io.clients import FETCH, Clients
from common.kafka_io.connection import connect, consumer_options
from common.kafka_io.format.batch import decode_pure
from common.kafka_io.reader import BulkConsumer
from common.model.codec import Codec
from common.model.record import RawValue
from common.process.clock import Clock
from common.settings.config import Settings
from tests.bench.streams import Payload

CLOCK = Clock(time.monotonic, time.time, time.sleep, random.random)
DECODED_AT_ONCE_BYTES = 1 << 20
"""As much as the sink decodes at a time."""


class PureClients(Clients):
    """Clients whose consumers decode record batches in plain Python."""

    def consumer(self, group_id: str | None) -> BulkConsumer:
        """A consumer without compiled parts."""
        options = consumer_options(self._kafka, group_id) | FETCH | self._name | {"decoder": decode_pure}
        return connect(
            BulkConsumer,
            options,
            timeout_s=self._kafka.connect_timeout_s,
            now_s=self._now_s,
            sleep=self._sleep,
        )


def fetch(settings: Settings, payload: Payload, messages: int, *, pure: bool = False) -> Callable[[], None]:
    """Read the topic in slabs, from the beginning."""
    consumer = _at_the_beginning(settings, payload, pure)

    def work() -> None:
        seen = 0
        while seen < messages:
            seen += sum(len(slab) for slabs in consumer.poll(1000).values() for slab in slabs)

    return work


def decode(settings: Settings, payload: Payload, messages: int, *, pure: bool = False) -> Callable[[], None]:
    """Read the topic in slabs and make events of them."""
    consumer, codec = _at_the_beginning(settings, payload, pure), Codec(payload.feed.event)

    def work() -> None:
        seen = 0
        size = 0
        values: list[RawValue] = []
        while seen < messages:
            for slabs in consumer.poll(1000).values():
                for slab in slabs:
                    seen += len(slab)
                    size += sum(map(len, slab.values))  # type: ignore[arg-type]
                    values.extend(slab.values)
                    if size >= DECODED_AT_ONCE_BYTES:
                        codec.decode(values)
                        size, values = 0, []
        codec.decode(values)

    return work


def stock_poll(settings: Settings, payload: Payload, messages: int) -> Callable[[], None]:
    """kafka-python's own poll(), a record an object."""
    options = consumer_options(settings.kafka, None) | {"max_poll_records": 10_000}
    consumer = KafkaConsumer(**options)
    _assign(consumer, payload)

    def work() -> None:
        seen = 0
        while seen < messages:
            seen += sum(map(len, consumer.poll(1000).values()))

    return work


def _at_the_beginning(settings: Settings, payload: Payload, pure: bool) -> BulkConsumer:
    clients = (PureClients if pure else Clients)(settings.kafka, CLOCK.now_s, CLOCK.sleep)
    consumer = clients.consumer(None)
    _assign(consumer, payload)
    return consumer


def _assign(consumer: KafkaConsumer, payload: Payload) -> None:
    topic = payload.feed.topic
    consumer.assign([TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic) or ())])
    consumer.seek_to_beginning()
