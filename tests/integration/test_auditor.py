"""`audit --every` on real servers: what it writes while everything moves, what it calls wrong, and what it outlasts."""

from __future__ import annotations

import json
import re
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from kafka import KafkaProducer

from common.clickhouse_io.verdicts import VerdictTable
from common.model.verdicts import SINK, TABLE, VerdictRow
from common.settings.config import Settings
from infra.local.ports import pick_free
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.pipeline import Pipeline, walk
from tests.support.proof import java_hash
from tests.support.proxy import Proxy
from tests.support.sink_process import SinkProcess
from tests.support.stages import Stages

ROUND_S = 30.0
"""Enough for a round: one begins every two seconds, or when the one before has rested."""

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def pipeline(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Pipeline]:
    with Pipeline(stack, request.node.name[:60]) as pipeline:
        pipeline.create_topics(partitions=2)
        pipeline.migrate()
        yield pipeline


def newest(environment: dict[str, str], *topics: str) -> list[VerdictRow]:
    """The newest verdicts on these topics."""
    table = VerdictTable(Settings.from_env(environment).clickhouse)
    try:
        return [row for row in table.newest() if row.topic in topics]
    finally:
        table.close()


def rounds(pipeline: Pipeline) -> int:
    """How many rounds there are of the pipeline's topic."""
    return int(pipeline.query(f"SELECT uniqExact(time) FROM {TABLE} WHERE topic = '{pipeline.topic}'")[0][0])


def await_rounds(pipeline: Pipeline, auditor: SinkProcess, more: int = 1) -> None:
    """Wait until there are so many more rounds."""
    wanted = rounds(pipeline) + more
    assert wait_until(lambda: rounds(pipeline) >= wanted, more * ROUND_S), auditor.log_text()


def not_sound(pipeline: Pipeline) -> list[tuple[str, ...]]:
    return pipeline.query(f"SELECT first_wrong FROM {TABLE} WHERE topic = '{pipeline.topic}' AND NOT sound")


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def test_rounds_are_sound_while_events_flow_and_sinks_come_and_go(pipeline):
    port = pick_free().clickhouse
    auditor = pipeline.auditor(HTTP_PORT=str(port), HTTP_HOST="127.0.0.1")
    first, sent = pipeline.sink(), 0
    for kill in (lambda: None, first.kill, lambda: None):
        before = rounds(pipeline)
        while rounds(pipeline) == before:
            pipeline.produce(sent + 1, sent + 200)
            pipeline.produce_raw([b"{"])
            sent += 200
        kill()
        pipeline.start_sink()
    pipeline.await_consumed(60)
    await_rounds(pipeline, auditor, more=2)
    rows = newest(pipeline.environment, pipeline.topic)
    assert [(row.stage, row.partition, row.sound, row.judged) for row in rows] == [
        (SINK, 0, True, True),
        (SINK, 1, True, True),
    ]
    assert (sum(row.messages for row in rows), sum(row.pending for row in rows)) == (sent, 0)
    assert sum(row.dead for row in rows) == sum(row.judged_until for row in rows) - sent > 0
    assert not_sound(pipeline) == []
    status, ready = get(port, "/ready")
    assert (status, json.loads(ready)["ready"]) == (200, True)
    assert get(port, "/health")[0] == 200
    metrics = get(port, "/metrics")[1]
    assert "\npenstock_auditor_missing 0.0\n" in metrics
    (began_s,) = re.findall(r"^penstock_auditor_last_round_timestamp_seconds (\S+)$", metrics, re.MULTILINE)
    assert float(began_s) >= rows[0].time.timestamp()
    assert auditor.stop() == 0
    assert auditor.has_said("stopped")


