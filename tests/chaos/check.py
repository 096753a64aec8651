"""Is every acknowledged row there, once? By SQL and a stock Kafka consumer, sharing no code with the audit.

The ledger goes into a table beside the rows, and the two are compared address by address.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from clickhouse_driver import Client
from kafka import KafkaConsumer, TopicPartition

from tests.chaos.ledger import Ledger
from tests.chaos.messages import checksum

SHOWN = 20
SLICES = 8
LEDGER_DDL = """
CREATE TABLE {ledger} (partition UInt32, off UInt64, rows UInt32, mark UInt64)
ENGINE = MergeTree ORDER BY (partition, off)
"""
# In slices of addresses, so that memory stays small; a row of the answer is an address that is not as it must be.
COMPARE = """
SELECT p, o, sum(known) AS known, sum(told) AS told, sum(held) AS held, sum(distinct) AS distinct,
    multiIf(known = 0, 'stranger', told = 0, 'repeated', held > distinct, 'repeated', distinct < told, 'missing',
        'wrong') AS verdict, max(number) AS number
FROM (
    SELECT bitAnd(_tp, 65535) AS p, _off AS o, 0 AS known, 0 AS told, 0 AS mark, count() AS held,
        uniqExact(_row) AS distinct, max(_row) AS last, min(_rows) AS least, max(_rows) AS most,
        minIf(number, _row = 0) AS number
    FROM {table} WHERE _off % {slices} = {slice} GROUP BY _tp, _off
    UNION ALL
    SELECT toUInt64(partition), off, 1, rows, mark, 0, 0, 0, 0, 0, 0
    FROM {ledger} WHERE off % {slices} = {slice}
)
GROUP BY p, o
HAVING NOT (known = 1 AND told = 0 AND held = 0) AND NOT (
    known = 1 AND held = told AND distinct = told AND max(last) + 1 = told
    AND max(least) = told AND max(most) = told AND number = max(mark)
)
ORDER BY p, o
"""


@dataclass(frozen=True)
class Finding:
    """An address that is not as it must be."""

    verdict: str
    partition: int
    offset: int
    how: str

    def __str__(self) -> str:
        return f"{self.verdict}: partition {self.partition} offset {self.offset}: {self.how}"


@dataclass
class Result:
    """What was compared, and what is wrong."""

    messages: int = 0
    rows: int = 0
    dead: int = 0
    letters: int = 0
    unknown: int = 0
    unknown_stored: int = 0
    findings: list[Finding] = field(default_factory=list)

    def count(self, *verdicts: str) -> int:
        """Findings of these sorts."""
        return sum(finding.verdict in verdicts for finding in self.findings)

    @property
    def missing(self) -> int:
        """Addresses that lack rows or their dead letter."""
        return self.count("missing")

    @property
    def repeated(self) -> int:
        """Addresses with more than their rows."""
        return self.count("repeated", "stranger", "wrong")


class Check:
    """One run's table and dead-letter topic against its ledger."""

    def __init__(self, client: Client, table: str, ledger: Ledger) -> None:
        self._client, self._table, self._ledger = client, table, ledger
        self._ledger_table = f"{table}_ledger"

    def run(self, bootstrap_servers: str, dead_topic: str) -> Result:
        """All of it."""
        unknown = self._ledger.unknown()
        result = Result(messages=len(self._ledger), rows=self._ledger.rows, unknown=len(unknown))
        self._load()
        self._compare(result)
        self._look_for_twins(result)
        self._read_letters(result, bootstrap_servers, dead_topic)
        result.findings.sort(key=lambda finding: (finding.partition, finding.offset))
        return result

    def _load(self) -> None:
        self._execute("DROP TABLE IF EXISTS {ledger}")
        self._execute(LEDGER_DDL)
        columns = [column.tolist() for column in self._ledger.columns()]
        self._client.execute(
            f"INSERT INTO `{self._ledger_table}` (partition, off, rows, mark) VALUES", columns, columnar=True
        )

    def _compare(self, result: Result) -> None:
        strangers = {entry.mark: entry for entry in self._ledger.unknown() if entry.rows}
        for number in range(SLICES):
            rows = self._execute(COMPARE, slices=SLICES, slice=number)
            for partition, offset, _, told, held, distinct, verdict, mark in rows:
                entry = strangers.pop(mark, None) if verdict == "stranger" else None
                if entry and entry.partition == partition and entry.rows == held == distinct:
                    result.unknown_stored += 1
                    continue
                how = f"{held} rows are there, {distinct} of them different, {told} were acknowledged"
                result.findings.append(Finding(verdict, partition, offset, how))

    def _look_for_twins(self, result: Result) -> None:
        """The same number at two addresses, or the same address acknowledged twice."""
        twins = "SELECT _tp % 65536, max(_off), number, count() FROM {table} WHERE step = 0 AND _row = 0 "
        for partition, offset, number, times in self._execute(
            f"{twins} GROUP BY _tp, number HAVING count() > 1"
        ):
            how = f"number {number} begins {times} messages, and was sent once"
            result.findings.append(Finding("repeated", partition, offset, how))
        twice = "SELECT partition, off, count() FROM {ledger} GROUP BY partition, off HAVING count() > 1"
        for partition, offset, times in self._execute(twice):
            result.findings.append(
                Finding("repeated", partition, offset, f"the address was acknowledged {times} times")
            )

    def _read_letters(self, result: Result, bootstrap_servers: str, dead_topic: str) -> None:
        wanted = {
            (partition, offset): mark
            for partition, offset, rows, mark in zip(*self._ledger.columns(), strict=True)
            if rows == 0
        }
        unknown = Counter(entry.mark for entry in self._ledger.unknown() if not entry.rows)
        seen: set[tuple[int, int]] = set()
        for record in _records(bootstrap_servers, dead_topic):
            result.letters += 1
            headers = dict(record.headers)
            at = int(headers["penstock-partition"]), int(headers["penstock-offset"])
            if at in seen:
                continue
            seen.add(at)
            mark = checksum(record.value)
            if at in wanted and wanted[at] != mark:
                result.findings.append(
                    Finding("wrong", *at, "the dead letter is not the message that was sent")
                )
            elif at not in wanted and unknown[mark] <= 0:
                result.findings.append(
                    Finding("stranger", *at, "a dead letter of a message that was not bad")
                )
            elif at not in wanted:
                unknown[mark] -= 1
                result.unknown_stored += 1
        result.dead = len(seen)
        for at in wanted.keys() - seen:
            result.findings.append(Finding("missing", *at, "a bad message without a dead letter"))

    def _execute(self, sql: str, **parts: int) -> list[tuple[Any, ...]]:
        tables = {"table": f"`{self._table}`", "ledger": f"`{self._ledger_table}`"}
        rows: list[tuple[Any, ...]] = self._client.execute(sql.format(**tables, **parts))
        return rows


def _records(bootstrap_servers: str, topic: str) -> Any:
    """Everything in a topic, by kafka-python's own consumer."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    try:
        tps = [TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic)]
        consumer.assign(tps)
        consumer.seek_to_beginning(*tps)
        ends = consumer.end_offsets(tps)
        while any(consumer.position(tp) < ends[tp] for tp in tps):
            for records in consumer.poll(1000).values():
                yield from records
    finally:
        consumer.close()
