"""What a producer counts, read from its writer whenever /metrics is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from common.kafka_io.writer import BulkWriter


class WriterCollector:
    """The counts of one writer, for one stream."""

    def __init__(self, writer: BulkWriter, stream: str) -> None:
        self._writer = writer
        self._stream = stream

    def collect(self) -> Iterator[Metric]:
        """Called by prometheus-client for each scrape."""
        events = CounterMetricFamily(
            "penstock_producer_events", "Events sent, by what became of them", labels=["stream", "outcome"]
        )
        for outcome in ("sent", "acknowledged", "failed"):
            events.add_metric([self._stream, outcome], getattr(self._writer, outcome))
        yield events
        waiting = GaugeMetricFamily(
            "penstock_producer_waiting_bytes", "Compressed bytes not acknowledged yet", labels=["stream"]
        )
        waiting.add_metric([self._stream], self._writer.waiting_bytes)
        yield waiting


def registry_of(writer: BulkWriter, stream: str) -> CollectorRegistry:
    """Everything that /metrics of a producer shows."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(WriterCollector(writer, stream))
    return registry
