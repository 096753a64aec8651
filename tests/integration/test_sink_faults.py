"""Crashes and faults: after each of them the table holds what was acknowledged, once. consumer.sink lists them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from common.streams.collatz import walk_of
from consumer.sink.insertion import SAME_SIZE_TRIES
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.in_process import InProcessSink, before
from tests.support.proof import Proof
from tests.support.proxy import Proxy

pytestmark = pytest.mark.timeout(180)
ROW_BYTES = 60  # of data_series on the wire


@pytest.fixture
def proxy(stack: Stack) -> Iterator[Proxy]:
    with Proxy(stack.clickhouse_port) as proxy:
        yield proxy


def through(proxy: Proxy) -> dict[str, Any]:
    return {"CLICKHOUSE_PORT": str(proxy.port)}


def test_a_sink_that_starts_before_clickhouse_answers_waits_for_it(proof, proxy):
    proof.produce(1, 100)
    proxy.refuse()
    sink = proof.start_sink(**through(proxy))
    assert wait_until(lambda: sink.has_said("waiting for a server to answer"), 30), sink.log_text()
    proxy.pass_on()
    proof.check()


def test_killed_before_anything_is_named_the_successor_reads_from_the_committed_offset(proof):
    sink = proof.sink(BATCH_AGE_S="30", BATCH_ROWS="100000")
    proof.produce(1, 1)
    proof.await_consumed()  # the first batch waits for nothing
    proof.produce(2, 100)
    standing = proof.standing()
    assert standing is not None and (standing[0], standing[1].next) == (1, None)
    sink.kill()
    proof.sink()
    proof.check()


def test_killed_between_intent_and_insert_the_successor_inserts_that_very_range(proof, proxy):
    proof.produce(1, 300)
    proxy.hold_inserts()
    sink = proof.sink(**through(proxy))
    first, intent = proof.await_intent()
    sink.kill()
    assert (first, proof.rows()) == (0, 0)
    proxy.pass_on()
    proof.produce(301, 400)
    proof.sink(**through(proxy), BATCH_ROWS="100000")
    proof.check()


def test_a_successor_counts_the_ranges_of_all_its_partitions_with_one_query(wide, proxy):
    proxy.hold_inserts()
    first = wide.sink(**through(proxy))
    wide.produce(1, 600)
    for partition in range(6):
        wide.await_intent(partition)
    first.kill()
    proxy.pass_on()
    successor, looks = InProcessSink(wide), []
    before(successor.store, "stored", lambda table, ranges: looks.append(len(ranges)))
    with successor:
        wide.await_consumed()
    assert max(looks) > 1
    wide.check(audit=False)


def test_killed_between_insert_and_commit_the_successor_finds_the_range_complete(proof, proxy):
    proof.produce(1, 300)
    proxy.hold_answers()
    sink = proof.sink(**through(proxy))
    first, intent = proof.await_intent()
    proof.await_rows(1)
    sink.kill()
    assert proof.committed() == {0: first}
    proxy.pass_on()
    proof.produce(301, 400)
    proof.sink(**through(proxy), BATCH_ROWS="100000")  # it would cut a larger batch, if it were free to
    proof.check()


def test_a_lost_acknowledgement_and_a_request_cut_in_the_middle_are_resolved_by_counting(wide, proxy):
    sink = wide.sink(**through(proxy))
    with wide.load():
        wide.await_more(5_000)
        proxy.lose_acknowledgements(4)
        assert wait_until(lambda: proxy.counters.lost_acknowledgements == 4, 60)
        wide.await_more(5_000)
        proxy.cut_requests(after_bytes=5_000, times=4)
        assert wait_until(lambda: proxy.counters.cut_requests == 4, 60)
        wide.await_more(5_000)
    wide.check()
    assert sink.is_running
    assert sink.has_said("an INSERT is tried again")


def test_a_frozen_member_that_wakes_up_with_half_an_insert_adds_no_row(proof, proxy):
    proof.produce(1, 300)
    zombie = proof.sink(**through(proxy))
    proof.await_consumed()
    proxy.hold_rows()
    proof.produce(301, 600)
    first, intent = proof.await_intent()
    assert wait_until(lambda: is_inserting(proof), 30)
    zombie.freeze()
    proof.sink()  # takes over after the session; the copy in flight holds its query id
    proof.await_consumed()
    rows = proof.rows()
    proxy.pass_on()
    zombie.thaw()
    assert wait_until(lambda: len(proof.members()) == 2, 60)
    assert wait_until(lambda: not is_inserting(proof), 30)
    assert proof.rows() == rows
    proof.produce(601, 700)
    proof.check()


def is_inserting(proof: Proof) -> bool:
    sql = f"SELECT count() FROM system.processes WHERE query_id LIKE 'v1:%{proof.topic_id}%'"
    return bool(proof.query(sql)[0][0])


def test_clickhouse_killed_under_load_loses_and_repeats_nothing(stack, wide):
    sink = wide.sink(CLICKHOUSE_CONNECT_TIMEOUT_S="1")
    with wide.load():
        for _ in range(2):
            wide.await_more(5_000)
            stack.clickhouse.kill()
            stack.clickhouse.start()
        wide.await_more(5_000)
    wide.check()
    assert sink.is_running


def test_clickhouse_away_for_longer_than_the_poll_interval_does_not_cost_the_membership(wide, proxy):
    sink = InProcessSink(
        wide, kafka={"max_poll_interval_s": 6.0}, CLICKHOUSE_SEND_RECEIVE_TIMEOUT_S="1", **through(proxy)
    )
    with sink, wide.load():
        wide.await_more(2_000)
        before_it = sink.generation
        proxy.hold()
        threading.Event().wait(8)  # the fault itself is time
        assert sink.sink.lanes
        proxy.pass_on()
        wide.await_more(2_000)
        assert sink.generation == before_it
    with InProcessSink(wide):
        wide.check()


def test_a_block_that_never_passes_goes_in_in_pieces_exactly_once(proof, proxy):
    """A block too big for the server's memory shows as a connection that is reset, at the same size each time."""
    proof.produce(1, 150)
    proof.commit(0, proof.intent(next=150).encode())
    rows = sum(len(walk_of(number)) for number in range(1, 151))
    proxy.cut_requests(after_bytes=round(0.7 * rows * ROW_BYTES), times=10**6)
    sink = proof.sink(**through(proxy))
    proof.check()
    assert sink.has_said("rows of a range are missing, its next attempt is to be named")
    assert '"pieces": 2' in sink.log_text()
    assert proxy.counters.cut_requests == SAME_SIZE_TRIES