def test_what_is_deleted_by_hand_is_missing_until_it_is_adopted(pipeline):
    sink = pipeline.sink()
    pipeline.produce(1, 30, partition=1)
    pipeline.await_consumed()
    auditor = pipeline.auditor()
    await_rounds(pipeline, auditor)
    pipeline.query(
        f"ALTER TABLE {{table}} DELETE WHERE _tp = {pipeline.tp(1)} AND _off = 17 SETTINGS mutations_sync = 2"
    )
    address = f"missing: {pipeline.topic}/1 offset 17: no rows in {pipeline.table}"
    assert wait_until(lambda: not_sound(pipeline) == [(address,)], 2 * ROUND_S), auditor.log_text()
    sound, wrong = newest(pipeline.environment, pipeline.topic)
    assert (sound.partition, sound.sound, sound.missing) == (0, True, 0)
    assert (wrong.partition, wrong.missing, wrong.repeated, wrong.messages) == (1, 1, 0, 29)
    (line,) = (json.loads(line) for line in auditor.log_text().splitlines() if '"something is wrong"' in line)
    assert (line["level"], line["first"], line["missing"]) == ("ERROR", address, 1)

    assert sink.stop() == 0
    done = pipeline.call("adopt", "--yes")
    assert done.exit_code == 0, done.stderr
    pipeline.sink()
    pipeline.await_consumed()

    def is_sound_again() -> bool:
        rows = newest(pipeline.environment, pipeline.topic)
        return all(row.sound and row.judged for row in rows) and sum(row.messages for row in rows) == 30

    assert wait_until(is_sound_again, 2 * ROUND_S), auditor.log_text()


def test_a_row_that_is_there_twice_is_repeated(pipeline):
    pipeline.sink()
    pipeline.produce(1, 30, partition=0)
    pipeline.await_consumed()
    auditor = pipeline.auditor()
    pipeline.query(
        f"INSERT INTO {{table}} SELECT * FROM {{table}} WHERE _tp = {pipeline.tp(0)} AND _off = 9 AND _row = 0 "
        "SETTINGS insert_deduplication_token = 'by hand'"
    )
    address = f"repeated: {pipeline.topic}/0 offset 9: rows that are there twice"
    assert wait_until(lambda: not_sound(pipeline) == [(address,)], 3 * ROUND_S), auditor.log_text()


