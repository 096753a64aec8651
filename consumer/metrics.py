"""What a service counts, as Prometheus metrics in a registry of its own; /metrics shows them.

One class a service, its metrics as named members; the loop updates them a batch at a time, never a message.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

INSERT_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
TRANSACTION_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
AGE_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)


class MemberMetrics:
    """What every member of a group counts, as `penstock_<role>_…`."""

    def __init__(self, role: str) -> None:
        self.registry = CollectorRegistry()
        self._role = role
        ProcessCollector(registry=self.registry)
        self.rebalances = self._counter("rebalances", "Assignments of partitions", [])
        self.retries = self._counter("retries", "Calls tried again", ["call"])
        self.lag = self._gauge("lag_messages", "Messages not committed yet", ["topic", "partition"])
        self.parked = self._gauge("parked", "1 while the feed cannot go on", ["feed"])

    def _counter(self, name: str, meaning: str, labels: list[str]) -> Counter:
        return Counter(f"penstock_{self._role}_{name}", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, labels: list[str]) -> Gauge:
        return Gauge(f"penstock_{self._role}_{name}", meaning, labels, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(
            f"penstock_{self._role}_{name}", meaning, ["feed"], registry=self.registry, buckets=buckets
        )


class TransformMetrics(MemberMetrics):
    """What transforms count in addition, each by its name, `stream.transform`."""

    def __init__(self) -> None:
        super().__init__("transform")
        by_transform = ["transform"]
        self.messages = self._counter("messages", "Messages done and committed", by_transform)
        self.outputs = self._counter("outputs", "Messages produced and committed", by_transform)
        self.late = self._counter(
            "late_events", "Events that came after their window was closed", by_transform
        )
        self.dead_letters = self._counter(
            "dead_letters", "Messages of which no output can be made", ["transform", "reason"]
        )
        self.transactions = self._counter("transactions", "Transactions committed", [])
        self.transaction_seconds = Histogram(
            "penstock_transform_transaction_seconds",
            "Duration of a transaction, from its first output to its end",
            registry=self.registry,
            buckets=TRANSACTION_BUCKETS_S,
        )


class SinkMetrics(MemberMetrics):
    """What the sink counts in addition. Labels are given by `metric.labels(feed)`, in the order below."""

    def __init__(self) -> None:
        super().__init__("sink")
        by_feed = ["feed"]
        self.rows = self._counter("rows", "Rows stored", by_feed)
        self.bytes = self._counter("bytes", "Decoded bytes of the messages stored", by_feed)
        self.batches = self._counter("batches", "Batches stored and committed", by_feed)
        self.dead_letters = self._counter(
            "dead_letters", "Messages of which no row can be made", ["feed", "reason"]
        )
        self.cuts = self._counter(
            "cuts", "Batches stored and committed, by why they were cut", ["feed", "reason"]
        )
        self.insert_seconds = self._histogram("insert_seconds", "Duration of an INSERT", INSERT_BUCKETS_S)
        self.batch_age_seconds = self._histogram(
            "batch_age_seconds", "From the fetch of a batch's first message to its commit", AGE_BUCKETS_S
        )


class AuditorMetrics:
    """What the auditor tells of its rounds, as `penstock_auditor_…`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.rounds = Counter("penstock_auditor_rounds", "Rounds written", registry=self.registry)
        self.failures = Counter(
            "penstock_auditor_failures", "Rounds that could not be done", registry=self.registry
        )
        self.round_seconds = self._gauge("round_seconds", "Duration of the last round")
        self.last_round = self._gauge("last_round_timestamp_seconds", "Unix time at which it began")
        self.missing = self._gauge("missing", "Missing messages and events in the last round")
        self.repeated = self._gauge("repeated", "Repeated messages and events in the last round")
        self.wrong = self._gauge("wrong", "Partitions and stages of the last round that are not sound")
        self.unjudged = self._gauge("unjudged", "Partitions and stages of it that are not judged, or not yet")

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(f"penstock_auditor_{name}", meaning, registry=self.registry)
