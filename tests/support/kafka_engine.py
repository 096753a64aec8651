"""ClickHouse's own Kafka engine, set up by the shipped infra/clickhouse/kafka_engine.sql on a server of its own.

    with Engine(folder, cache) as engine:
        engine.run("producer", "ratings", "--events", "100")
        engine.create()
        engine.await_rows("shadow", 100)

The embedded server (chdb-core 26.9.2) answers a CREATE of a Kafka table with code 49 and makes it all the same, and
does not start again on a folder that has one: so `create` looks, `restart_after_a_kill` takes them away first, and
leaving drops them.
"""

from __future__ import annotations

import re
from contextlib import ExitStack, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from kafka import KafkaProducer

from infra.local.clickhouse import ClickHouse
from infra.local.probes import http_query
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.commands import Commands, ended

FILE = Path(__file__).resolve().parents[2] / "infra" / "clickhouse" / "kafka_engine.sql"
BROKERS = "kafka-1:9092,kafka-2:9092,kafka-3:9092"
"""The address of the compose file's brokers, the only thing in the file that is replaced."""
TABLES = ("shadow_stream", "shadow_consumer", "pipeliningData_queue", "pipeliningData_mv")
ANSWER_S, APPEARS_S, ARRIVES_S = 30.0, 10.0, 60.0
QUICKLY_FORGOTTEN = "<kafka><session_timeout_ms>6000</session_timeout_ms></kafka></clickhouse>"


def statements(text: str) -> list[str]:
    """The statements of a file, without its comments."""
    pieces = re.sub(r"^--.*$", "", text, flags=re.MULTILINE).split(";")
    return [piece.strip() for piece in pieces if piece.strip()]


class Server(ClickHouse):
    """A ClickHouse whose Kafka consumers are missed after 6 s instead of 45, once it is killed."""

    def _prepare(self) -> list[str]:
        command = super()._prepare()
        config = self.folder / "config.xml"
        config.write_text(config.read_text().replace("</clickhouse>", QUICKLY_FORGOTTEN))
        return command


class Engine:
    """Three brokers and a ClickHouse for the Kafka engine alone."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.stack = Stack.on_free_ports(folder, cache, proxied=True)
        self.stack.clickhouse = Server(self.stack.folder, self.stack.ports)
        self._resources = ExitStack()

    @cached_property
    def commands(self) -> Commands:
        """Our own commands, on these brokers."""
        settings = {"KAFKA_GROUP_ID": "engine", "PARTITIONS": "2", "CREATE_REPORT_INTERVAL": "0.001"}
        return Commands(self.stack, **settings)

    def run(self, *words: str) -> None:
        """Run `python -m WORDS`; it must succeed."""
        done = self.commands.run(*words)
        assert done.exit_code == 0, done.said

    def start(self, *words: str) -> None:
        """Run `python -m WORDS` until the end of the block."""
        process = self.commands.start(*words)

        def end() -> None:
            process.kill()
            ended(process)

        self._resources.callback(end)

    def send(self, topic: str, *values: bytes) -> None:
        """Send values to partition 0, and wait until they are acknowledged."""
        futures = [self._producer.send(topic, value=value, partition=0) for value in values]
        for future in futures:
            future.get(timeout=30)

    @cached_property
    def _producer(self) -> KafkaProducer:
        producer = KafkaProducer(bootstrap_servers=self.stack.bootstrap_servers, acks="all")
        self._resources.callback(producer.close)
        return producer

    def ask(self, sql: str) -> str:
        """The answer to a statement. OSError when it is refused."""
        return http_query(self.stack.http_port, sql, ANSWER_S).decode().strip()

    def create(self, brokers: str = "", **replaced: str) -> None:
        """Run the file as it is, but for the brokers' address; `replaced`: and for these words."""
        text = FILE.read_text(encoding="utf-8")
        for word, other in ({BROKERS: brokers or self.stack.bootstrap_servers} | replaced).items():
            assert word in text
            text = text.replace(word, other)
        for sql in statements(text):
            self._do(sql)

    def _do(self, sql: str) -> None:
        refusal = ""
        try:
            self.ask(sql)
        except OSError as error:
            refusal = str(error)
        kind, name = re.findall(r"^CREATE (?:MATERIALIZED )?(\w+) IF NOT EXISTS ([\w.]+)", sql)[0]
        exists = f"EXISTS {kind} {name}"
        assert wait_until(lambda: self.ask(exists) == "1", APPEARS_S), refusal

    def rows(self, table: str, where: str = "1") -> int:
        """How many rows of a table are so."""
        return int(self.ask(f"SELECT count() FROM kafka_engine.{table} WHERE {where}"))

    def await_rows(self, table: str, rows: int, where: str = "1") -> None:
        """Wait until there are so many, or more."""
        assert wait_until(lambda: self.rows(table, where) >= rows, ARRIVES_S), (
            f"{self.rows(table, where)} rows of {rows} in {table}: {self.errors()}"
        )

    def errors(self) -> str:
        """What its consumers complain of."""
        return self.ask(
            "SELECT table, exceptions.text[-1] FROM system.kafka_consumers WHERE database = 'kafka_engine'"
        )

    def restart_after_a_kill(self) -> None:
        """Kill it with SIGKILL and start it again on its data, without the tables that read Kafka."""
        self.stack.clickhouse.kill()
        for name in TABLES:
            for path in self.stack.clickhouse.data.rglob(f"{name}.sql"):
                path.unlink()
        self.stack.clickhouse.start()

    def drop(self) -> None:
        """End everything."""
        with suppress(OSError):
            self.ask("DROP DATABASE IF EXISTS kafka_engine SYNC")

    def __enter__(self) -> Self:
        self.stack.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()
        self.drop()
        self.stack.down()
        if kind is None:
            self.stack.wipe()
