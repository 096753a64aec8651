"""Every query of the dashboards and of the alert, asked as the user `grafana` of what the real pipeline has stored.

Grafana itself cannot be run here. Its part, the macros of the ClickHouse plugin, is done by tests.support.grafana.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from clickhouse_driver import Client, errors

from common.streams import STREAMS, quotes
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.commands import Commands, ended
from tests.support.compose_clickhouse import DATABASE, compose_clickhouse, connected
from tests.support.face import Face
from tests.support.grafana import Asked, every_query, expanded, fires
from tests.support.pipeline import QUICK

QUERIES = [pytest.param(asked, id=asked.where) for asked in every_query()]
LOOKED_BACK_S = 900
ANSWER_S = 180.0
"""Enough for a log of parts, written every 7.5 s, and for two rounds of an auditor on a machine with much to do."""
UNKNOWN_TABLE = 60
REPORTS = 300
SEED = 7

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def guarded(own_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The brokers, and a ClickHouse with the users of compose and no table yet."""
    with compose_clickhouse(own_stack, tmp_path_factory.mktemp("guarded")) as other:
        yield other


@pytest.fixture(scope="module")
def grafana(guarded: Stack) -> Iterator[Client]:
    with connected(guarded, "grafana") as client:
        yield client


def ask(client: Client, asked: Asked) -> list[tuple]:
    now_s = time.time()
    sql = expanded(asked.sql, from_s=now_s - LOOKED_BACK_S, to_s=now_s + 1, variables=asked.variables)
    return client.execute(sql)


def has_log(client: Client) -> bool:
    """Whether the log of parts is there."""
    try:
        client.execute("SELECT 1 FROM system.part_log LIMIT 1")
    except errors.ServerException as error:
        if error.code == UNKNOWN_TABLE:
            return False
        raise
    return True


@pytest.fixture(scope="module")
def commands(guarded: Stack) -> Commands:
    """Our commands on an empty database, its tables made by the user `migrate`."""
    told = {
        "CLICKHOUSE_DB": DATABASE,
        "KAFKA_GROUP_ID": "alert",
        "KAFKA_TOPIC": "grafana_alert",
        "PARTITIONS": "1",
    }
    made = Commands(guarded, **told, **QUICK)
    as_migrate = {"CLICKHOUSE_USER": "migrate", "CLICKHOUSE_PASSWORD": "migrate"}
    for words, user in ((("common.topics",), {}), (("consumer", "migrate"), as_migrate)):
        done = made.run(*words, **user)
        assert done.exit_code == 0, done.said
    return made


@pytest.mark.usefixtures("commands")
def test_no_query_fails_while_the_tables_are_empty(grafana):
    assert wait_until(lambda: has_log(grafana), ANSWER_S)
    assert grafana.execute("SELECT count() FROM metrics") == [(0,)]
    for asked in every_query():
        ask(grafana, asked)  # raises where ClickHouse refuses


@pytest.mark.usefixtures("commands")
def test_an_alert_without_reports_does_not_fire(grafana):
    assert not fires(grafana.execute, time.time())


@pytest.mark.parametrize(("random_start", "does_fire"), [("0", False), ("9", True)])
def test_the_alert_fires_for_a_producer_that_reaches_the_threshold(
    commands, grafana, random_start, does_fire
):
    def reports() -> int:
        return int(grafana.execute("SELECT count() FROM metrics")[0][0])

    before = reports()
    user = {"CLICKHOUSE_USER": "ingest", "CLICKHOUSE_PASSWORD": "ingest", "RANDOM_START": random_start}
    with commands.start("consumer", "sink", **user) as sink:
        try:
            limits = ("--events", str(REPORTS), "--seed", str(SEED), "--interval", "0.001")
            done = commands.run("producer", "quotes", *limits, RANDOM_START=random_start)
            assert done.exit_code == 0, done.said
            assert wait_until(lambda: reports() == before + REPORTS, 60)
        finally:
            sink.terminate()
            ended(sink)
    assert (highest_drawn(float(random_start)) > quotes.THRESHOLD) is does_fire, "another SEED"
    newest_s = grafana.execute("SELECT toUnixTimestamp64Milli(max(time)) / 1000 FROM metrics")[0][0]
    assert fires(grafana.execute, newest_s + 1) is does_fire


def highest_drawn(random_start: float) -> float:
    """The highest mid price that the producer sends."""
    options = quotes.Options(random_start=random_start)
    drawn = quotes.generate(random.Random(SEED), options, lambda: 0.0)
    events: Iterator[Any] = (emission.event for emission in islice(drawn, REPORTS))
    return max((event.ask_01 + event.bid_01) / 2 for event in events)


@pytest.fixture(scope="module")
def flowing(guarded: Stack, commands: Commands) -> Iterator[Face]:
    """All streams, with rows in all tables."""
    with Face(guarded, has_api=False, CLICKHOUSE_DB=DATABASE, KAFKA_GROUP_ID="grafana") as face:
        yield face


@pytest.mark.usefixtures("flowing")
@pytest.mark.parametrize("asked", QUERIES)
def test_no_query_comes_back_empty(grafana, asked):
    def has_answer() -> bool:
        rows = ask(grafana, asked)
        return bool(rows) and any(value is not None for value in rows[-1])

    assert wait_until(has_answer, ANSWER_S), f"{asked.where}: {ask(grafana, asked)}"


@pytest.mark.usefixtures("flowing")
def test_every_table_and_feed_is_drawn(grafana):
    """What a panel groups by is there in full: every table among the rows stored, every feed among the lags."""
    by_title = {asked.where: asked for asked in every_query() if asked.where.startswith("penstock/")}
    tables = {table.name for stream in STREAMS.values() for feed in stream.feeds for table in feed.tables}
    feeds = {feed.topic for stream in STREAMS.values() for feed in stream.feeds}

    def column(title: str, index: int) -> set[object]:
        (asked,) = (asked for where, asked in by_title.items() if where.endswith(title))
        return {row[index] for row in ask(grafana, asked)}

    assert wait_until(lambda: column("Rows stored per second", 1) == tables, ANSWER_S)
    assert wait_until(
        lambda: feeds <= column("Feeds and transforms at the auditor's last round", 2), ANSWER_S
    )


FORBIDDEN = {
    "INSERT": "INSERT INTO metrics (time) VALUES (0)",
    "ALTER": "ALTER TABLE metrics DELETE WHERE 1",
    "DROP": "DROP TABLE metrics",
    "CREATE": "CREATE TABLE mine (a Int32) ENGINE = MergeTree ORDER BY a",
    "queries of others": "SELECT query FROM system.query_log",
    "processes": "SELECT query FROM system.processes",
    "other addresses": "SELECT * FROM url('http://127.0.0.1:1/', CSV, 'a Int32')",
    "files": "SELECT * FROM file('passwords', RawBLOB)",
    "more time": "SELECT 1 SETTINGS max_execution_time = 3600",
}
REFUSED = {164, 452, 497}
"""Of a user who may only read; a setting above its limit; a right that is missing."""


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize("what", FORBIDDEN)
def test_grafana_may_do_nothing_but_read(grafana, what):
    with pytest.raises(errors.ServerException) as refused:
        grafana.execute(FORBIDDEN[what])
    assert refused.value.code in REFUSED


def test_its_rights_are_those_of_a_role(grafana):
    assert grafana.execute("SELECT currentRoles()") == [(["grafana_viewer"],)]
    assert grafana.execute("SHOW GRANTS") == [("GRANT grafana_viewer TO grafana",)]