def test_R1_the_broker_that_coordinates_the_group_freezes_in_the_middle_of_commits(stack, wide):
    sink = wide.sink()
    with wide.load():
        wide.await_more(5_000)
        members = wide.members()
        broker = stack.broker(wide.coordinator())
        broker.freeze()
        try:
            assert wait_until(
                lambda: sink.has_said("the outcome of a commit is unknown, leaving the group to rejoin"), 40
            )
        finally:
            broker.thaw()
        wide.await_more(5_000)
        assert not wide.members() & members  # it has left and joined as a new one
    wide.check()
    assert sink.is_running


def test_a_broker_that_coordinates_the_group_is_killed_under_load(stack, wide):
    sink = wide.sink()
    with wide.load():
        wide.await_more(5_000)
        broker = stack.broker(wide.coordinator())
        broker.kill()
        wide.await_more(5_000)
        broker.start()
        wide.await_more(5_000)
    wide.check()
    assert sink.is_running


def test_T5_members_that_join_and_leave_under_load_lose_nothing(wide):
    """A partition owned before and after a rebalance keeps its old position, past buffers that were dropped."""
    env = {"BATCH_AGE_S": "0.5", "BATCH_ROWS": "20000"}
    first = InProcessSink(wide, **env)
    with first, wide.load():
        first.await_ready()
        generation, _ = first.generation
        wide.await_more(2_000)
        for _ in range(2):
            with InProcessSink(wide, **env) as second:
                second.await_ready()
                wide.await_more(2_000)
                with InProcessSink(wide, **env) as third:
                    third.await_ready()
                    wide.await_more(2_000)
            wide.await_more(2_000)
            first.raise_error()
        assert first.generation[0] >= generation + 4  # each that joined; leaving may share one
    with InProcessSink(wide):
        wide.check()
