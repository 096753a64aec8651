"""Puts a sink together from settings, after the checks that its promise rests on (R3, R7). `__main__` calls it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

from common.clickhouse_io.encoding import EncodingCheck
from common.clickhouse_io.schema import Schema
from common.clickhouse_io.store import Store
from common.clock import Clock
from common.config import Settings
from common.deadline import Deadline
from common.errors import FeedBlocked, PenstockError
from common.health import Health
from common.kafka_io.clients import Clients
from common.kafka_io.dead_letters import DeadLetters
from common.kafka_io.group import Group
from common.kafka_io.reader import BulkConsumer
from common.kafka_io.selftest import check_brokers
from common.metrics import SinkMetrics
from common.model.stream import Feed, Stream
from consumer.batch import Limits
from consumer.groups import sink_group
from consumer.guard import LOOK_S
from consumer.inserter import Inserter
from consumer.job import Tokens
from consumer.loop import Loop
from consumer.opening import Opening
from consumer.parking import Parking
from consumer.recovery import Recovery
from consumer.sink import Sink

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")

MEMORY_BATCHES = 3
"""Buffered columns may take so many times BATCH_BYTES before reading pauses."""

START_PAUSE_S = 0.5

ANSWER_MARGIN_S = 1.0
"""A commit is given up so long after the client itself has given up its request."""


def check_start(settings: Settings, streams: Iterable[Stream], clock: Clock) -> None:
    """Raise StartRefused unless tables, topics and brokers are as the promise needs them.

    Servers that do not answer yet are waited for, each KAFKA_CONNECT_TIMEOUT_S long; then ClickHouseUnavailable or
    KafkaUnavailable.
    """
    feeds = [feed for stream in streams for feed in stream.feeds]
    schema = Schema(settings.clickhouse)
    try:
        _patiently(lambda: schema.check(table for feed in feeds for table in feed.tables), settings, clock)
    finally:
        schema.close()
    clients = Clients(settings.kafka, clock.now_s, clock.sleep)
    group = sink_group(settings)
    topics, companions = [feed.topic for feed in feeds], [feed.dead_topic for feed in feeds]
    _patiently(lambda: check_brokers(clients.consumer, group, topics, companions), settings, clock)


def _patiently(ask: Callable[[], Answer], settings: Settings, clock: Clock) -> Answer:
    deadline = Deadline(clock.now_s, settings.kafka.connect_timeout_s)
    tries = 0
    while True:
        try:
            return ask()
        except PenstockError as error:
            if not error.retriable or deadline.is_over:
                raise
            if not tries:
                log.warning("waiting for a server to answer", extra={"reason": str(error)})
        tries += 1
        clock.sleep(START_PAUSE_S)


def build(
    settings: Settings,
    streams: Iterable[Stream],
    health: Health,
    metrics: SinkMetrics,
    instance: str,
    clock: Clock,
) -> Loop:
    """The loop of one sink process; the insert thread runs already, the group is being joined."""
    feeds = {
        feed.topic: (feed, feed.schema_hash(stream.version)) for stream in streams for feed in stream.feeds
    }
    clients = Clients(settings.kafka, clock.now_s, clock.sleep, instance)
    group_name = sink_group(settings)
    group = _group(settings, partial(clients.consumer, group_name), list(feeds), clock)
    inserter = Inserter(_recovery(settings, [feed for feed, _ in feeds.values()]), clock.now_s)
    opening = _opening(settings, group, feeds)
    sink = Sink(
        group,
        inserter,
        DeadLetters(clients.dead_letter_writer, clock.unix_s),
        metrics,
        instance=instance,
        blocked=lambda feed, error: parking.park(feed, error),
        jitter=clock.jitter,
    )
    parking = Parking(
        health,
        metrics,
        stop=partial(_stop, sink, opening),
        resume=partial(_resume, sink, opening),
        retry_every_s=settings.sink.park_retry_s,
        dead_letter_limit=settings.sink.dead_letter_limit,
        now_s=clock.now_s,
        unix_s=clock.unix_s,
    )
    memory_bytes = MEMORY_BATCHES * settings.sink.batch_bytes
    parts = (group, sink, opening, parking, inserter, health, metrics)
    return Loop(*parts, memory_bytes=memory_bytes, now_s=clock.now_s, wait=clock.sleep)


def _opening(settings: Settings, group: Group, feeds: Mapping[str, tuple[Feed, str]]) -> Opening:
    sizes = settings.sink
    limits = Limits(
        rows=sizes.batch_rows,
        payload_bytes=sizes.batch_bytes,
        age_s=sizes.batch_age_s,
        message_rows=sizes.max_message_rows,
        unpacked_bytes=settings.kafka.max_unpacked_bytes,
    )
    check = EncodingCheck(table for feed, _ in feeds.values() for table in feed.tables)
    store = _impatient_store(settings)
    return Opening(group, store, feeds, limits, group_name=sink_group(settings), check=check)


def _group(
    settings: Settings, make_consumer: Callable[[], BulkConsumer], topics: list[str], clock: Clock
) -> Group:
    commit_timeout_s = settings.kafka.request_timeout_s + ANSWER_MARGIN_S
    join = partial(
        Group, make_consumer, topics, now_s=clock.now_s, sleep=clock.sleep, commit_timeout_s=commit_timeout_s
    )
    return _patiently(join, settings, clock)


def _impatient_store(settings: Settings) -> Store:
    """For questions that the group waits for: nobody polls meanwhile."""
    timeout_s = min(float(LOOK_S), settings.clickhouse.send_receive_timeout_s)
    return Store(replace(settings.clickhouse, send_receive_timeout_s=timeout_s))


def _recovery(settings: Settings, feeds: Iterable[Feed]) -> Recovery:
    tokens = Tokens(settings.sink.epoch, sink_group(settings))
    return Recovery(Store(settings.clickhouse), tokens, [table for feed in feeds for table in feed.tables])


def _stop(sink: Sink, opening: Opening, feed: Feed, reason: str) -> None:
    for partition, lane in list(sink.lanes.items()):
        if lane.feed.topic == feed.topic:
            sink.replace(partition, opening.stopped(lane, reason))


def _resume(sink: Sink, opening: Opening, feed: Feed) -> FeedBlocked | None:
    opened = opening.open_feed(feed, sink.lanes)
    for partition, lane in opened.lanes.items():
        sink.replace(partition, lane)
    return opened.blocked.get(feed.topic)
