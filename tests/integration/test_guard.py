"""What is committed against what the tables hold: a feed that would repeat rows is parked, on real servers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from common.model.address import tp_address
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.in_process import InProcessSink
from tests.support.proof import Proof
from tests.support.two_feeds import TwoFeeds

pytestmark = pytest.mark.timeout(120)
RETRY = {"PARK_RETRY_S": "1"}


@pytest.fixture
def feeds(stack: Stack, request: pytest.FixtureRequest) -> Iterator[TwoFeeds]:
    with Proof(stack, request.node.name[:60]) as proof:
        yield TwoFeeds(proof)


def set_back(proof: Proof, offset: int = 10) -> None:
    """Store 1 to 50, then let Kafka forget what was committed after an offset."""
    proof.produce(1, 50)
    with InProcessSink(proof):
        proof.check(audit=False)
    proof.commit(offset, proof.intent().encode())


def test_a_committed_offset_that_was_set_back_repeats_nothing_and_adopt_is_the_first_way_out(proof):
    set_back(proof)
    with InProcessSink(proof, **RETRY) as sink:
        answer = sink.await_parked("group")
        reason = answer["parked"][0]["reason"]
        assert "holds rows of offsets 10 to 49" in reason
        assert "has committed only 10" in reason
        assert answer["ready"] is False
        told = proof.run("status")
        assert "holds rows of offsets 10 to 49" in told.stdout, told
    assert proof.committed() == {0: 10}
    adopted = proof.run("adopt", "--yes")
    assert adopted.returncode == 0, adopted
    proof.produce(51, 60)
    with InProcessSink(proof):
        proof.check()


def test_a_named_range_that_the_table_has_overtaken_is_parked_and_adopted_too(proof):
    proof.produce(1, 50)
    with InProcessSink(proof):
        proof.check(audit=False)
    proof.commit(10, proof.intent(next=20).encode())
    with InProcessSink(proof) as sink:
        sink.await_parked("has committed only 10 and named 10-20")
    adopted = proof.run("adopt", "--yes")
    assert adopted.returncode == 0, adopted
    with InProcessSink(proof):
        proof.check()


def test_a_second_group_on_the_same_table_is_the_one_that_is_parked(proof):
    proof.produce(1, 50)
    with InProcessSink(proof) as first:
        proof.check(audit=False)
        with InProcessSink(proof, KAFKA_GROUP_ID=f"{proof.name}_second") as second:
            second.await_parked("another group fills this table")
            proof.produce(51, 60)
            proof.check(audit=False)
            assert first.health.readiness()[0]


def test_wrong_rows_that_are_deleted_let_the_parked_feed_go_on_under_the_next_epoch(proof):
    set_back(proof)
    proof.query(
        f"ALTER TABLE {{table}} DELETE WHERE _tp = {proof.tp(0)} AND _off >= 10 SETTINGS mutations_sync = 2"
    )
    with InProcessSink(proof, SINK_EPOCH="1"):
        proof.check()


def test_what_was_wrong_is_looked_at_again_on_a_schedule(proof):
    set_back(proof)
    with InProcessSink(proof, SINK_EPOCH="1", **RETRY) as sink:
        sink.await_parked("has committed only 10")
        where = f"_tp = {proof.tp(0)} AND _off >= 10"
        proof.query(f"ALTER TABLE {{table}} DELETE WHERE {where} SETTINGS mutations_sync = 2")
        assert wait_until(lambda: sink.health.readiness()[0], 20), sink.health.readiness()
        proof.check(audit=False)


def test_deleted_rows_without_a_new_epoch_are_noticed_because_their_tokens_are_known(proof):
    """An acknowledged INSERT that was dropped as known is counted, and its rows go in under the next attempt."""
    set_back(proof, 0)
    proof.query("ALTER TABLE {table} DELETE WHERE 1 SETTINGS mutations_sync = 2")
    with InProcessSink(proof, BATCH_ROWS="1000000"):
        proof.check()


def test_a_bad_partition_parks_its_feed_and_no_other_and_ends_no_sink(feeds):
    feeds.send_numbers(feeds.left, 1, 10)
    feeds.proof.query(
        f"INSERT INTO {feeds.left.topic} SELECT number, 0, {tp_of(feeds)}, number, 0, 1 FROM numbers(3)"
    )
    sinks = [InProcessSink(feeds.proof, [feeds.stream], **RETRY) for _ in range(2)]
    with sinks[0] as first, sinks[1] as second:
        assert wait_until(lambda: any(sink.health.readiness()[1]["parked"] for sink in sinks), 30)
        feeds.send_numbers(feeds.right, 1, 10)
        feeds.await_numbers(feeds.right, *range(1, 11))
        first.raise_error()
        second.raise_error()
        assert feeds.numbers(feeds.left) == [0, 1, 2]


def tp_of(feeds: TwoFeeds) -> int:
    """The `_tp` of the left feed's one partition."""
    described = feeds.proof.admin.describe_topics([feeds.left.topic])[0]
    return tp_address(uuid.UUID(str(described["topic_id"])), 0)


def test_clickhouse_away_at_a_rebalance_is_waited_for_as_a_member(proof, stack):
    proof.produce(1, 20)
    stack.clickhouse.freeze()
    try:
        sink = InProcessSink(proof, CLICKHOUSE_SEND_RECEIVE_TIMEOUT_S="1").start()
        assert wait_until(lambda: sink.parts.loop._failures >= 3, 60), sink.health.readiness()
        generation = sink.generation
        assert "cannot begin yet" in sink.health.readiness()[1]["detail"]
        assert wait_until(lambda: sink.parts.loop._failures >= 5, 60)
        assert sink.generation == generation
        assert len(proof.members()) == 1
    finally:
        stack.clickhouse.thaw()
    proof.check(audit=False)
    sink.stop()
    sink.raise_error()


def test_a_deleted_topic_is_named_and_stored_from_its_first_message_on_when_it_is_made_again(feeds):
    layout = {"num_partitions": 1, "replication_factor": 3}
    feeds.send_numbers(feeds.left, 1, 10)
    with InProcessSink(feeds.proof, [feeds.stream], **RETRY) as sink:
        feeds.await_numbers(feeds.left, *range(1, 11))
        feeds.proof.admin.delete_topics([feeds.left.topic])
        answer = sink.await_parked(f"topic {feeds.left.topic} is not there any more")
        assert answer["ready"] is False
        feeds.send_numbers(feeds.right, 1, 10)
        feeds.await_numbers(feeds.right, *range(1, 11))
        feeds.proof.admin.create_topics({feeds.left.topic: layout})
        feeds.proof.admin.wait_for_topics([feeds.left.topic], timeout_ms=15_000)
        feeds.send_numbers(feeds.left, 11, 15)
        feeds.await_numbers(feeds.left, *range(1, 16), timeout_s=60)
        assert wait_until(lambda: sink.health.readiness()[0], 20), sink.health.readiness()
