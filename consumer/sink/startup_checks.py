"""What must be in order before a sink starts: tables, topics, brokers (R3, R7)."""

from __future__ import annotations

from collections.abc import Iterable

from common.clickhouse_io.schema import Schema
from common.commits.groups import sink_group
from common.kafka_io.clients import Clients
from common.kafka_io.selftest import check_brokers
from common.model.stream import Stream
from common.process.clock import Clock
from common.settings.config import Settings
from consumer.member.patience import patiently


def check_start(settings: Settings, streams: Iterable[Stream], clock: Clock) -> None:
    """Raise StartRefused unless tables, topics and brokers are as the promise needs them.

    Servers that do not answer yet are waited for, each KAFKA_CONNECT_TIMEOUT_S long; then ClickHouseUnavailable or
    KafkaUnavailable.
    """
    feeds = [feed for stream in streams for feed in stream.feeds]
    tables = [table for feed in feeds for table in feed.tables]
    patience_s = settings.kafka.connect_timeout_s
    schema = Schema(settings.clickhouse)
    try:
        patiently(lambda: schema.check(tables), patience_s, clock)
    finally:
        schema.close()
    clients = Clients(settings.kafka, clock.now_s, clock.sleep)
    group = sink_group(settings)
    topics, companions = [feed.topic for feed in feeds], [feed.dead_topic for feed in feeds]
    patiently(lambda: check_brokers(clients.consumer, group, topics, companions), patience_s, clock)
