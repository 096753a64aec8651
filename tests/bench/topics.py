"""Fills the measured topics, once a run of the bench, through our own bulk writer."""

from __future__ import annotations

import time
from collections.abc import Callable

from common.kafka_io.admin import connect_admin
from common.kafka_io.writer import connect_writer
from common.model.codec import Codec
from common.model.topics import data_topic, dead_topic
from common.settings.config import Settings
from common.settings.parts import TopicSettings
from tests.bench.streams import Payload, now_ms

SLICE = {"small": 4_000, "wide": 1_000, "readings": 2_000, "collatz": 50}
PATIENCE_S = 60.0


def create(settings: Settings, topic: str, partitions: int) -> None:
    """A topic and its companion for dead letters."""
    wanted = TopicSettings(partitions=partitions)
    admin = connect_admin(settings.kafka, now_s=time.monotonic, sleep=time.sleep)
    admin.create([data_topic(topic, wanted), dead_topic(topic, wanted)])
    admin.wait_usable([topic, f"{topic}.dead"], 30.0)
    admin.close()


def fill(
    settings: Settings,
    payload: Payload,
    messages: int,
    partitions: int,
    progress: Callable[[int], object] = lambda done: None,
) -> int:
    """`messages` messages, evenly spread; returns how many rows they make."""
    topic, codec, rows = payload.feed.topic, Codec(payload.feed.event), 0
    create(settings, topic, partitions)
    writer = connect_writer(
        settings.kafka, max_message_bytes=1_000_000, now_s=time.monotonic, sleep=time.sleep
    )
    size = SLICE[payload.name]
    for turn, first in enumerate(range(0, messages, size)):
        values = payload.make(first, min(size, messages - first))
        rows += len(values) if payload.name != "collatz" else rows_of(payload, codec, values)
        if not writer.wait_for_room(PATIENCE_S):
            raise SystemExit(f"the brokers took nothing of {topic} for {PATIENCE_S:g} s")
        writer.send(topic, turn % partitions, values, timestamp_ms=now_ms())
        progress(first + len(values))
    writer.close(PATIENCE_S)
    if writer.acknowledged != messages:
        raise SystemExit(
            f"{topic}: only {writer.acknowledged} of {messages} messages were acknowledged: {writer.last_error!r}"
        )
    return rows


def rows_of(payload: Payload, codec: Codec, values: list[bytes]) -> int:
    """How many rows some messages make."""
    made = payload.table.rows(codec.decode(values).events)
    return len(values) if made.per_event is None else int(made.per_event.sum())
