"""Going on where a group's own word is lost: refused by the sink, adopted by the command, proved by the audit.

One stream is stored once; each test looks at it as a group of its own, and leaves the table whole.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from common.commits.intent import Intent, decode
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.asking import delete_records
from tests.support.pipeline import Pipeline

COMMITTED = "committed for group {group}-sink: start the sinks\n"


@pytest.fixture(scope="module")
def pipeline(stack: Stack) -> Iterator[Pipeline]:
    """Twenty walks and a bad message in partition 0, twenty walks in partition 1, all of it stored."""
    with Pipeline(stack, "adopted") as pipeline:
        pipeline.create_topics(partitions=2)
        pipeline.migrate()
        sink = pipeline.sink()
        pipeline.produce(1, 20, partition=0)
        pipeline.produce(21, 40, partition=1)
        pipeline.produce_raw([b"{"], partition=0)
        pipeline.await_consumed()
        assert sink.stop() == 0
        yield pipeline


def assert_clean(pipeline: Pipeline, group: str, *arguments: str) -> None:
    done = pipeline.call("audit", "--json", *arguments, KAFKA_GROUP_ID=group)
    assert done.exit_code == 0, done.stderr
    assert '"missing": 0, "repeated": 0, "lag": 0' in done.stdout


def set_offsets(pipeline: Pipeline, group: str, metadata: str, offsets: dict[int, int]) -> None:
    """Commit from outside, as a tool does."""
    pipeline.admin.alter_group_offsets(
        f"{group}-sink",
        {
            TopicPartition(pipeline.topic, partition): OffsetAndMetadata(offset, metadata, -1)
            for partition, offset in offsets.items()
        },
    )


def assert_parked(pipeline: Pipeline, group: str) -> None:
    """A sink of that group stays, parked, and says what to do."""
    sink = pipeline.start_sink(KAFKA_GROUP_ID=group)
    assert wait_until(lambda: sink.has_said("a feed is parked"), 30), sink.log_text()
    assert "python -m consumer adopt" in sink.log_text()
    assert sink.is_running
    assert sink.stop() == 0


def ours(pipeline: Pipeline) -> str:
    return Intent(topic=pipeline.topic_id.hex, schema="of a test").encode()


def test_a_group_of_another_name_waits_parked_is_adopted_then_at_work(pipeline):
    assert_parked(pipeline, "renamed")

    asked = pipeline.call("adopt", KAFKA_GROUP_ID="renamed")
    assert (asked.exit_code, pipeline.committed("renamed-sink")) == (1, {})
    assert "adopted/0  nothing committed  go on at 21: 0-21 is stored, 20 messages, 1 dead" in asked.stdout
    assert "to go ahead without being asked: --yes" in asked.stdout

    done = pipeline.call("adopt", "--yes", KAFKA_GROUP_ID="renamed")
    assert (done.exit_code, pipeline.committed("renamed-sink")) == (0, pipeline.ends())
    assert done.stdout.endswith(COMMITTED.format(group="renamed"))

    sink = pipeline.sink(KAFKA_GROUP_ID="renamed")
    pipeline.produce(41, 60)
    assert_clean(pipeline, "renamed", "--wait", "30")
    assert pipeline.query("SELECT count() FROM {table} WHERE step = 0") == [(60,)]

    status = pipeline.call("status", KAFKA_GROUP_ID="renamed")
    assert (status.exit_code, status.stdout.count("@127.0.0.1#")) == (0, 2)
    assert status.stdout.endswith("group renamed-sink: 1 sink\n")

    busy = pipeline.call("adopt", "--yes", KAFKA_GROUP_ID="renamed")
    assert busy.exit_code == 1
    assert "group renamed-sink has 1 live members" in busy.stderr
    assert sink.stop() == 0
    again = pipeline.call("adopt", KAFKA_GROUP_ID="renamed")
    assert (again.exit_code, again.stdout.splitlines()[-1]) == (0, "nothing to do")


def test_offsets_that_another_tool_set_park_the_feed_and_are_adopted(pipeline):
    set_offsets(pipeline, "by-hand", "", {0: 3, 1: 1})
    assert_parked(pipeline, "by-hand")
    status = pipeline.call("status", KAFKA_GROUP_ID="by-hand")
    assert "set by another tool" in status.stdout
    assert "no sink is running" in status.stdout
    assert pipeline.call("adopt", "--yes", KAFKA_GROUP_ID="by-hand").exit_code == 0
    assert pipeline.committed("by-hand-sink") == pipeline.ends()
    assert_clean(pipeline, "by-hand")


def test_a_sink_inserts_what_was_missing_and_nothing_else(pipeline):
    rows = pipeline.rows()
    set_offsets(pipeline, "mending", ours(pipeline), pipeline.ends())
    gone = f"_tp = {pipeline.tp(0)} AND (_off = 15 AND _row = 0 OR _off = 18)"
    pipeline.query(f"ALTER TABLE {{table}} DELETE WHERE {gone} SETTINGS mutations_sync = 2")
    assert pipeline.call("audit", "--json", KAFKA_GROUP_ID="mending").exit_code == 1

    done = pipeline.call("adopt", "--yes", KAFKA_GROUP_ID="mending")
    end = pipeline.ends()[0]
    assert done.exit_code == 0
    assert f"go on at 15 and insert what is missing up to {end}: 2 messages" in done.stdout
    at = pipeline.admin.list_group_offsets("mending-sink")["mending-sink"][TopicPartition(pipeline.topic, 0)]
    assert (at.offset, decode(at.metadata, "").next) == (15, end)
    assert "inserting 15-" in pipeline.call("status", KAFKA_GROUP_ID="mending").stdout

    sink = pipeline.sink(KAFKA_GROUP_ID="mending")
    assert_clean(pipeline, "mending", "--wait", "30")
    assert sink.stop() == 0
    assert pipeline.rows() == rows


def test_what_expired_before_it_was_stored_is_given_up_on_demand_only(pipeline):
    set_offsets(pipeline, "late", ours(pipeline), {0: 5, 1: 0})
    delete_records(pipeline.admin, pipeline.topic, 0, before=10)
    refused = pipeline.call("adopt", "--yes", KAFKA_GROUP_ID="late")
    assert (refused.exit_code, pipeline.committed("late-sink")) == (1, {0: 5, 1: 0})
    assert "adopted/0: offsets 5-10 were deleted by retention" in refused.stderr
    assert "--skip-expired" in refused.stderr
    done = pipeline.call("adopt", "--yes", "--skip-expired", KAFKA_GROUP_ID="late")
    assert (done.exit_code, pipeline.committed("late-sink")) == (0, pipeline.ends())
    assert_clean(pipeline, "late")
