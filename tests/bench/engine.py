"""A peer: ClickHouse's own Kafka engine, in Debian's clickhouse-server 18.16, on a server of its own.

Kafka-engine table → materialized view → MergeTree. At least once; a row has no address.
"""

from __future__ import annotations

import shutil
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.model.ddl import stated_columns
from infra.local.ports import HOST, pick_free
from infra.local.waiting import wait_until
from tests.bench.processes import cpu_s, rss_mib
from tests.bench.sinks import plain_table
from tests.bench.streams import Payload

PROGRAM = "clickhouse-server"
INSTALL = "not installed: apt-get install clickhouse-server"
IMPOSSIBLE = {
    "collatz": "not possible: 18.16 has no 128-bit integers",
    "readings": "not possible: 18.16 has no DateTime64 and no Map",
}
START_DEADLINE_S, DEADLINE_S, STOP_DEADLINE_S = 30.0, 120.0, 10.0
FLUSH_MS = 1_000
"""Its default is 7,500; this is the sink's BATCH_AGE_S."""

CONFIG = """<yandex>
    <logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>
    <http_port>{http}</http_port><tcp_port>{native}</tcp_port><listen_host>{host}</listen_host>
    <path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path>
    <users_config>{folder}/users.xml</users_config>
    <default_profile>default</default_profile><default_database>default</default_database>
    <mark_cache_size>536870912</mark_cache_size>
    <kafka><auto_offset_reset>earliest</auto_offset_reset></kafka>
</yandex>
"""
USERS = """<yandex>
    <profiles><default><stream_flush_interval_ms>{flush_ms}</stream_flush_interval_ms></default></profiles>
    <users><default><password></password><networks><ip>::/0</ip></networks>
        <profile>default</profile><quota>default</quota></default></users>
    <quotas><default></default></quotas>
</yandex>
"""


def reason_against(payload: str) -> str | None:
    """Why there can be no figure, None if there can."""
    return IMPOSSIBLE.get(payload, None if shutil.which(PROGRAM) else INSTALL)


class Engine:
    """A running server."""

    def __init__(self, process: subprocess.Popen[bytes], http: int, bootstrap_servers: str) -> None:
        self._process, self._bootstrap_servers = process, bootstrap_servers
        self._url = f"http://{HOST}:{http}/"

    def ask(self, sql: str) -> str:
        """The answer to a query."""
        request = urllib.request.Request(self._url, sql.encode())
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.read().decode().strip()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{PROGRAM} refuses: {error.read().decode()[:300]}") from error

    def answers(self) -> bool:
        """Whether it serves now. SystemExit when it has ended."""
        if self._process.poll() is not None:
            raise SystemExit(f"{PROGRAM} ended while starting, exit code {self._process.returncode}")
        try:
            return self.ask("SELECT 1") == "1"
        except OSError:
            return False

    def measure(self, payload: Payload, rows: int) -> dict[str, float]:
        """From the view's creation until so many rows are in, or more; all CPU is ClickHouse's."""
        table = plain_table(payload.table)
        columns = ", ".join(f"{name} {kind}" for name, kind in stated_columns(table).items())
        for name in ("view", "queue", "target"):
            self.ask(f"DROP TABLE IF EXISTS {name}")
        self.ask(table.ddl.format(table="target").replace("IF NOT EXISTS ", ""))
        group = f"bench-engine-{uuid.uuid4().hex}"
        self.ask(
            f"CREATE TABLE queue ({columns}) ENGINE = Kafka SETTINGS kafka_broker_list = '{self._bootstrap_servers}', "
            f"kafka_topic_list = '{payload.feed.topic}', kafka_group_name = '{group}', kafka_format = 'JSONEachRow'"
        )
        before_s, started_s = cpu_s(self._process.pid), time.perf_counter()
        self.ask("CREATE MATERIALIZED VIEW view TO target AS SELECT * FROM queue")
        count = lambda: int(self.ask("SELECT count() FROM target"))  # noqa: E731
        if not wait_until(lambda: count() >= rows, DEADLINE_S):
            raise SystemExit(f"the Kafka engine stored {count()} of {rows} rows within {DEADLINE_S:g} s")
        found = count()
        wall_s, used_s = time.perf_counter() - started_s, cpu_s(self._process.pid) - before_s
        rss = rss_mib(self._process.pid)
        for name in ("view", "queue", "target"):
            self.ask(f"DROP TABLE {name}")
        return {"rows": found, "wall_s": wall_s, "cpu_s": 0.0, "clickhouse_cpu_s": used_s, "rss_mib": rss}


@contextmanager
def running(folder: Path, bootstrap_servers: str) -> Iterator[Engine | None]:
    """An engine while the block runs, None where it is not installed."""
    if shutil.which(PROGRAM) is None:
        yield None
        return
    folder.mkdir(parents=True)
    ports = pick_free()
    config = CONFIG.format(folder=folder, http=ports.http, native=ports.clickhouse, host=HOST)
    (folder / "config.xml").write_text(config)
    (folder / "users.xml").write_text(USERS.format(flush_ms=FLUSH_MS))
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(
            [PROGRAM, f"--config-file={folder}/config.xml"], stdout=out, stderr=out, cwd=folder
        )
    try:
        engine = Engine(process, ports.http, bootstrap_servers)
        if not wait_until(engine.answers, START_DEADLINE_S):
            raise SystemExit(f"{PROGRAM} does not answer within {START_DEADLINE_S:g} s: see {folder}/log")
        yield engine
    finally:
        process.terminate()
        try:
            process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
