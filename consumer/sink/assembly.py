"""Puts a sink together from settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

from common.clickhouse_io.encoding import EncodingCheck
from common.clickhouse_io.store import Store
from common.errors import FeedBlocked
from common.kafka_io.clients import Clients
from common.kafka_io.dead_letters import DeadLetters
from common.kafka_io.group import Group
from common.kafka_io.reader import BulkConsumer
from common.model.stream import Feed, Stream
from common.process.clock import Clock
from common.process.health import Health
from common.settings.config import Settings
from consumer.groups import sink_group
from consumer.guard import LOOK_S
from consumer.member.loop import Loop
from consumer.member.parking import Parking
from consumer.metrics import SinkMetrics
from consumer.sink.assignment import Opening
from consumer.sink.batch import Limits
from consumer.sink.inserter import Inserter
from consumer.sink.insertion import Tokens
from consumer.sink.recovery import Recovery
from consumer.sink.sink import Sink
from consumer.sink.startup_checks import patiently

MEMORY_BATCHES = 3
"""Buffered columns may take so many times BATCH_BYTES before reading pauses."""

ANSWER_MARGIN_S = 1.0
"""A commit is given up so long after the client itself has given up its request."""


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
    return patiently(join, settings.kafka.connect_timeout_s, clock)


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
