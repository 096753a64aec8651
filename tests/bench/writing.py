"""Writing modes: the bulk writer, compiled or in plain Python, and kafka-python's send(). Until all is acknowledged."""

from __future__ import annotations

import time
from collections.abc import Callable

from kafka import KafkaProducer

from common.kafka_io.connection import connect, producer_options
from common.kafka_io.format.encode import Encoder
from common.kafka_io.writer import BulkWriter
from common.settings.config import Settings
from tests.bench.streams import Payload, now_ms
from tests.bench.topics import PATIENCE_S, SLICE

SEND_OPTIONS = {"linger_ms": 20, "batch_size": 256 << 10}


def written(topic: str) -> str:
    """The topic that writing modes fill."""
    return f"{topic}.written"


def bulk(
    settings: Settings, payload: Payload, messages: int, partitions: int, *, compiled: bool
) -> Callable[[], None]:
    """Through the bulk writer."""
    writer = BulkWriter(
        _producer(settings, {}), max_message_bytes=1_048_588, encoder=Encoder(compiled=compiled)
    )
    topic, values, size = written(payload.feed.topic), payload.make(0, messages), SLICE[payload.name]

    def work() -> None:
        for turn, first in enumerate(range(0, messages, size)):
            writer.wait_for_room(PATIENCE_S)
            writer.send(topic, turn % partitions, values[first : first + size], timestamp_ms=now_ms())
        if not writer.flush(PATIENCE_S) or writer.failed:
            raise SystemExit(f"{topic}: {writer.acknowledged} of {messages} were acknowledged")

    return work


def send(settings: Settings, payload: Payload, messages: int, partitions: int) -> Callable[[], None]:
    """Through send(), a call a message."""
    producer = _producer(settings, SEND_OPTIONS)
    topic, values, size = written(payload.feed.topic), payload.make(0, messages), SLICE[payload.name]

    def work() -> None:
        for index, value in enumerate(values):
            producer.send(topic, value, partition=index // size % partitions)
        producer.flush(timeout=PATIENCE_S)

    return work


def _producer(settings: Settings, options: dict) -> KafkaProducer:
    options = producer_options(settings.kafka) | options
    return connect(KafkaProducer, options, timeout_s=30.0, now_s=time.monotonic, sleep=time.sleep)
