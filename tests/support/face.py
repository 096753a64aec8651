"""The whole pipeline under its own names, with events flowing, and the api before it: what a person looks at.

    with Face(stack) as face:
        face.get("/longest_step_chain").json()
        face.query("SELECT count() FROM data_series")

Topics have their real names; tables are in a database of their own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import requests
from clickhouse_driver import Client

from common.streams import STREAMS
from infra.local.ports import pick_free
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.commands import Commands
from tests.support.patience import GET_S, get_patiently
from tests.support.pipeline import QUICK, ROOT
from tests.support.sink_process import SinkProcess

DATABASE = "face"
RATE = "50"
START_S = 120.0


class Face:
    """The services, each a process of its own. `services` has them by name."""

    def __init__(self, stack: Stack, *, has_api: bool = True, **settings: str) -> None:
        self.stack, self._has_api = stack, has_api
        self.folder = stack.folder / "face"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = pick_free().clickhouse
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            **stack.environment(),
            **QUICK,
            "KAFKA_GROUP_ID": "face",
            "CLICKHOUSE_DB": DATABASE,
            "PARTITIONS": "2",
            "VISITS_WINDOW_S": "10",
            "VISITS_GRACE_S": "3",
            **settings,
        }
        self.services: dict[str, SinkProcess] = {}

    def start(self, name: str, *words: str, **settings: str) -> SinkProcess:
        """Run `python -m WORDS` in the background."""
        log = self.folder / f"{name}.log"
        command = [sys.executable, "-m", *words]
        service = SinkProcess(command, self.environment | {"INSTANCE": name} | settings, log)
        self.services[name] = service
        return service

    def start_api(self, **settings: str) -> SinkProcess:
        """Start the api, and wait until it answers."""
        api = self.start("api", "api", HTTP_PORT=str(self.port), **settings)
        assert wait_until(lambda: self.status("/health") == 200 or not api.is_running, START_S), (
            api.log_text()
        )
        assert api.is_running, api.log_text()
        return api

    def get(self, path: str, **options: Any) -> requests.Response:
        """The answer to a GET; a 503 is retried for a while."""
        return get_patiently(f"{self.url}{path}", **options)

    def get_once(self, path: str) -> requests.Response:
        """The answer to a single GET, 503 or not."""
        return requests.get(f"{self.url}{path}", timeout=GET_S)

    def status(self, path: str) -> int:
        """The status of the answer to a single GET; 0 if there is none."""
        try:
            return self.get_once(path).status_code
        except requests.RequestException:
            return 0

    def awaited(self, path: str, holds: Callable[[Any], object], timeout_s: float = 30) -> Any:
        """The JSON of a GET, as soon as it is no refusal and what it says holds.

        Just after a topic was created, or while there is much to do, the api may have to refuse.
        """
        told: list[requests.Response] = []

        def is_told() -> bool:
            told[:] = [self.get_once(path)]
            return told[0].status_code == 200 and bool(holds(told[0].json()))

        assert wait_until(is_told, timeout_s), told[0].text
        return told[0].json()

    @cached_property
    def clickhouse(self) -> Client:
        """A connection to the database."""
        return Client(
            self.stack.clickhouse_host,
            port=self.stack.clickhouse_port,
            database=self.environment["CLICKHOUSE_DB"],
        )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The answer of ClickHouse."""
        rows: list[tuple[Any, ...]] = self.clickhouse.execute(sql)
        return rows

    def has_rows(self) -> bool:
        """Whether every table of every stream has some, and a window of visits is closed."""
        tables = {table.name for each in STREAMS.values() for feed in each.feeds for table in feed.tables}
        if not all(self.query(f"SELECT count() > 0 FROM `{table}`")[0][0] for table in sorted(tables)):
            return False
        return bool(self.query("SELECT count() FROM active_visitors WHERE state = 'final'")[0][0])

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def _start(self) -> None:
        commands = Commands(self.stack, **self.environment)
        for words in (("common.topics",), ("consumer", "migrate")):
            done = commands.run(*words)
            assert done.exit_code == 0, done.said
        self.start("consumer-1", "consumer", "sink")
        self.start("transformer-1", "consumer", "transform")
        self.start("auditor", "consumer", "audit", "--every", "5")
        self.start("producer", "producer", "all", "--rate", RATE)
        if self._has_api:
            self.start_api()
        assert wait_until(self.has_rows, START_S), self.services["consumer-1"].log_text()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything."""
        for service in self.services.values():
            service.kill()
        if "clickhouse" in self.__dict__:
            self.clickhouse.disconnect()
