"""Reads topics and tables with stock clients, and hands them to the judges; then looks at what the audit says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from clickhouse_driver import Client
from kafka import KafkaConsumer, TopicPartition

from tests.chaos.transforms.judges import ratings, sensors, stored, visits
from tests.chaos.transforms.judges.records import Input, Record, inputs_of
from tests.chaos.transforms.ledger import Ledger
from tests.chaos.transforms.messages import Sort

NO_LETTERS = (
    "shadow",
    "hist_temperature",
    "hist_humidity",
    "hist_pressure",
    "visits-by-store",
    "active-visitors",
)
WALKS = (
    "SELECT number, toInt64(count()), toInt64(uniqExact(step)), toInt64(max(step)), sum(value) "
    "FROM data_series GROUP BY number"
)
COUNTS = (
    "SELECT account_id, store_id, toUnixTimestamp64Milli(start), visits, late, state FROM active_visitors"
)


@dataclass
class Result:
    """What was compared, and what is wrong, a line each."""

    messages: int = 0
    events: dict[str, int] = field(default_factory=dict)
    """Topic → events acknowledged; a bad message counts as one."""
    outputs: int = 0
    findings: list[str] = field(default_factory=list)


class Check:
    """One run's topics and tables against its ledger."""

    def __init__(self, client: Client, bootstrap_servers: str, ledger: Ledger, window_ms: int) -> None:
        self._client, self._servers, self._ledger = client, bootstrap_servers, ledger
        self._window_ms = window_ms
        self._result = Result()

    def run(self) -> Result:
        """All of it, a stream at a time."""
        found = self._result.findings
        shadows = self._rows("SELECT type, unique_id, emit_timestamp FROM shadow")
        found += ratings.judge_ratings(
            self._inputs("dominate"), self._outputs("shadow"), self._letters("dominate"), shadows
        )
        for topic in sensors.LIMITS:
            found += self._sensor(topic)
        self._visits()
        reports = ", ".join(stored.REPORT)
        rows = self._rows(f"SELECT toUnixTimestamp64Milli(time), {reports} FROM metrics")
        found += stored.judge_quotes(self._inputs("metrics_raw"), self._letters("metrics_raw"), rows)
        walks = self._rows(WALKS)
        found += stored.judge_walks(self._inputs("conjecture.data"), self._letters("conjecture.data"), walks)
        for topic in NO_LETTERS:
            found += [f"{topic}.dead: a letter, at offset {each.offset}" for each in self._letters(topic)]
        return self._result

    def _sensor(self, topic: str) -> list[str]:
        kind = f"WHERE kind = '{topic}'"
        return sensors.judge_sensor(
            topic,
            self._inputs(topic),
            self._outputs(f"hist_{topic}"),
            self._letters(topic),
            self._rows(f"SELECT measurement, measurement_time FROM measurements {kind}"),
            self._rows(f"SELECT partition, until FROM histograms {kind}"),
        )

    def _visits(self) -> None:
        found = self._result.findings
        inputs, counts = self._inputs("visits"), self._outputs("active-visitors")
        found += visits.judge_regrouped(inputs, self._outputs("visits-by-store"), self._letters("visits"))
        found += visits.judge_windows(inputs, counts, self._window_ms)
        found += visits.judge_stored(counts, self._rows(COUNTS))

    def _inputs(self, topic: str) -> list[Input]:
        inputs, findings = inputs_of(topic, self._records(topic), *self._ledger.of(topic))
        self._result.findings += findings
        self._result.messages += len(inputs)
        self._result.events[topic] = sum(1 if each.sort is Sort.BAD else len(each.events) for each in inputs)
        return inputs

    def _outputs(self, topic: str) -> list[Record]:
        outputs = list(self._records(topic))
        self._result.outputs += len(outputs)
        return outputs

    def _letters(self, topic: str) -> list[Record]:
        return list(self._records(f"{topic}.dead"))

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._client.execute(sql)
        return rows

    def _records(self, topic: str) -> Iterator[Record]:
        """Everything committed in a topic, by kafka-python's own consumer."""
        consumer = KafkaConsumer(
            bootstrap_servers=self._servers,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            group_id=None,
        )
        try:
            tps = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
            consumer.assign(tps)
            consumer.seek_to_beginning(*tps)
            ends = consumer.end_offsets(tps)
            while any(consumer.position(tp) < ends[tp] for tp in tps):
                for records in consumer.poll(1000).values():
                    for each in records:
                        yield Record(
                            each.partition, each.offset, each.timestamp, each.value, tuple(each.headers)
                        )
        finally:
            consumer.close()


def judge_audit(exit_code: int, report: dict[str, Any], events: dict[str, int]) -> list[str]:
    """Exit code 0; in each stage every event is somewhere; into a first one came what was acknowledged. Pure."""
    findings = [f"audit: exit code {exit_code}"] if exit_code else []
    for stream in report["streams"].values():
        for stage in stream["stages"]:
            name = f"audit: {stage['stage']} of {stage['from']}"
            somewhere = stage["left"] + stage["dead"] + stage["late"] + stage["pending"]
            if stage["entered"] != somewhere or stage["missing"] or stage["repeated"]:
                findings.append(f"{name}: {stage}")
            wanted = events.get(stage["from"])
            if stage["stage"] != "sink" and wanted is not None and stage["entered"] != wanted:
                findings.append(f"{name}: {stage['entered']} entered, {wanted} were acknowledged")
    return findings
