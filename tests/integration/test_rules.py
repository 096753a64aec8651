"""consumer/PROTOCOL.md, rule by rule, on real servers. Each test goes red when its rule is taken out."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
from clickhouse_driver import Client
from kafka import KafkaConsumer
from kafka.coordinator.base import Generation, MemberState
from kafka.errors import CommitFailedError, KafkaConnectionError, RequestTimedOutError
from kafka.structs import OffsetAndMetadata

from common.clickhouse_io.store import Store
from common.commits.intent import decode
from common.errors import BlockTooBig, KafkaUnavailable, SchemaMismatch, StartRefused
from common.kafka_io.clients import Clients
from common.kafka_io.reader import BulkConsumer
from common.kafka_io.selftest import check_brokers
from common.model.address import token, with_address
from common.model.codec import Codec
from common.model.ddl import stated_columns
from common.model.ranges import Committed
from common.model.record import Partition
from common.streams.collatz import rows as rows_of
from common.streams.collatz import walk_of
from consumer.sink.startup_checks import check_start
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.asking import delete_records
from tests.support.in_process import CLOCK, InProcessSink, before
from tests.support.pipeline import walk
from tests.support.proof import Proof
from tests.support.proxy import Proxy

pytestmark = pytest.mark.timeout(120)


# R1


def lose_the_answer_of_a_commit(sink: InProcessSink) -> None:
    """The next commit is applied, and its member does not learn it."""
    coordinator = sink.group._consumer._coordinator
    original = coordinator._send_offset_commit_request

    async def lost(offsets: object) -> None:
        del coordinator._send_offset_commit_request  # once
        await original(offsets)
        raise RequestTimedOutError("taken away by the test")

    coordinator._send_offset_commit_request = lost


def test_R1_an_ambiguous_commit_makes_the_sink_leave_and_read_under_a_higher_generation(proof):
    sink = InProcessSink(proof)
    generations: list[int] = []
    with sink:
        sink.await_ready()
        generation, member = sink.generation
        sink.group._highest_generation = generation + 2  # as if older commits were that far ahead
        before(sink.group, "commit", lambda *_, **__: generations.append(sink.generation[0]))
        lose_the_answer_of_a_commit(sink)
        proof.produce(1, 50)
        proof.await_consumed()
        assert sink.generation[1] != member
        assert member not in proof.members()
        assert generations[0] == generation  # the one whose answer was lost
        assert min(generations[1:]) > generation + 2
        proof.check(audit=False)


def test_R1_a_member_that_joins_anew_forgets_the_pauses_of_the_one_that_left(proof):
    sink = joined(proof)
    mine = [Partition(proof.topic, 0)]
    sink.group.read_only([])
    sink.group.rejoin()
    sink.group.read_only([])  # not assigned yet
    sink.group.read_only(mine)
    assert wait_until(lambda: sink.group.poll(0.2) == {} and sink.group.is_stable, 30)
    sink.parts.assignment.open_all()
    sink.group.read_only(mine)
    proof.produce(1, 1)
    assert wait_until(lambda: bool(sink.group.poll(0.2)), 20)
    sink.stop()


def test_R1_a_member_leaves_at_the_coordinator_that_took_over_not_at_the_one_that_died(
    proof, stack, monkeypatch
):
    sink = joined(
        proof, KAFKA_SESSION_TIMEOUT_S="40"
    )  # so long would everybody wait for a member that did not leave
    _, member = sink.generation
    broker = stack.broker(proof.coordinator())
    coordinators, close = [], sink.group.close

    def leave():
        coordinators.append(proof.coordinator())
        close()

    monkeypatch.setattr(sink.group, "close", leave)
    broker.kill()
    try:
        with contextlib.suppress(KafkaUnavailable):  # joining may meet the dead one; leaving comes before it
            sink.group.rejoin()
        assert coordinators[0] != broker.node_id
        assert member not in proof.members()
    finally:
        broker.start()
        sink.stop()


def test_R1_a_lookup_that_fails_does_not_end_the_wait_for_the_coordinator(proof, monkeypatch):
    sink = joined(proof, KAFKA_SESSION_TIMEOUT_S="40")
    _, member = sink.generation
    coordinator = sink.group._consumer._coordinator
    original, asked = coordinator._send_offset_fetch_request, []

    async def fails_twice(partitions):
        asked.append(partitions)
        if len(asked) < 3:
            coordinator.coordinator_id = None  # without one nobody can be told
            raise KafkaConnectionError("the lookup went to the broker that died")
        return await original(partitions)

    monkeypatch.setattr(coordinator, "_send_offset_fetch_request", fails_twice)
    sink.group.rejoin()
    assert len(asked) >= 3
    assert member not in proof.members()
    sink.stop()


def test_T3_a_commit_that_lands_late_is_refused_because_its_member_has_left(proof):
    """Read back too early, an ambiguous commit looks as if it had not been applied; it must never be applied later."""
    sink = InProcessSink(proof)
    with sink:
        sink.await_ready()
        old = sink.generation
        lose_the_answer_of_a_commit(sink)
        proof.produce(1, 50)
        proof.await_consumed()
        late = KafkaConsumer(bootstrap_servers=proof.stack.bootstrap_servers, group_id=proof.group)
        late.subscribe([proof.topic])
        coordinator = late._coordinator
        coordinator.ensure_coordinator_ready(timeout_ms=10_000)
        coordinator.generation_if_stable = lambda: Generation(old[0], old[1], "range")
        copy = {proof.at(): OffsetAndMetadata(0, "a late copy", -1)}
        future = coordinator._manager.call_soon(coordinator._send_offset_commit_request, copy)
        assert wait_until(lambda: future.is_done, 10)
        late.close()
        assert isinstance(future.exception, CommitFailedError)
        proof.check(audit=False)


# T1, T2, T4, T5, T6: kafka-python's traps


def joined(proof: Proof, **environment: str) -> InProcessSink:
    """A member of the group that only the test moves."""
    sink = InProcessSink(proof, None, None, **environment)
    assert wait_until(lambda: sink.group.poll(0.2) == {} and sink.group.is_stable, 30)
    sink.parts.assignment.open_all()
    return sink


def test_T1_a_commit_that_only_looked_the_coordinator_up_is_not_taken_for_applied(proof):
    sink = joined(proof)
    sink.group._consumer._coordinator.coordinator_dead("said the test")
    offsets = {Partition(proof.topic, 0): Committed(7, proof.intent().encode())}
    applied = sink.group.commit(offsets)
    assert applied is False
    assert proof.committed() == {0: 0}
    assert wait_until(lambda: sink.group.commit(offsets), 10)
    assert proof.committed() == {0: 7}
    sink.stop()


def test_T2_a_member_that_is_stuck_in_a_join_joins_anew(proof):
    sink = InProcessSink(proof)
    with sink:
        sink.await_ready()
        proof.produce(1, 50)
        proof.await_consumed()
        coordinator = sink.group._consumer._coordinator
        coordinator.state, coordinator.rejoin_needed = MemberState.REBALANCING, False
        proof.produce(51, 100)
        proof.check(40, audit=False)


def test_T2_partitions_added_while_it_runs_are_stored_too(wide):
    sink = InProcessSink(wide)
    with sink, wide.load():
        sink.await_ready()
        wide.await_more(2_000)
        wide.admin.create_partitions({wide.topic: 9})
        assert wait_until(lambda: len(sink.sink.lanes) == 9, 40), sink.sink.lanes
        wide.await_more(2_000)
    with InProcessSink(wide):
        wide.check(audit=False)


def test_T4_brokers_that_accept_and_say_nothing_cost_a_start_no_more_than_its_time(proof, stack):
    with Proxy(stack.broker(1).port) as silent:
        silent.hold()
        kafka = dataclasses.replace(
            proof.settings.kafka, bootstrap_servers=(f"127.0.0.1:{silent.port}",), connect_timeout_s=2.0
        )
        started_s = time.monotonic()
        with pytest.raises(KafkaUnavailable):
            Clients(kafka, CLOCK.now_s, CLOCK.sleep).consumer(None)
        assert time.monotonic() - started_s < 10


def test_T5_what_a_poll_returns_while_the_assignment_changes_is_discarded(wide):
    for start in range(1, 601, 20):
        wide.produce(start, start + 19)
    sink = joined(wide)
    sink.group._consumer.config["max_poll_records"] = 1
    assert wait_until(lambda: bool(sink.group.poll(0.2)), 20)
    coordinator = sink.group._consumer._coordinator
    with InProcessSink(wide) as other:
        assert wait_until(coordinator.need_rejoin, 20)  # the other one waits for us; a heartbeat told
        changes = []

        def has_joined() -> bool:
            slabs = sink.group.poll(0.0)
            if sink.group.changed:
                changes.append(slabs)
            return bool(changes) and sink.group.is_stable and bool(other.sink.lanes)

        assert wait_until(has_joined, 30)
        assert changes == [{}] * len(changes)
        starts = {at: found.offset for at, found in sink.group.read_assignment().items() if found}
        # and what is read from then on starts where the group's commits end
        seen = {}
        assert wait_until(lambda: bool(seen.update(sink.group.poll(0.2)) or seen), 20)
        for partition, slabs in seen.items():
            if partition in starts:
                assert slabs[0].start == starts[partition]
    sink.stop()


def test_T6_a_partition_that_was_paused_before_a_rebalance_is_read_after_it(wide):
    """kafka-python keeps the pause of a partition that is owned before and after."""
    wide.produce(1, 300)
    sink = joined(wide)
    sink.group.read_only([])
    with InProcessSink(wide) as other:
        assert wait_until(lambda: sink.group.poll(0.1) == {} and bool(other.sink.lanes), 30)
        assert wait_until(lambda: sink.group.poll(0.1) == {} and sink.group.is_stable, 30)
        mine = set(sink.parts.assignment.open_all().lanes)
        assert len(mine) == 3
        sink.group.read_only(mine)
        seen: set[Partition] = set()
        assert wait_until(lambda: seen.update(sink.group.poll(0.2)) or seen == mine, 20), (seen, mine)
    sink.stop()


def test_T6_a_partition_that_was_paused_and_resumed_is_not_parked_for_ever(stack, request):
    with Proof(stack, request.node.name[:60], partitions=2) as proof:
        for partition in (0, 1):
            for start in (1, 101, 201):
                proof.produce(start + 1000 * partition, start + 1000 * partition + 99, partition)
        consumer = Clients(proof.settings.kafka, CLOCK.now_s, CLOCK.sleep).consumer(None)
        tps = [proof.at(0), proof.at(1)]
        consumer.assign(tps)
        consumer.seek_to_beginning()
        # one slab of one partition lies in the slot when it is paused; the other one is read to its end
        found = {}
        assert wait_until(lambda: bool(found.update(consumer.poll(100, max_records=1)) or found), 20)
        paused = next(iter(found))
        read = {tp: slabs[-1].next_offset for tp, slabs in found.items()}
        consumer.pause(paused)

        def read_on() -> None:
            for tp, slabs in consumer.poll(100).items():
                read[tp] = slabs[-1].next_offset

        other = next(tp for tp in tps if tp != paused)
        assert wait_until(lambda: bool(read_on()) or read.get(other) == 300, 20)
        read_on()
        consumer.resume(paused)
        assert wait_until(lambda: bool(read_on()) or read[paused] == 300, 10), read
        consumer.close()


# R2, S1–S5: what one thread may do, and in which order


class Event(NamedTuple):
    """Something a sink did, in the order it did it."""

    what: str
    thread: str
    detail: Any = None


class History:
    """What the members of a group did, under lost acknowledgements and rebalances."""

    def __init__(self, proof: Proof) -> None:
        self.proof = proof
        self.events: dict[InProcessSink, list[Event]] = {}
        self.passed_unstored: list[str] = []
        self._clickhouse = Client("127.0.0.1", port=proof.stack.clickhouse_port)
        self._one_at_a_time = threading.Lock()
        self._tps = {n: proof.tp(n) for n in range(6)}

    def record(self, sink: InProcessSink) -> None:
        """Write down what this member does."""
        events = self.events.setdefault(sink, [])
        group, store = sink.group, sink.store
        commit, poll, insert = group.commit, group.poll, store.insert

        def note(what: str, detail: Any = None) -> None:
            events.append(Event(what, threading.current_thread().name, detail))

        def recorded_commit(offsets: Any, meanwhile: Any = None) -> bool:
            self._look(offsets)
            note("commit begins", offsets)
            try:
                applied = commit(offsets, meanwhile=meanwhile)
            except Exception:
                note("commit failed", offsets)
                raise
            note("committed" if applied else "commit failed", offsets)
            return bool(applied)

        def recorded_poll(wait_s: float) -> Any:
            note("poll")
            return poll(wait_s)

        def recorded_insert(table: str, columns: Any, *, token: str, query_id: str) -> bool:
            note("insert", token)
            return bool(insert(table, columns, token=token, query_id=query_id))

        for owner, name, recorded in (
            (group, "commit", recorded_commit),
            (group, "poll", recorded_poll),
            (store, "insert", recorded_insert),
        ):
            setattr(owner, name, recorded)
        for name in ("read_assignment", "first_offsets", "end_offsets", "rejoin", "seek", "read_only"):
            before(group, name, partial(lambda what, *_, **__: note(what), name))

    def _look(self, offsets: Any) -> None:
        """S2, asked of ClickHouse itself: is everything below the offsets in the table?"""
        for at, to in offsets.items():
            below = f"_tp = {self._tps[at.partition]} AND _off < {to.offset}"
            sql = f"SELECT uniqExact(_off) FROM `{self.proof.table}` WHERE {below}"
            with self._one_at_a_time:  # two members look
                stored = self._clickhouse.execute(sql)[0][0]
            if stored != to.offset:
                self.passed_unstored.append(f"{at}: {to.offset} with {stored} messages stored below")

    def close(self) -> None:
        """Close its connection."""
        self._clickhouse.disconnect()


@pytest.fixture(scope="module")
def history(stack: Stack) -> Iterator[History]:
    with Proof(stack, "rules_history", partitions=6) as proof, Proxy(stack.clickhouse_port) as proxy:
        history = History(proof)
        # no batch is cut by size: a range that is rebuilt freely would be another one
        env: dict[str, Any] = {
            "CLICKHOUSE_PORT": str(proxy.port),
            "BATCH_ROWS": "50000",
            "BATCH_AGE_S": "0.3",
        }
        first, second = InProcessSink(proof, **env), None
        history.record(first)
        with first, proof.load():
            first.await_ready()
            proof.await_more(40_000)
            proxy.lose_acknowledgements(3)
            assert wait_until(lambda: proxy.counters.lost_acknowledgements == 3, 30)
            for _ in range(2):
                proxy.hold_inserts()
                assert wait_until(lambda: first.sink.lanes.is_busy, 30)
                second = InProcessSink(proof, **env)
                history.record(second)
                with second:  # a rebalance while ranges are named and not stored
                    assert wait_until(lambda: first.group.changed or len(first.sink.lanes) < 6, 30)
                    proxy.pass_on()
                    second.await_ready()
                    proof.await_more(20_000)
        with InProcessSink(proof):
            proof.await_consumed(60)
            yield history
        history.close()


def test_the_members_of_this_history_lost_and_repeated_nothing(history):
    history.proof.check(audit=False)


def test_R2_only_the_main_thread_talks_to_kafka_and_only_the_other_to_clickhouse(history):
    for events in history.events.values():
        assert len({event.thread for event in events if event.what != "insert"}) == 1
        assert {event.thread for event in events if event.what == "insert"} <= {"insert"}


def test_S1_an_insert_is_sent_only_after_an_acknowledged_commit_names_its_range_and_attempt(history):
    inserts = 0
    for events in history.events.values():
        named: dict[int, tuple[int, int | None, int]] = {}
        for event in events:
            if event.what == "committed":
                for at, to in event.detail.items():
                    intent = decode(to.metadata, "")
                    named[at.partition] = to.offset, intent.next, intent.attempt
            elif event.what == "insert":
                found = re.search(r":(\d+):(\d+)-(\d+)#(\d+)", event.detail)
                assert found is not None
                partition, first, next_offset, attempt = map(int, found.groups())
                if partition in named:  # else a range that was standing when this member took over
                    assert named[partition] == (first, next_offset, attempt)
                    inserts += 1
    assert inserts > 10


def test_S2_an_offset_passes_a_range_only_when_its_rows_are_in_the_table(history):
    assert history.passed_unstored == []


def test_S3_a_named_range_never_changes(history):
    named: dict[tuple[int, int], set[int]] = {}
    for events in history.events.values():
        for event in events:
            if event.what == "committed":
                for at, to in event.detail.items():
                    if (end := decode(to.metadata, "").next) is not None:
                        named.setdefault((at.partition, to.offset), set()).add(end)
            elif event.what == "insert":
                found = re.search(r":(\d+):(\d+)-(\d+)#(\d+)", event.detail)
                assert found is not None
                partition, first, end, _ = map(int, found.groups())
                named.setdefault((partition, first), set()).add(end)
    assert len(named) > 10
    assert [range_ for range_ in named.items() if len(range_[1]) > 1] == []


def test_S4_one_commit_travels_at_a_time_and_nothing_is_polled_meanwhile(history):
    for events in history.events.values():
        travelling = False
        for event in events:
            if event.what in ("committed", "commit failed"):
                travelling = False
            elif event.what != "insert":
                assert not travelling, event
                travelling = event.what == "commit begins"


def test_S5_a_rebalance_stops_the_insertions_that_wait_for_the_insert_thread(wide):
    sink = InProcessSink(wide)
    gate, inserts = threading.Event(), []

    def wait_at_the_gate(table: str, columns: Any, *, token: str, query_id: str) -> None:
        inserts.append(token)
        gate.wait(60)

    before(sink.store, "insert", wait_at_the_gate)
    insertions = []
    before(sink.parts.inserter, "submit", insertions.append)
    with sink:
        sink.await_ready()
        wide.produce(1, 300)
        assert wait_until(lambda: len(insertions) >= 3 and len(inserts) == 1, 30), (insertions, inserts)
        waiting = insertions[1:]
        with InProcessSink(wide) as other:
            assert wait_until(
                lambda: bool(other.sink.lanes) and not sink.group.changed and len(sink.sink.lanes) == 3, 30
            )
            assert all(insertion.is_cancelled for insertion in waiting)
            gate.set()
            wide.await_consumed()
    with InProcessSink(wide):
        wide.check(audit=False)


# R3: what the server remembers


def test_R3_a_table_that_remembers_too_few_blocks_is_refused_with_the_alter(proof):
    proof.query("ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 99")
    with pytest.raises(SchemaMismatch, match="remembers 99 blocks") as refused:
        check_start(proof.settings, [proof.stream()], CLOCK)
    proof.query(str(refused.value)[str(refused.value).index("ALTER") :])
    check_start(proof.settings, [proof.stream()], CLOCK)


def test_R3_a_view_whose_target_has_no_window_is_refused_with_the_alter(proof):
    counted = "SELECT number, count() AS steps FROM {table} GROUP BY number"
    engine = "ENGINE = SummingMergeTree ORDER BY number"
    proof.query(f"CREATE MATERIALIZED VIEW {proof.table}_inner {engine} AS {counted}")
    with pytest.raises(
        SchemaMismatch, match="remembers 0 blocks"
    ):  # chdb does not tell the inner table's name
        check_start(proof.settings, [proof.stream()], CLOCK)
    proof.query(f"DROP VIEW {proof.table}_inner SYNC")
    proof.query(f"CREATE TABLE {proof.table}_sums (number UInt64, steps UInt64) {engine}")
    proof.query(f"CREATE MATERIALIZED VIEW {proof.table}_view TO {proof.table}_sums AS {counted}")
    with pytest.raises(SchemaMismatch, match=f"{proof.table}_sums remembers 0 blocks") as refused:
        check_start(proof.settings, [proof.stream()], CLOCK)
    proof.query(str(refused.value)[str(refused.value).index("ALTER") :])
    check_start(proof.settings, [proof.stream()], CLOCK)


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("ReplacingMergeTree ORDER BY number", "must keep every row. Use MergeTree"),
        ("Null", "must keep every row. Use MergeTree"),
    ],
    ids=["ReplacingMergeTree", "Null"],
)
def test_R4_a_table_whose_rows_cannot_be_counted_is_refused(proof, engine, said):
    columns = ", ".join(
        f"{name} {kind}" for name, kind in stated_columns(proof.stream().feeds[0].tables[0]).items()
    )
    proof.query("DROP TABLE {table} SYNC")
    proof.query(f"CREATE TABLE {{table}} ({columns}) ENGINE = {engine}")
    with pytest.raises(StartRefused, match=re.escape(said)):
        check_start(proof.settings, [proof.stream()], CLOCK)


# R4: the address is the judge


def columns_of(proof: Proof, numbers: range, first: int = 0) -> dict[str, np.ndarray]:
    """The rows that the walks of these numbers make at offsets from `first` on."""
    feed = proof.stream().feeds[0]
    decoded = Codec(feed.event).decode([walk(number) for number in numbers])
    offsets = np.arange(first, first + len(numbers), dtype=np.uint64)
    return with_address(rows_of(decoded.events), decoded, offsets, proof.tp(0))


def token_of(proof: Proof, first: int, next_offset: int, attempt: str = "1") -> str:
    return token(
        epoch=0,
        group=proof.group,
        topic_id=proof.topic_id,
        partition=0,
        first=first,
        next_offset=next_offset,
        attempt=attempt,
        table=proof.table,
    )


def insert(proof: Proof, columns: dict[str, np.ndarray], name: str) -> None:
    store = Store(proof.settings.clickhouse)
    store.insert(proof.table, columns, token=name, query_id=name)
    store.close()


def test_R4_a_token_that_was_used_up_without_its_rows_is_followed_by_a_second_attempt(proof):
    """ClickHouse logs a token before the part is in place: killed between the two, it drops the retry."""
    proof.produce(1, 100)
    proof.commit(0, proof.intent(next=60).encode())
    burnt = token_of(proof, 0, 60)
    insert(proof, {name: column[:1] for name, column in columns_of(proof, range(1, 61)).items()}, burnt)
    proof.query("ALTER TABLE {table} DELETE WHERE 1 SETTINGS mutations_sync = 2")
    assert proof.rows() == 0
    sink = InProcessSink(proof)
    tokens, named = [], []
    before(sink.store, "insert", lambda table, columns, **how: tokens.append(how["token"]))
    before(
        sink.group,
        "commit",
        lambda offsets, **_: named.extend(decode(to.metadata, "") for to in offsets.values()),
    )
    with sink:
        proof.check()
    assert tokens[:2] == [burnt, token_of(proof, 0, 60, "2")]
    assert [(intent.next, intent.attempt) for intent in named[:2]] == [(60, 1), (60, 2)]


def test_R4_an_insert_that_was_not_acknowledged_is_counted_before_the_offset_passes_it(proof):
    """The acknowledgement of the retry under the same token proves nothing: the server may have dropped it."""
    sink = InProcessSink(proof)
    original, failures = sink.store.insert, []

    def burns_the_token(table: str, columns: Any, *, token: str, query_id: str) -> bool:
        if not failures:
            failures.append(token)
            original(
                table, {name: column[:1] for name, column in columns.items()}, token=token, query_id=query_id
            )
            proof.query("ALTER TABLE {table} DELETE WHERE 1 SETTINGS mutations_sync = 2")
            raise BlockTooBig("closed the connection")
        taken: bool = original(table, columns, token=token, query_id=query_id)
        return taken

    sink.store.insert = burns_the_token
    with sink:
        proof.produce(1, 50)
        proof.check()
    assert failures


# R5: one block, rows are a pure function of the record


def test_R5_one_insert_is_one_part_however_many_rows_it_has(proof):
    rows = 1_200_000  # above the driver's own block size
    columns = {
        "number": np.ones(rows, np.uint64),
        "step": np.zeros(rows, np.uint32),
        "value": np.zeros((rows, 2), np.uint64),
        "timestamp": np.zeros(rows, np.int64),
        "_tp": np.zeros(rows, np.uint64),
        "_off": np.zeros(rows, np.uint64),
        "_row": np.arange(rows, dtype=np.uint32),
        "_rows": np.full(rows, rows, np.uint32),
    }
    insert(proof, columns, "one-block")
    sql = f"SELECT count(), sum(rows) FROM system.parts WHERE table = '{proof.table}' AND level = 0"
    assert proof.query(sql) == [(1, rows)]
    insert(proof, columns, "one-block")
    assert proof.rows() == rows


def test_R5_a_range_named_by_another_version_gets_only_what_is_missing_of_it(proof):
    proof.produce(1, 100)
    proof.commit(0, dataclasses.replace(proof.intent(next=60), schema="0ther000").encode())
    insert(proof, columns_of(proof, range(1, 31)), "of-the-other-version")
    sink = proof.sink()
    proof.check()
    assert sink.has_said("a range was named by another version: only what is missing of it is inserted")


def test_R5_an_acknowledged_insert_is_on_disk(proof):
    statement = proof.query(f"SHOW CREATE TABLE {proof.table}")[0][0]
    assert "fsync_after_insert = 1" in statement and "fsync_part_directory = 1" in statement


# R6: what a token is made of


def test_R6_a_topic_created_again_starts_anew_and_its_rows_do_not_pass_for_old_ones(proof):
    with InProcessSink(proof):
        proof.produce(1, 1)
        proof.check(audit=False)
    old = proof.topic_id
    del proof.topic_id  # it is cached
    proof.admin.delete_topics([proof.topic])
    assert wait_until(lambda: proof.admin.describe_topics([proof.topic])[0]["error_code"] == 3, 20)
    proof.admin.create_topics({proof.topic: {"num_partitions": 1, "replication_factor": 3}})
    proof.admin.wait_for_topics([proof.topic], timeout_ms=15_000)

    def has_another_id() -> bool:  # brokers learn of a new topic one after the other
        answer = proof.admin.describe_topics([proof.topic])[0]
        return answer["error_code"] == 0 and str(answer["topic_id"]) != str(old)

    assert wait_until(has_another_id, 20)
    with InProcessSink(proof):
        proof.produce(2, 2)
        proof.await_rows(1 + len(walk_of(2)))
        proof.await_consumed()
    assert proof.query("SELECT number, count() FROM {table} GROUP BY number ORDER BY number") == [
        (1, 1),
        (2, 2),
    ]
    audit = proof.audit(wait_s=20)
    assert (audit.exit_code, audit.totals["messages"]) == (0, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": 1},
        {"group": "b"},
        {"partition": 1},
        {"first": 1},
        {"next_offset": 8},
        {"attempt": "2"},
        {"table": "u"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_R6_every_part_of_a_token_tells_it_apart(proof, change):
    parts = {
        "epoch": 0,
        "group": "a",
        "topic_id": proof.topic_id,
        "partition": 0,
        "first": 0,
        "next_offset": 9,
        "attempt": "1",
        "table": "t",
    }
    assert token(**parts) != token(**parts | change)


# R7: when in doubt, refuse


def test_R7_a_group_that_has_committed_nothing_waits_parked_where_the_table_holds_rows(proof):
    proof.produce(1, 50)
    with InProcessSink(proof):
        proof.check(audit=False)
    with InProcessSink(proof, KAFKA_GROUP_ID=f"{proof.name}_other") as other:
        reason = other.await_parked("has committed nothing here")["parked"][0]["reason"]
    assert "holds rows of offsets 0 to 49" in reason
    assert "python -m consumer adopt" in reason
    proof.check(audit=False)


@pytest.mark.parametrize("metadata", ["", "foreign", '{"penstock":0}', '["penstock"]'])
def test_R7_an_offset_that_another_tool_committed_parks_the_feed(proof, metadata):
    proof.produce(1, 5)
    proof.commit(3, metadata)
    with InProcessSink(proof) as sink:
        reason = sink.await_parked("another tool set it")["parked"][0]["reason"]
    assert "python -m consumer adopt" in reason
    assert proof.rows() == 0
    assert proof.committed() == {0: 3}


def test_R7_an_offset_that_a_newer_version_committed_parks_the_feed(proof):
    proof.produce(1, 5)
    proof.commit(3, '{"penstock":99}')
    with InProcessSink(proof) as sink:
        sink.await_parked("written by a newer Penstock")
    assert (proof.rows(), proof.committed()) == (0, {0: 3})


def test_R7_the_first_start_is_at_the_first_offset_that_kafka_holds_and_said_so_in_a_commit(proof):
    proof.produce(1, 20)
    delete_records(proof.admin, proof.topic, 0, before=5)
    proof.acknowledged = list(range(6, 21))
    with InProcessSink(proof):
        proof.check(audit=False)


def test_R7_an_idle_sink_has_committed_with_metadata(proof):
    with InProcessSink(proof) as sink:
        sink.await_ready()
        offset, intent = proof.standing() or (None, None)
    assert offset == 0
    assert intent == proof.intent()


class Forgetful(BulkConsumer):
    """Brokers, or a proxy before them, that do not keep the metadata of a commit."""

    def commit(self, offsets: Any = None, timeout_ms: Any = None) -> None:
        super().commit({tp: OffsetAndMetadata(to.offset, "", -1) for tp, to in offsets.items()}, timeout_ms)


def test_R7_brokers_that_drop_metadata_are_refused(proof, monkeypatch):
    monkeypatch.setattr("common.kafka_io.clients.BulkConsumer", Forgetful)
    clients = Clients(proof.settings.kafka, CLOCK.now_s, CLOCK.sleep)
    with pytest.raises(StartRefused, match="do not keep the metadata"):
        check_brokers(clients.consumer, proof.name, [proof.topic], [proof.dead_topic])


def test_R7_a_missing_topic_is_refused_with_the_command_that_creates_it(proof):
    done = proof.run("sink", KAFKA_TOPIC_NAME=f"{proof.name}_nowhere")
    assert done.returncode == 1
    assert f"{proof.name}_nowhere, {proof.name}_nowhere.dead" in done.stderr
    assert "python -m common.topics" in done.stderr


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DROP COLUMN timestamp", "it lacks column timestamp"),
        ("MODIFY COLUMN timestamp DateTime64(6)", "column timestamp is DateTime64(6)"),
        ("DROP PROJECTION by_address", "it lacks projection by_address"),
    ],
)
def test_R7_a_table_that_differs_from_its_stream_is_refused_with_the_alter(proof, damage, said):
    proof.query(f"ALTER TABLE {{table}} {damage} SETTINGS mutations_sync = 2, alter_sync = 2")
    with pytest.raises(SchemaMismatch, match=re.escape(said)) as refused:
        check_start(proof.settings, [proof.stream()], CLOCK)
    for line in str(refused.value).splitlines()[1:]:
        proof.query(f"{line.split('; -- ')[0]} SETTINGS mutations_sync = 2")
    check_start(proof.settings, [proof.stream()], CLOCK)


def test_R7_a_missing_table_is_refused_with_the_command_that_creates_it(proof):
    proof.query("DROP TABLE {table} SYNC")
    with pytest.raises(SchemaMismatch, match="python -m consumer migrate"):
        check_start(proof.settings, [proof.stream()], CLOCK)
