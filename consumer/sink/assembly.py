"""Puts a sink together from settings, and takes it apart again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import NamedTuple

from common.clickhouse_io.encoding import EncodingCheck
from common.clickhouse_io.store import Store
from common.commits.groups import sink_group
from common.kafka_io.clients import Clients
from common.kafka_io.dead_letters import DeadLetters
from common.kafka_io.group import Group
from common.model.stream import Feed, Stream
from common.process.clock import Clock
from common.process.health import Health
from common.settings.config import Settings
from consumer.guard import LOOK_S
from consumer.member.joining import joined, parking_of
from consumer.member.loop import Loop
from consumer.metrics import SinkMetrics
from consumer.sink.assignment import Assignment
from consumer.sink.cutting import Limits
from consumer.sink.inserter import Inserter
from consumer.sink.insertion import Tokens
from consumer.sink.lanes import Budget, Lanes
from consumer.sink.recovery import Recovery
from consumer.sink.role import SinkRole
from consumer.sink.sink import Sink

MEMORY_BATCHES = 3
"""How many times BATCH_BYTES buffered columns may take before reading pauses."""

CLOSE_S = 5.0

FeedsByTopic = Mapping[str, tuple[Feed, str]]
"""Topic → the feed that reads it, and the hash of its schema."""


class Assembled(NamedTuple):
    """A sink that is ready to run, and its parts."""

    loop: Loop
    group: Group
    sink: Sink
    assignment: Assignment
    inserter: Inserter
    store: Store


@contextmanager
def assembled(
    settings: Settings,
    streams: Iterable[Stream],
    health: Health,
    metrics: SinkMetrics,
    instance: str,
    clock: Clock,
) -> Iterator[Assembled]:
    """A sink in one process; the insert thread runs already, the group is being joined. Closes it all at the end."""
    feeds = {
        feed.topic: (feed, feed.schema_hash(stream.version)) for stream in streams for feed in stream.feeds
    }
    clients = Clients(settings.kafka, clock.now_s, clock.sleep, instance)
    with ExitStack() as resources:
        store = _closing(resources, Store(settings.clickhouse))
        impatient = _closing(resources, _impatient_store(settings))
        letters = DeadLetters(clients.dead_letter_writer, clock.unix_s)
        resources.callback(letters.close, CLOSE_S)
        inserter = Inserter(_recovery(settings, store, feeds), clock.now_s)
        resources.callback(inserter.stop, CLOSE_S)
        group = joined(settings, clients, sink_group(settings), list(feeds), clock)
        resources.callback(group.close)
        memory_bytes = MEMORY_BATCHES * settings.sink.batch_bytes
        lanes = Lanes(Budget(memory_bytes, settings.sink.dead_letter_limit))
        sink = Sink(lanes, group, inserter, letters, metrics, instance=instance, jitter=clock.jitter)
        assignment = _assignment(settings, group, impatient, feeds)
        parking = parking_of(settings, health, metrics, clock)
        role = SinkRole(lanes, sink, assignment, inserter, clock.now_s)
        loop = Loop(group, role, parking, health, metrics, clock, memory_bytes=memory_bytes)
        yield Assembled(loop, group, sink, assignment, inserter, store)


def _closing(resources: ExitStack, store: Store) -> Store:
    resources.callback(store.close)
    return store


def _assignment(settings: Settings, group: Group, store: Store, feeds: FeedsByTopic) -> Assignment:
    sizes = settings.sink
    limits = Limits(
        rows=sizes.batch_rows,
        payload_bytes=sizes.batch_bytes,
        age_s=sizes.batch_age_s,
        message_rows=sizes.max_message_rows,
        unpacked_bytes=settings.kafka.max_unpacked_bytes,
    )
    check = EncodingCheck(table for feed, _ in feeds.values() for table in feed.tables)
    return Assignment(group, store, feeds, limits, group_name=sink_group(settings), check=check)


def _impatient_store(settings: Settings) -> Store:
    """For questions that the group waits for: nobody polls meanwhile."""
    timeout_s = min(float(LOOK_S), settings.clickhouse.send_receive_timeout_s)
    return Store(replace(settings.clickhouse, send_receive_timeout_s=timeout_s))


def _recovery(settings: Settings, store: Store, feeds: FeedsByTopic) -> Recovery:
    tokens = Tokens(settings.sink.epoch, sink_group(settings))
    return Recovery(store, tokens, [table for feed, _ in feeds.values() for table in feed.tables])
