"""The audit on real servers: what it finds, what it must not take for a loss, what it says and exits with.

One stream is stored once by a real sink; each test damages a copy of its table, or looks for another group.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from common.clickhouse_io.audit_queries import seen_sql
from common.commits.intent import Intent
from common.model.ranges import Range
from infra.local.stack import Stack
from tests.support.asking import delete_records
from tests.support.pipeline import Audit, Pipeline, walk

LOG_START = 5  # of partition 0: retention took what was before
MESSAGES, EVENTS, DEAD = 40 - LOG_START + 1 + 20, 40 - LOG_START + 3 + 20, 2
BAD_OFFSET, MARKER_OFFSET, ABORTED_OFFSET = 40, 10, 12  # the first in partition 0, the others in partition 1


@pytest.fixture(scope="module")
def pipeline(stack: Stack) -> Iterator[Pipeline]:
    """Walks, bad messages, an array and transactions, all of it stored."""
    with Pipeline(stack, "audited") as pipeline:
        pipeline.create_topics(partitions=2)
        pipeline.migrate()
        sink = pipeline.sink()
        pipeline.produce(1, 40, partition=0)
        array = b"[" + b",".join(walk(number) for number in (41, 42, 43)) + b"]"
        pipeline.produce_raw([b"{", b'{"number": 0}', array], partition=0)
        send_transactions(pipeline)
        assert pipeline.audit(wait_s=30).exit_code == 0
        assert sink.stop() == 0
        delete_records(pipeline.admin, pipeline.topic, 0, LOG_START)
        yield pipeline


def send_transactions(pipeline: Pipeline) -> None:
    """To partition 1: ten walks in a transaction, seven in one that is aborted, ten in another; markers between."""
    producer = KafkaProducer(
        bootstrap_servers=pipeline.stack.bootstrap_servers,
        transactional_id=pipeline.name,
        retry_backoff_ms=10,
    )
    producer.init_transactions()
    for first, last, finish in (
        (101, 110, producer.commit_transaction),
        (901, 907, producer.abort_transaction),
        (111, 120, producer.commit_transaction),
    ):
        producer.begin_transaction()
        for number in range(first, last + 1):
            producer.send(pipeline.topic, walk(number), partition=1)
        producer.flush()
        finish()
    producer.close()


@pytest.fixture
def copy(pipeline: Pipeline, request: pytest.FixtureRequest) -> Iterator[str]:
    """A copy of the table, to be damaged."""
    name = request.node.name
    pipeline.query(f"CREATE TABLE `{name}` AS {{table}}")
    pipeline.query(f"INSERT INTO `{name}` SELECT * FROM {{table}}")
    yield name
    pipeline.query(f"DROP TABLE `{name}` SYNC")


def delete(pipeline: Pipeline, table: str, condition: str) -> None:
    pipeline.query(f"ALTER TABLE `{table}` DELETE WHERE {condition} SETTINGS mutations_sync = 2")


def insert_again(pipeline: Pipeline, table: str, condition: str, **changed: object) -> None:
    """Insert those rows once more, under a token of their own, with some columns changed."""
    replaced = ", ".join(f"{value} AS {name}" for name, value in changed.items())
    columns = f"* REPLACE ({replaced})" if changed else "*"
    pipeline.query(
        f"INSERT INTO `{table}` SELECT {columns} FROM (SELECT * FROM {{table}} WHERE {condition}) "
        "SETTINGS insert_deduplication_token = 'by hand'"
    )


def look(pipeline: Pipeline, *arguments: str, **environment: str) -> Audit:
    """Audit without a process of its own."""
    done = pipeline.call("audit", "--json", *arguments, **environment)
    return Audit(done.exit_code, json.loads(done.stdout), done.stderr)


def verdict(found: Audit) -> tuple[int, int, int]:
    assert found.report["missing"] == found.totals["missing"]
    assert found.report["repeated"] == found.totals["repeated"]
    return found.exit_code, found.totals["missing"], found.totals["repeated"]


def test_everything_that_was_stored_is_accounted_for(pipeline):
    found = pipeline.audit()
    assert found.exit_code == 0, found.said
    assert found.report == {
        "streams": {
            "collatz": {
                "messages": MESSAGES,
                "events": EVENTS,
                "rows": pipeline.rows(),
                "dead": DEAD,
                "missing": 0,
                "repeated": 0,
                "lag": 0,
                "stages": [
                    {
                        "stage": "sink",
                        "from": pipeline.topic,
                        "to": pipeline.table,
                        "entered": MESSAGES + DEAD,
                        "left": MESSAGES,
                        "dead": DEAD,
                        "late": 0,
                        "pending": 0,
                        "missing": 0,
                        "repeated": 0,
                    }
                ],
            }
        },
        "missing": 0,
        "repeated": 0,
        "unjudged": [],
    }


def test_markers_and_aborted_records_are_offsets_without_a_message(pipeline):
    """Twenty messages, but thirty offsets: seven were aborted, and three markers."""
    assert pipeline.ends()[1] == 30
    assert pipeline.query(f"SELECT uniqExact(_off) FROM {{table}} WHERE _tp = {pipeline.tp(1)}") == [(20,)]
    held = {
        offset for (offset,) in pipeline.query(f"SELECT _off FROM {{table}} WHERE _tp = {pipeline.tp(1)}")
    }
    assert not held & {MARKER_OFFSET, ABORTED_OFFSET}


def test_for_people_it_is_a_table(pipeline):
    done = pipeline.call("audit")
    assert done.exit_code == 0
    header, first, second, *rest = done.stdout.splitlines()
    assert header.split() == [
        "stream",
        "partition",
        "messages",
        "events",
        "rows",
        "dead",
        "missing",
        "repeated",
        "lag",
    ]
    assert first.split()[:4] == ["collatz", "audited/0", str(MESSAGES - 20), str(EVENTS - 20)]
    assert second.split()[:4] == ["collatz", "audited/1", "20", "20"]
    assert rest[-1] == "0 messages are missing, 0 are repeated."


def test_a_row_that_is_gone_is_a_missing_message(pipeline, copy):
    delete(pipeline, copy, f"_tp = {pipeline.tp(0)} AND _off = 20 AND _row = 3")
    found = look(pipeline, CLICKHOUSE_TABLE=copy)
    assert verdict(found) == (1, 1, 0)
    assert (found.totals["messages"], found.totals["events"]) == (MESSAGES - 1, EVENTS - 1)
    assert "missing: audited/0 offset 20: only some of its rows are there" in found.said
    assert "python -m consumer adopt" in found.said


def test_messages_that_are_gone_are_missing(pipeline, copy):
    delete(
        pipeline,
        copy,
        f"(_tp = {pipeline.tp(0)} AND _off IN (5, 42)) OR (_tp = {pipeline.tp(1)} AND _off > 17)",
    )
    found = look(pipeline, CLICKHOUSE_TABLE=copy)
    assert verdict(found) == (1, 2 + 10, 0)
    assert (found.totals["messages"], found.totals["events"]) == (MESSAGES - 12, EVENTS - 14)
    assert "missing: audited/0 offset 42: no rows in " in found.said
    assert f"missing: audited/1 offset {ABORTED_OFFSET}" not in found.said


def test_a_row_that_is_there_twice_is_a_repeated_message(pipeline, copy):
    insert_again(pipeline, copy, f"_tp = {pipeline.tp(0)} AND _off = 20 AND _row = 0")
    found = look(pipeline, CLICKHOUSE_TABLE=copy)
    assert verdict(found) == (1, 0, 1)
    assert (found.totals["messages"], found.totals["events"]) == (MESSAGES, EVENTS)
    assert found.totals["rows"] == pipeline.rows() + 1
    assert "repeated: audited/0 offset 20: rows that are there twice" in found.said


def test_repeats_are_found_where_kafka_has_forgotten_the_message(pipeline, copy):
    insert_again(pipeline, copy, f"_tp = {pipeline.tp(0)} AND _off < {LOG_START}")
    assert verdict(look(pipeline, CLICKHOUSE_TABLE=copy)) == (1, 0, LOG_START)


def test_what_kafka_has_forgotten_is_not_missing(pipeline, copy):
    delete(pipeline, copy, f"_tp = {pipeline.tp(0)} AND _off < {LOG_START}")
    assert verdict(look(pipeline, CLICKHOUSE_TABLE=copy)) == (0, 0, 0)


def test_a_message_cannot_be_stored_and_dead(pipeline, copy):
    insert_again(pipeline, copy, f"_tp = {pipeline.tp(0)} AND _off = 20", _off=BAD_OFFSET)
    found = look(pipeline, CLICKHOUSE_TABLE=copy)
    assert verdict(found) == (1, 0, 1)
    assert f"repeated: audited/0 offset {BAD_OFFSET}: a dead letter, and rows as well" in found.said


def test_a_bad_message_without_a_dead_letter_is_missing(pipeline):
    letters = KafkaConsumer(
        pipeline.dead_topic,
        bootstrap_servers=pipeline.stack.bootstrap_servers,
        auto_offset_reset="earliest",
        consumer_timeout_ms=5_000,
    )
    first, second = (next(letters) for _ in range(2))
    letters.close()
    delete_records(pipeline.admin, pipeline.dead_topic, 0, second.offset + 1)
    pipeline.producer.send(pipeline.dead_topic, first.value, first.key, headers=first.headers)
    pipeline.producer.flush()
    found = look(pipeline)
    assert (verdict(found), found.totals["dead"]) == ((1, 1, 0), 1)
    assert f"audited/0 offset {BAD_OFFSET + 1}: neither rows nor a dead letter" in found.said
    for _ in range(2):  # a dead letter that was sent twice counts once
        pipeline.producer.send(pipeline.dead_topic, second.value, second.key, headers=second.headers)
    pipeline.producer.flush()
    found = look(pipeline)
    assert (verdict(found), found.totals["dead"]) == ((0, 0, 0), DEAD)


def test_what_is_in_flight_is_not_judged(pipeline, copy):
    """A group that has committed offset 20 of partition 0, and is about to store 20-30."""
    intent = Intent(topic=pipeline.topic_id.hex, schema="", next=30)
    at = {TopicPartition(pipeline.topic, 0): OffsetAndMetadata(20, intent.encode(), -1)}
    pipeline.admin.alter_group_offsets("half-way-sink", at)
    delete(pipeline, copy, f"_tp = {pipeline.tp(0)} AND _off >= 20 AND _off % 2 = 0")
    found = look(pipeline, CLICKHOUSE_TABLE=copy, KAFKA_GROUP_ID="half-way")
    assert verdict(found) == (3, 0, 0)
    assert "not all was judged. The group has committed nothing of audited/1" in found.said
    assert (found.totals["messages"], found.totals["lag"]) == (20 - LOG_START, 43 - 20 + 30)
    assert "audited/1: group half-way-sink has committed nothing of it yet" in found.said
    delete(pipeline, copy, f"_tp = {pipeline.tp(0)} AND _off = 19")
    assert verdict(look(pipeline, CLICKHOUSE_TABLE=copy, KAFKA_GROUP_ID="half-way")) == (1, 1, 0)


def test_waits_no_longer_than_told(pipeline):
    found = look(pipeline, "--wait", "0.5", KAFKA_GROUP_ID="nobody")
    assert (found.exit_code, found.report["missing"], found.totals["lag"]) == (3, 0, 43 - LOG_START + 30)
    assert "After 0.5 s " in found.said
    assert "is KAFKA_GROUP_ID the one that its sinks have?" in found.said


def test_offsets_that_another_tool_set_are_named(pipeline):
    at = {TopicPartition(pipeline.topic, 0): OffsetAndMetadata(20, "", -1)}
    pipeline.admin.alter_group_offsets("by-hand-sink", at)
    found = look(pipeline, KAFKA_GROUP_ID="by-hand")
    assert verdict(found) == (3, 0, 0)  # of the other partition nothing is committed
    assert "audited/0: the committed offset was set by another tool" in found.said


def test_offsets_that_expired_before_they_were_stored_are_no_success(pipeline):
    intent = Intent(topic=pipeline.topic_id.hex, schema="")
    at = {TopicPartition(pipeline.topic, 0): OffsetAndMetadata(LOG_START - 2, intent.encode(), -1)}
    pipeline.admin.alter_group_offsets("late-sink", at)
    found = look(pipeline, KAFKA_GROUP_ID="late")
    assert found.exit_code == 1
    assert "audited/0: offsets 3-5 were deleted by retention before they were stored" in found.said


def test_an_audit_that_judged_nothing_because_there_is_no_such_topic_says_so_with_a_code_of_its_own(pipeline):
    found = look(pipeline, KAFKA_TOPIC_NAME="no.such.topic")
    assert (found.exit_code, found.report["missing"]) == (3, 0)
    assert found.report["unjudged"] == ["no.such.topic"]
    assert "no.such.topic: there is no such topic" in found.said
    assert "no.such.topic: nothing was judged. There is no such topic" in found.said


def test_an_audit_of_a_group_that_has_committed_nothing_says_so_with_a_code_of_its_own(pipeline):
    found = look(pipeline, KAFKA_GROUP_ID="nobody")
    assert (found.exit_code, found.report["unjudged"]) == (3, [pipeline.topic])
    assert "nothing was judged" in found.said
    assert "has a sink ever run, under this KAFKA_GROUP_ID?" in found.said


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"CLICKHOUSE_PORT": "1"}, "ClickHouse at 127.0.0.1:1 does not answer"),
        (
            {"BOOTSTRAP_SERVERS": "127.0.0.1:1", "KAFKA_CONNECT_TIMEOUT_S": "1"},
            "no Kafka broker at 127.0.0.1:1",
        ),
        ({"CLICKHOUSE_TABLE": "no_such_table"}, "table no_such_table is missing: python -m consumer migrate"),
    ],
    ids=["no ClickHouse", "no Kafka", "no table"],
)
def test_servers_that_cannot_be_asked_are_one_line(pipeline, changed, said):
    done = pipeline.run("audit", "--json", **changed)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("nothing was judged: ")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_slices_are_answered_by_the_projection(pipeline, copy):
    many = "SELECT number, 0, number, 0, 7, number, 0, 1 FROM numbers(100000)"
    pipeline.query(f"INSERT INTO `{copy}` {many}")
    plan = str(pipeline.query(f"EXPLAIN {seen_sql(copy, Range(7, 50_000, 51_000))}"))
    assert "ReadFromMergeTree (by_address)" in plan