def test_it_outlasts_a_clickhouse_and_brokers_that_are_away(stack, pipeline):
    port = pick_free().clickhouse
    with Proxy(stack.clickhouse_port) as proxy:
        proxy.refuse()
        auditor = pipeline.auditor(
            CLICKHOUSE_PORT=str(proxy.port),
            HTTP_PORT=str(port),
            HTTP_HOST="127.0.0.1",
            KAFKA_CONNECT_TIMEOUT_S="2",
        )
        assert wait_until(lambda: auditor.has_said("the round could not be done"), ROUND_S), (
            auditor.log_text()
        )
        status, ready = get(port, "/ready")
        assert (status, json.loads(ready)["ready"]) == (503, False)
        assert "does not answer" in json.loads(ready)["detail"]
        proxy.pass_on()
        await_rounds(pipeline, auditor)
        assert wait_until(lambda: get(port, "/ready")[0] == 200, ROUND_S), auditor.log_text()

        proxy.refuse()
        assert wait_until(lambda: get(port, "/ready")[0] == 503, ROUND_S), auditor.log_text()
        proxy.pass_on()
        await_rounds(pipeline, auditor)

        brokers = [stack.broker(number) for number in (1, 2, 3)]
        for broker in brokers:
            broker.freeze()
        try:
            assert wait_until(lambda: get(port, "/ready")[0] == 503, 2 * ROUND_S), auditor.log_text()
        finally:
            for broker in brokers:
                broker.thaw()
        await_rounds(pipeline, auditor)
    assert auditor.stop() == 0
    lines = auditor.log_text().splitlines()
    assert all(line.startswith("{") for line in lines), "no traceback"
    assert not_sound(pipeline) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly_while_it_waits_for_servers(pipeline, number):
    auditor = pipeline.auditor(BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert wait_until(lambda: auditor.has_said("started"), ROUND_S), auditor.log_text()
    auditor.send_signal(number)
    assert auditor.wait(10) == 0
    assert auditor.has_said("stopped")


def test_without_its_table_it_refuses_to_start(pipeline):
    pipeline.query("CREATE DATABASE IF NOT EXISTS without_verdicts")
    try:
        done = pipeline.run("audit", "--every", "2", CLICKHOUSE_DB="without_verdicts")
    finally:
        pipeline.query("DROP DATABASE without_verdicts SYNC")
    assert done.returncode == 1
    assert done.stderr == f"table {TABLE} is missing: run python -m consumer migrate\n"


def test_a_table_of_a_stream_that_is_missing_is_a_verdict_of_its_own(pipeline):
    auditor = pipeline.auditor(CLICKHOUSE_TABLE="no_such_table")
    await_rounds(pipeline, auditor)
    (row,) = newest(pipeline.environment, pipeline.topic)
    assert (row.sound, row.judged) == (True, False)
    assert row.notes == ("table no_such_table is missing: python -m consumer migrate",)


def test_a_dead_letter_behind_an_open_transaction_is_not_missing(stack, pipeline):
    """As a transform leaves one open there that was frozen: a sink's letter behind it cannot be seen for so long."""
    other = KafkaProducer(
        bootstrap_servers=stack.bootstrap_servers, transactional_id=pipeline.name, retry_backoff_ms=10
    )
    other.init_transactions()
    other.begin_transaction()
    other.send(pipeline.dead_topic, b"of another").get(10)
    pipeline.sink()
    pipeline.produce_raw([walk(1), b"{", walk(2)], partition=0)
    pipeline.await_consumed()
    done = pipeline.run("audit", "--json", KAFKA_CONNECT_TIMEOUT_S="2")
    assert done.returncode == 3
    assert f"{pipeline.dead_topic}/0: a transaction has been open for 2 s" in done.stderr
    other.commit_transaction()
    other.close()
    found = pipeline.audit()
    assert (found.exit_code, found.totals["messages"], found.totals["dead"]) == (0, 2, 1), found.said


@pytest.fixture
def ratings(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Stages]:
    with Stages(stack, request.node.name, "ratings") as stages:
        assert stages.run("migrate", "ratings").returncode == 0
        yield stages


@pytest.mark.long
def test_rounds_are_sound_while_coordinators_fail_over(stack, ratings):
    auditor = ratings.start("audit", "--every", "2", wait=False)
    for _ in range(2):
        ratings.start("transform")
        ratings.start("sink")
    topics = [ratings.prefix + topic for topic in ("dominate", "shadow")]

    def times() -> set:
        return {row.time for row in newest(ratings.environment, *topics)}

    for seed, group in enumerate((ratings.group, ratings.group.replace("-transform", "-sink")), start=1):
        (offsets,) = ratings.admin.describe_topics(["__consumer_offsets"])
        number = abs(java_hash(group)) % len(offsets["partitions"])
        leader = next(p["leader_id"] for p in offsets["partitions"] if p["partition_index"] == number)
        broker = stack.broker(int(leader))
        broker.kill()
        try:
            before = times()
            assert wait_until(
                lambda at=seed, seen=before: (
                    ratings.generate(300, seed=10 * at + len(seen)) and times() != seen
                ),
                2 * ROUND_S,
            ), auditor.log_text()
        finally:
            broker.start()
    ratings.await_done("dominate", 60)

    def is_done() -> bool:
        rows = newest(ratings.environment, *topics)
        return bool(rows) and all(row.sound and row.judged and not row.pending for row in rows)

    assert wait_until(is_done, 3 * ROUND_S), (newest(ratings.environment, *topics), auditor.log_text())
    assert not auditor.has_said("something is wrong")
    assert {row.stage for row in newest(ratings.environment, *topics)} == {SINK, "classify"}
    assert auditor.stop() == 0
