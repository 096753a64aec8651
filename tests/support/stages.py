"""A shipped stream end to end on real servers: its topics, tables, transforms and sinks under names of the test's own.

with Stages(stack, "some_test", "ratings", partitions=3) as stages:
    stages.send("dominate", [b'{"rating": 15, "unique_id": "a"}'])
    worker = stages.start("transform")           # the real command, as a process
    stages.await_done("dominate")                # the transform has committed all of it
    records = stages.read("shadow")              # what a stock consumer of committed data sees
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import random
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from clickhouse_driver import Client
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from common.clickhouse_io.schema import Schema
from common.kafka_io.admin import connect_admin
from common.model.stream import Stream
from common.model.topics import wanted
from common.settings.config import Settings
from common.streams import STREAMS
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.asking import asked
from tests.support.in_process import CLOCK
from tests.support.pipeline import QUICK, ROOT
from tests.support.prefixed import PREFIX, prefixed
from tests.support.sink_process import SinkProcess

NUMBERS = itertools.count(1)


class Stages:
    """The stream `name` with a prefix of the test's own before each topic and table."""

    def __init__(self, stack: Stack, test: str, name: str, partitions: int = 3, **settings: str) -> None:
        self.stack, self.name = stack, name
        self.prefix = f"{re.sub(r'[^a-z0-9]+', '-', test.lower())[:40]}-{next(NUMBERS)}-"
        self.folder = stack.folder / "stages" / self.prefix
        self.folder.mkdir(parents=True, exist_ok=True)
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            **stack.environment(),
            "KAFKA_GROUP_ID": self.prefix.rstrip("-"),
            "PARTITIONS": str(partitions),
            PREFIX: self.prefix,
            **QUICK,
            **settings,
        }
        self.group = f"{self.prefix.rstrip('-')}-transform"
        self.processes: list[SinkProcess] = []
        self._resources = ExitStack()
        self._make()

    def _make(self) -> None:
        self.make_topics()
        schema = Schema(Settings.from_env(self.environment).clickhouse)
        schema.create(table for feed in self.stream.feeds for table in feed.tables)
        schema.close()

    def make_topics(self) -> None:
        """Create the topics of the stream that are not there."""
        settings = Settings.from_env(self.environment)
        admin = connect_admin(settings.kafka, now_s=CLOCK.now_s, sleep=CLOCK.sleep)
        specs = wanted([self.stream], settings.topics)
        admin.create(specs)
        admin.wait_usable([spec.name for spec in specs], 30)
        admin.close()

    @cached_property
    def stream(self) -> Stream:
        """With the prefix."""
        return prefixed(STREAMS[self.name], self.prefix)

    @cached_property
    def producer(self) -> KafkaProducer:
        """A stock producer whose messages are acknowledged by all replicas in sync."""
        producer = KafkaProducer(bootstrap_servers=self.stack.bootstrap_servers, acks="all", linger_ms=5)
        self._resources.callback(producer.close)
        return producer

    @cached_property
    def admin(self) -> KafkaAdminClient:
        """A stock admin client."""
        admin = KafkaAdminClient(bootstrap_servers=self.stack.bootstrap_servers)
        self._resources.callback(admin.close)
        return admin

    @cached_property
    def clickhouse(self) -> Client:
        """A connection to ClickHouse."""
        client = Client(self.stack.clickhouse_host, port=self.stack.clickhouse_port)
        self._resources.callback(client.disconnect)
        return client

    def send(self, topic: str, values: Iterable[bytes], **how: Any) -> None:
        """Send values and wait until all are acknowledged."""
        futures = [self.producer.send(self.prefix + topic, value=value, **how) for value in values]
        self.producer.flush(timeout=60)
        for future in futures:
            future.get(timeout=1)

    def generate(self, events: int, seed: int = 1, now_s: float = 1_795_000_000.0) -> dict[str, list[bytes]]:
        """Send what the stream's own generator makes; topic → values, in order."""
        from common.model.codec import encode

        sent: dict[str, list[bytes]] = {}
        generate = STREAMS[self.name].generate
        assert generate is not None
        options = STREAMS[self.name].options()
        clock = itertools.count(int(now_s * 1000))
        made = generate(random.Random(seed), options, lambda: next(clock) / 1000)
        for emission in itertools.islice(made, events):
            value = encode(emission.event)
            sent.setdefault(emission.topic, []).append(value)
            self.producer.send(self.prefix + emission.topic, value=value, key=emission.key)
        self.producer.flush(timeout=60)
        return sent

    def start(self, command: str, *arguments: str, wait: bool = True, **settings: str) -> SinkProcess:
        """Start `python -m consumer <command> <stream>`, and wait until it works on its partitions."""
        log = self.folder / f"{command}{len(self.processes)}.log"
        line = [sys.executable, "-m", "tests.support.prefixed", command, self.name, *arguments]
        process = SinkProcess(line, self.environment | settings, log)
        self.processes.append(process)
        if wait:
            assert wait_until(lambda: process.has_said("assigned") or not process.is_running, 30), (
                process.log_text()
            )
            assert process.is_running, process.log_text()
        return process

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the consumer to its end."""
        return subprocess.run(
            [sys.executable, "-m", "tests.support.prefixed", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
        )

    def ask(self, question: str, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows of an answer."""
        given = [word for name, value in parameters.items() for word in ("--param", f"{name}={value}")]
        done = self.run("ask", self.name, question, "--json", *given)
        assert done.returncode == 0, done.stderr
        return list(map(tuple, json.loads(done.stdout)["rows"]))

    def audit(self) -> tuple[int, dict[str, dict[str, Any]], str]:
        """Exit code of `audit --json --wait`, "source stage" → its counts, what was said."""
        done = self.run("audit", self.name, "--json", "--wait", "30")
        assert done.stdout, done.stderr
        stages = json.loads(done.stdout)["streams"][self.name]["stages"]
        named = {each["from"].removeprefix(self.prefix) + " " + each["stage"]: each for each in stages}
        return done.returncode, named, done.stderr

    def committed(self, topic: str) -> dict[int, dict[str, Any]]:
        """Partition → what the transform's group has committed: its metadata, and the offset as `offset`."""
        found = self._ask(lambda: self.admin.list_group_offsets(self.group))[self.group]
        return {
            tp.partition: json.loads(at.metadata) | {"offset": at.offset}
            for tp, at in found.items()
            if tp.topic == self.prefix + topic and at.offset >= 0
        }

    def ends(self, topic: str) -> dict[int, int]:
        """Partition → the offset after its last record."""
        (described,) = self._ask(lambda: self.admin.describe_topics([self.prefix + topic]))
        tps = [
            TopicPartition(self.prefix + topic, each["partition_index"]) for each in described["partitions"]
        ]
        found = self._ask(lambda: self.admin.list_partition_offsets(dict.fromkeys(tps, -1)))
        return {tp.partition: at.offset for tp, at in found.items()}

    def _ask(self, question: Callable[[], Any]) -> Any:
        """The answer, asked anew by a new client while brokers say that it may come later."""
        return asked(question, lambda: self.__dict__.pop("admin").close())

    def messages_read(self, topic: str) -> int:
        """How many messages of one of its sources the transform has committed."""
        return sum(said["read"] for said in self.committed(topic).values())

    def await_read(self, topic: str, messages: int, timeout_s: float = 40.0) -> None:
        """Wait until the transform has committed so many messages of one of its sources."""
        assert wait_until(lambda: self.messages_read(topic) >= messages, timeout_s), self.logs()

    def await_parked(self, topic: str, reason: str, timeout_s: float = 40.0) -> None:
        """Wait until a process has parked one of its sources for a reason that holds these words."""

        def is_parked() -> bool:
            return any(
                said["message"] == "a feed is parked"
                and said["feed"] == self.prefix + topic
                and reason in said["reason"]
                for said in map(json.loads, filter(None, self.logs().splitlines()))
            )

        assert wait_until(is_parked, timeout_s), self.logs()

    def await_done(self, topic: str, timeout_s: float = 40.0) -> None:
        """Wait until the transform has committed everything that is in one of its sources."""

        def is_done() -> bool:
            read = {partition: said["read"] for partition, said in self.committed(topic).items()}
            return read == self.ends(topic)

        assert wait_until(is_done, timeout_s), f"{self.committed(topic)} of {self.ends(topic)}: {self.logs()}"

    def read(self, topic: str, timeout_s: float = 30.0) -> list[Any]:
        """All committed records of a topic, as a stock consumer sees them, by partition and offset."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.stack.bootstrap_servers,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            group_id=None,
        )
        try:
            numbers = consumer.partitions_for_topic(self.prefix + topic) or set()
            tps = [TopicPartition(self.prefix + topic, number) for number in sorted(numbers)]
            consumer.assign(tps)
            consumer.seek_to_beginning(*tps)
            ends = consumer.end_offsets(tps)
            records: list[Any] = []

            def is_read() -> bool:
                for found in consumer.poll(timeout_ms=200).values():
                    records.extend(found)
                return all(consumer.position(tp) >= ends[tp] for tp in tps)

            assert wait_until(is_read, timeout_s), f"{topic}: {len(records)} records"
            return sorted(records, key=lambda record: (record.partition, record.offset))
        finally:
            consumer.close()

    def logs(self) -> str:
        """What all processes have said."""
        return "\n".join(process.log_text() for process in self.processes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes:
            process.kill()
        self._resources.close()
        with warnings.catch_warnings():  # kafka-python forgets sockets whose connection was refused
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


def sources(records: Sequence[Any]) -> list[tuple[str, int, int]]:
    """The messages that records say they were made from: partition's name, offset, index."""
    found = []
    for record in records:
        (said,) = [value for name, value in record.headers if name == "penstock-source"]
        name, offset, index = said.decode().split(":")
        found.append((name, int(offset), int(index)))
    return found
