"""A stream of its own on the shared stack: topics, table, group, and the real commands as processes.

    with Pipeline(stack, "some_test") as pipeline:
        pipeline.create_topics(partitions=2)
        pipeline.migrate()
        sink = pipeline.sink(BATCH_ROWS="500")
        pipeline.produce(1, 1000)                  # the walks of 1..1000
        audit = pipeline.audit(wait_s=30)
        assert (audit.exit_code, audit.totals["missing"]) == (0, 0)

Names come from the pipeline's own, so that tests do not meet each other. Leaving the block ends its processes.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from unittest import mock

from clickhouse_driver import Client
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from common.model.address import tp_address
from common.model.codec import encode
from common.model.topics import DEAD_LETTER_EXTRA_BYTES
from common.process.run import run
from common.streams.collatz import Walk, walk_of
from consumer.__main__ import main
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.sink_process import SinkProcess

ROOT = Path(__file__).resolve().parents[2]
STREAM = "collatz"
TIMESTAMP_MS = 1_795_000_000_000
COMMAND_TIMEOUT_S = 90.0
QUICK = {"BATCH_AGE_S": "0.1", "KAFKA_SESSION_TIMEOUT_S": "6", "KAFKA_CONNECT_TIMEOUT_S": "15"}


def walk(number: int) -> bytes:
    """The message that the producer would send for a number."""
    return encode(Walk(number, walk_of(number), TIMESTAMP_MS))


class Audit(NamedTuple):
    """What `audit --json` said: exit code, the parsed object, what went to stderr."""

    exit_code: int
    report: dict[str, Any]
    said: str

    @property
    def totals(self) -> dict[str, int]:
        """Messages, events, rows, dead, missing, repeated and lag of the stream."""
        totals: dict[str, int] = self.report["streams"][STREAM]
        return totals


class Done(NamedTuple):
    """What became of a command."""

    exit_code: int
    stdout: str
    stderr: str


class Pipeline:
    """Topics `<name>` and `<name>.dead`, table `<name>`, group `<name>-sink`, of the stream collatz."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.name = re.sub(r"\W+", "_", name)
        self.topic, self.dead_topic, self.table = self.name, f"{self.name}.dead", self.name
        self.group = f"{self.name}-sink"
        self.stack = stack
        self.folder = stack.folder / "pipelines" / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            **stack.environment(),
            "KAFKA_TOPIC_NAME": self.topic,
            "CLICKHOUSE_TABLE": self.table,
            "KAFKA_GROUP_ID": self.name,
            **QUICK,
        }
        self.sinks: list[SinkProcess] = []

    @cached_property
    def admin(self) -> KafkaAdminClient:
        """An admin client."""
        return KafkaAdminClient(bootstrap_servers=self.stack.bootstrap_servers)

    @cached_property
    def producer(self) -> KafkaProducer:
        """A producer whose messages are acknowledged by all replicas in sync."""
        return KafkaProducer(bootstrap_servers=self.stack.bootstrap_servers, acks="all", linger_ms=5)

    @cached_property
    def clickhouse(self) -> Client:
        """A connection to ClickHouse."""
        return Client(self.stack.clickhouse_host, port=self.stack.clickhouse_port)

    def create_topics(self, partitions: int = 1, **configs: str) -> None:
        """Create the topic, with these configs, and its dead-letter topic (one partition)."""
        layout = {"num_partitions": partitions, "replication_factor": 3}
        kept = {"retention.ms": "-1"}
        if largest := configs.get("max.message.bytes"):
            kept["max.message.bytes"] = str(int(largest) + DEAD_LETTER_EXTRA_BYTES)
        dead = {"num_partitions": 1, "replication_factor": 3, "configs": kept}
        self.admin.create_topics({self.topic: layout | {"configs": configs}, self.dead_topic: dead})
        self.admin.wait_for_topics([self.topic, self.dead_topic], timeout_ms=15_000)

    def change_topic(self, topic: str, **configs: str) -> None:
        """Give a topic these configs, whether or not every broker has heard of it yet."""
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs)
        answers = self.admin.alter_configs(
            [resource], raise_on_unknown=False
        )  # else it asks a broker that may not know it
        assert answers == {"topic": {topic: "OK"}}, answers

    def migrate(self) -> None:
        """Create the table."""
        done = self.run("migrate")
        assert done.returncode == 0, done.stderr

    def produce(self, first: int, last: int, partition: int | None = None) -> None:
        """Send the walks of first..last, key = number, and wait until all of them are acknowledged."""
        numbers = range(first, last + 1)
        self._send(((b"%d" % number, walk(number)) for number in numbers), partition)

    def produce_raw(self, values: Iterable[bytes | None], partition: int | None = None) -> None:
        """Send these bytes, key = place in the list, and wait until all of them are acknowledged."""
        self._send(((b"%d" % index, value) for index, value in enumerate(values)), partition)

    def _send(self, messages: Iterable[tuple[bytes, bytes | None]], partition: int | None) -> None:
        futures = [
            self.producer.send(self.topic, key=key, value=value, partition=partition)
            for key, value in messages
        ]
        self.producer.flush(timeout=60)
        for future in futures:
            future.get(timeout=1)

    def sink(self, **environment: str) -> SinkProcess:
        """Start a sink and wait until it works on its partitions."""
        sink = self.start_sink(**environment)
        assert wait_until(lambda: sink.has_said("assigned") or not sink.is_running, 30), sink.log_text()
        assert sink.is_running, sink.log_text()
        return sink

    def start_sink(self, **environment: str) -> SinkProcess:
        """Start a sink."""
        log = self.folder / f"sink{len(self.sinks)}.log"
        sink = SinkProcess(self._command("sink"), self.environment | environment, log)
        self.sinks.append(sink)
        return sink

    def auditor(self, **environment: str) -> SinkProcess:
        """Start `audit --every 2`."""
        log = self.folder / f"auditor{len(self.sinks)}.log"
        auditor = SinkProcess(self._command("audit", "--every", "2"), self.environment | environment, log)
        self.sinks.append(auditor)
        return auditor

    def run(self, command: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the consumer to its end."""
        return subprocess.run(
            self._command(command, *arguments),
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
        )

    def call(self, command: str, *arguments: str, **environment: str) -> Done:
        """Run a command in this process, which saves the second or two that Python takes to start and import."""
        stdout, stderr = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, self.environment | environment, clear=True),
            contextlib.chdir(self.folder),
            mock.patch.object(sys, "stdin", io.StringIO()),
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
        ):
            exit_code = run(lambda: main([command, STREAM, *arguments]))
        return Done(exit_code, stdout.getvalue(), stderr.getvalue())

    def _command(self, command: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "consumer", command, STREAM, *arguments]

    def audit(self, wait_s: float | None = None, **environment: str) -> Audit:
        """Audit; with `wait_s`, after waiting up to so long until everything is consumed."""
        waiting = [] if wait_s is None else ["--wait", f"{wait_s:g}"]
        done = self.run("audit", "--json", *waiting, **environment)
        assert done.stdout, f"audit said nothing, exit code {done.returncode}: {done.stderr}"
        return Audit(done.returncode, json.loads(done.stdout), done.stderr)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The answer of ClickHouse; {table} stands for the table."""
        answer: list[tuple[Any, ...]] = self.clickhouse.execute(sql.format(table=f"`{self.table}`"))
        return answer

    def rows(self) -> int:
        """Rows in the table."""
        return int(self.query("SELECT count() FROM {table}")[0][0])

    def await_rows(self, rows: int, timeout_s: float = 30.0) -> None:
        """Wait until the table holds at least so many."""
        assert wait_until(lambda: self.rows() >= rows, timeout_s), (
            f"{self.rows()} rows of {rows}: {self._last_log()}"
        )

    @cached_property
    def topic_id(self) -> uuid.UUID:
        """The id of the topic, once it is created."""
        return uuid.UUID(str(self.admin.describe_topics([self.topic])[0]["topic_id"]))

    def tp(self, partition: int) -> int:
        """The `_tp` of the rows that came from a partition."""
        return tp_address(self.topic_id, partition)

    def committed(self, group: str | None = None) -> dict[int, int]:
        """Partition → committed offset of the sink's group."""
        group = group or self.group
        found = self.admin.list_group_offsets(group)[group]
        return {
            tp.partition: at.offset for tp, at in found.items() if tp.topic == self.topic and at.offset >= 0
        }

    def ends(self) -> dict[int, int]:
        """Partition → the offset after its last record."""
        partitions = self.admin.describe_topics([self.topic])[0]["partitions"]
        tps = [TopicPartition(self.topic, partition["partition_index"]) for partition in partitions]
        return {
            tp.partition: at.offset
            for tp, at in self.admin.list_partition_offsets(dict.fromkeys(tps, -1)).items()
        }

    def await_consumed(self, timeout_s: float = 30.0) -> None:
        """Wait until everything that is in the topic is committed."""
        caught_up: Callable[[], bool] = lambda: self.committed() == self.ends()  # noqa: E731
        assert wait_until(caught_up, timeout_s), f"{self.committed()} of {self.ends()}: {self._last_log()}"

    def _last_log(self) -> str:
        return self.sinks[-1].log_text() if self.sinks else "no sink was started"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sink in self.sinks:
            sink.kill()
        for client in ("admin", "producer"):
            if client in self.__dict__:
                self.__dict__[client].close()
        if "clickhouse" in self.__dict__:
            self.clickhouse.disconnect()
