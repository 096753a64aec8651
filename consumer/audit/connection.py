"""Connects what an audit needs to the brokers and to ClickHouse."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from common.clickhouse_io.audit_queries import AuditQueries
from common.kafka_io.clients import Clients
from common.kafka_io.overview import Overview, connect_overview
from common.process.clock import Clock
from common.settings.config import Settings
from consumer.audit.auditor import Auditor


def silence_clients() -> None:
    """What the Kafka client meets comes out as errors of ours: a command need not log it as well."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)


@contextmanager
def connected(
    settings: Settings, clock: Clock, on_the_way: Callable[[], object] = lambda: None, *, threads: int = 0
) -> Iterator[tuple[Overview, Auditor]]:
    """Everything that a command needs to look into the pipeline. Raises KafkaUnavailable, one line.

    `on_the_way` is called again and again while an audit is at work; what it raises ends the audit. ClickHouse answers
    with `threads` at once at most; 0: as many as it likes.
    """
    silence_clients()
    with ExitStack() as stack:
        overview = connect_overview(settings.kafka, now_s=clock.now_s, sleep=clock.sleep)
        stack.callback(overview.close)
        reader = Clients(settings.kafka, clock.now_s, clock.sleep).range_reader(on_the_way)
        stack.callback(reader.close)
        tables = AuditQueries(settings.clickhouse, threads=threads)
        stack.callback(tables.close)
        yield (
            overview,
            Auditor(
                tables,
                overview,
                reader,
                patience_s=settings.kafka.connect_timeout_s,
                message_rows=settings.sink.max_message_rows,
                before_slice=on_the_way,
            ),
        )
