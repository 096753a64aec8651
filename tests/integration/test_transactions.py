"""Transactions on real brokers: what kafka-python's own do when an answer is lost, and what ours make of it.

Each trap has a control, the stock client under the same conditions: it tells when a trap is gone.
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import TransactionState
from kafka.errors import CommitFailedError, KafkaError, KafkaTimeoutError
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata

from common.errors import KafkaUnavailable, StartRefused, TransactionLost
from common.kafka_io import transaction_internals as internals
from common.kafka_io.transactions import Transactions
from common.kafka_io.writer import BulkWriter
from common.model.ranges import Committed
from common.model.record import Partition
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.copying import TIMESTAMP_MS, Copying, commit, copy, send_ten, send_values, stock_offset
from tests.support.kafka_frames import Api
from tests.support.kafka_proxy import KafkaProxy

NOTHING: tuple[list[int], list[int]] = ([], [])
EVERY_KIND = [
    pytest.param(api, id=api.name)
    for api in (
        Api.END_TXN,
        Api.TXN_OFFSET_COMMIT,
        Api.ADD_PARTITIONS_TO_TXN,
        Api.ADD_OFFSETS_TO_TXN,
        Api.PRODUCE,
    )
]
FIRST_TEN, SECOND_TEN = list(range(10)), list(range(10, 20))


def joined(stack: Stack, group_id: str, topic: str, **options: int) -> KafkaConsumer:
    """The only member of a group, with everything assigned."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=stack.bootstrap_servers,
        group_id=group_id,
        enable_auto_commit=False,
        **options,
    )
    assert wait_until(lambda: bool(consumer.poll(500) or consumer.assignment()), 30)
    return consumer


@pytest.fixture(scope="module")
def member(stack: Stack) -> Iterator[ConsumerGroupMetadata]:
    """Of a group that nobody else joins, while these tests run."""
    admin = KafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    admin.create_topics({"copying": {"num_partitions": 1, "replication_factor": 3}})
    admin.wait_for_topics(["copying"], timeout_ms=15_000)
    admin.close()
    consumer = joined(stack, "copying", "copying")
    yield consumer.group_metadata()
    consumer.close()


@pytest.fixture
def proxy(stack: Stack) -> Iterator[KafkaProxy]:
    with KafkaProxy(stack) as proxy:
        yield proxy


@pytest.fixture
def copying(stack: Stack, proxy: KafkaProxy, member: ConsumerGroupMetadata) -> Copying:
    return Copying(stack, member, proxy.bootstrap_servers)


@pytest.fixture
def transactions(copying: Copying) -> Iterator[Transactions]:
    made = copying.transactions()
    yield made
    made.throw_away()


@pytest.fixture
def stock(copying: Copying) -> Iterator[KafkaProducer]:
    producer = copying.stock_producer()
    yield producer
    producer.close(timeout=1)


@pytest.mark.parametrize("moment", ["outputs are sent", "offsets are sent"])
@pytest.mark.parametrize(
    "api",
    [Api.END_TXN, Api.TXN_OFFSET_COMMIT, Api.ADD_PARTITIONS_TO_TXN, Api.ADD_OFFSETS_TO_TXN, Api.PRODUCE],
)
def test_t8_a_late_copy_of_a_request_has_no_effect(proxy, copying, transactions, monkeypatch, api, moment):
    late = proxy.hold(api, copying.id.encode())
    is_second = False

    def arrive(at: str) -> None:
        if is_second and at == moment and not late.answered.is_set():
            late.release()

    def flushed(attempt: int) -> None:
        nonlocal is_second
        is_second = attempt > 1
        arrive("outputs are sent")

    end = internals.end_transaction
    monkeypatch.setattr(internals, "end_transaction", lambda it: arrive("offsets are sent") or end(it))
    lost = copy(copying, transactions, 30, flushed)
    assert late.answered.is_set()
    assert copying.outcome() == NOTHING
    assert copying.outputs() == list(range(30))
    if api is not Api.PRODUCE:  # that is sent again: its sequence numbers make it safe
        assert lost >= 1
        assert late.error != 0


@pytest.mark.parametrize(
    "api",
    [Api.END_TXN, Api.TXN_OFFSET_COMMIT, Api.ADD_PARTITIONS_TO_TXN, Api.ADD_OFFSETS_TO_TXN, Api.PRODUCE],
)
def test_t8_a_request_whose_answer_is_lost_is_not_sent_again(proxy, copying, transactions, api):
    swallowed = proxy.swallow(api, copying.id.encode())
    lost = copy(copying, transactions, 30)
    assert swallowed.answered.is_set()
    assert copying.outcome() == NOTHING
    assert copying.outputs() == list(range(30))
    assert lost == (api is not Api.PRODUCE)


def test_t8_who_gives_up_a_transaction_sends_nothing_that_could_be_late(proxy, copying, transactions):
    transactions.open(copying.id)
    transactions.begin()
    send_values(copying, transactions, range(5))
    transactions.flush()
    transactions.throw_away()
    assert proxy.seen[Api.END_TXN] == 0
    assert copy(copying, transactions, 10) == 0
    assert copying.outputs() == FIRST_TEN


def test_t8_control_a_late_abort_loses_ten_of_ten_outputs_of_the_stock_client(proxy, copying, stock):
    late = proxy.hold(Api.END_TXN, copying.id.encode())
    stock.begin_transaction()
    stock.send(copying.target, b"0", partition=0).get(10)
    stock.abort_transaction()
    stock.begin_transaction()
    send_ten(stock, copying.target, 0)
    late.release()
    stock_offset(stock, copying, 10)
    stock.commit_transaction()  # it says that all is well
    assert late.error == 0
    assert copying.outcome() == (FIRST_TEN, [])


def test_t8_control_a_late_commit_loses_ten_of_ten_outputs_of_the_stock_client(proxy, copying, stock):
    """Offsets go first where nobody flushes; the client dies before it notices."""
    late = proxy.hold(Api.END_TXN, copying.id.encode())
    stock.begin_transaction()
    send_ten(stock, copying.target, 0)
    stock_offset(stock, copying, 10)
    stock.commit_transaction()
    stock.begin_transaction()
    stock_offset(stock, copying, 20)
    late.release()
    stock.close(timeout=0)
    assert late.error == 0
    assert copying.outcome() == (SECOND_TEN, [])


def test_t8_control_late_offsets_repeat_ten_outputs_of_the_stock_client(proxy, copying, stock):
    late = proxy.hold(Api.TXN_OFFSET_COMMIT, copying.id.encode())
    for first in (0, 10):
        stock.begin_transaction()
        send_ten(stock, copying.target, first)
        stock_offset(stock, copying, first + 10)
        if first:
            late.release()
        stock.commit_transaction()
    assert late.error == 0
    assert copying.outcome() == ([], SECOND_TEN)


def test_t8_a_kafka_python_that_would_send_again_is_refused_at_start(monkeypatch):
    assert internals.sent_again() == []
    monkeypatch.setattr(internals, "_fatal_without_answer", lambda handler: handler.on_complete)
    assert internals.sent_again() == ["AddPartitionsToTxn", "AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn"]
    with pytest.raises(StartRefused) as refused:
        Transactions(lambda name: pytest.fail(name), lambda producer: pytest.fail("made"))
    for word in (
        "AddPartitionsToTxn",
        "AddOffsetsToTxn",
        "TxnOffsetCommit",
        "EndTxn",
        "install kafka-python>=3.0.12",
    ):
        assert word in str(refused.value)


def test_x1_offsets_that_were_refused_are_not_sent_again(stack, member):
    copying = Copying(stack, member, partitions=2)
    gone = member._replace(generation_id=member.generation_id + 7)
    transactions = copying.transactions()
    transactions.open(copying.id)
    transactions.begin()
    with pytest.raises(TransactionLost):
        transactions.commit(at(copying, 0, 100), gone)
    move_on(copying, 500)
    transactions.open(copying.id)
    transactions.begin()
    transactions.commit(at(copying, 1, 120), member)
    transactions.throw_away()
    assert (copying.committed(0), copying.committed(1)) == (500, 120)


def test_x1_control_the_stock_client_sends_refused_offsets_again(stack, member):
    copying = Copying(stack, member, partitions=2)
    gone = member._replace(generation_id=member.generation_id + 7)
    stock = copying.stock_producer()
    stock.begin_transaction()
    with pytest.raises(CommitFailedError):
        stock.send_offsets_to_transaction(stock_at(copying, 0, 100), gone)
    stock.abort_transaction()
    move_on(copying, 500)
    stock.begin_transaction()
    stock.send_offsets_to_transaction(stock_at(copying, 1, 120), member)
    stock.commit_transaction()
    stock.close()
    assert (copying.committed(0), copying.committed(1)) == (100, 120)


def at(copying: Copying, partition: int, offset: int):
    return {Partition(copying.source, partition): Committed(offset, "")}


def stock_at(copying: Copying, partition: int, offset: int):
    return {TopicPartition(copying.source, partition): OffsetAndMetadata(offset, "", -1)}


def committed(admin: KafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    """What can be read of a group's commits; one whose transaction is about to end cannot yet."""
    return {at: found.offset for at, found in admin.list_group_offsets(group)[group].items()}


def move_on(copying: Copying, offset: int) -> None:
    """Whoever has partition 0 now commits that offset."""
    owner = copying.stock_producer(transactional_id=f"{copying.id}-owner")
    owner.begin_transaction()
    owner.send_offsets_to_transaction(stock_at(copying, 0, offset), copying.member.group_id)
    owner.commit_transaction()
    owner.close()


HASTY = {"request_timeout_ms": 1_500, "delivery_timeout_ms": 2_000}


def test_x2_a_batch_that_expires_takes_its_transaction_with_it(proxy, copying):
    transactions = copying.transactions(**HASTY)
    transactions.open(copying.id)
    transactions.begin()
    send_values(copying, transactions, [0])
    transactions.flush()
    proxy.refuse(Api.PRODUCE, copying.target.encode())
    send_values(copying, transactions, [1])
    with pytest.raises(TransactionLost):
        transactions.flush()
    proxy.pass_on()
    assert copy(copying, transactions, 10) == 0
    transactions.throw_away()
    assert copying.outputs() == FIRST_TEN


def test_x2_control_the_stock_client_commits_without_an_expired_batch(proxy, copying):
    stock = copying.stock_producer(**HASTY)
    stock.begin_transaction()
    stock.send(copying.target, b"0", partition=0).get(10)
    proxy.refuse(Api.PRODUCE, copying.target.encode())
    expired = stock.send(copying.target, b"1", partition=0)
    stock.commit_transaction()  # it says that all is well
    stock.close()
    assert expired.failed()
    assert copying.outputs() == [0]


def test_x3_a_transaction_that_the_broker_timed_out_is_lost_and_said_to_be(stack, member):
    """The stock client, as control, says that it has committed; nothing is there."""
    ours, theirs = Copying(stack, member), Copying(stack, member)
    transactions = ours.transactions(transaction_timeout_ms=1_000)
    transactions.open(ours.id)
    transactions.begin()
    send_values(ours, transactions, [0])
    transactions.flush()
    stock = theirs.stock_producer(transaction_timeout_ms=1_000)
    stock.begin_transaction()
    stock.send(theirs.target, b"0", partition=0).get(10)
    await_none_open(stack, ours.id, theirs.id)
    pending = stock.send(theirs.target, b"1", partition=0)
    stock.commit_transaction()  # it says that all is well
    stock.close()
    assert pending.failed()
    assert theirs.outputs() == []
    send_values(ours, transactions, [1])
    with pytest.raises(TransactionLost):
        transactions.flush()
    assert copy(ours, transactions, 10) == 0
    transactions.throw_away()
    assert ours.outputs() == FIRST_TEN


def await_none_open(stack: Stack, *ids: str) -> None:
    """Wait until the brokers have ended these transactions: they look every ten seconds.

    A broker that is still loading its part of the transactions' log leaves them out of its list.
    """
    admin = KafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)

    def is_ended() -> bool:
        found = admin.list_transactions().values()
        states = {each.transactional_id: each.state for listed in found for each in listed}
        return all(states.get(name) is TransactionState.COMPLETE_ABORT for name in ids)

    try:
        assert wait_until(is_ended, 30)
    finally:
        admin.close()


def test_x4_a_membership_that_is_over_commits_nothing(stack, member):
    """As control, the stock client asks too late who it is; its offsets are taken while another has the partition."""
    copying = Copying(stack, member)
    group = f"{copying.id}-group"
    first = joined(stack, group, copying.source)
    in_time = first.group_metadata()
    admin = KafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    first.unsubscribe()
    second = joined(stack, group, copying.source)
    late = first.group_metadata()
    assert (late.generation_id, late.member_id) == (-1, "")
    transactions = copying.transactions()
    for metadata in (in_time, late):
        transactions.open(copying.id)
        transactions.begin()
        with pytest.raises(TransactionLost):
            transactions.commit(at(copying, 0, 100), metadata)
        assert not transactions.is_open
    stock = copying.stock_producer()
    stock.begin_transaction()
    stock.send_offsets_to_transaction(stock_at(copying, 0, 200), late)
    stock.commit_transaction()
    source = TopicPartition(copying.source, 0)
    assert second.assignment() == {source}
    assert wait_until(lambda: committed(admin, group).get(source) == 200, 30)
    for client in (stock, admin, first, second):
        client.close()


def test_x5_a_commit_that_nobody_answers_is_given_up(proxy, copying):
    transactions = copying.transactions(answer_s=1.0)
    transactions.open(copying.id)
    transactions.begin()
    send_values(copying, transactions, FIRST_TEN)
    transactions.flush()
    stalled = proxy.stall(Api.END_TXN, copying.id.encode())
    with pytest.raises(TransactionLost, match="no answer within 1 s"):
        commit(copying, transactions, 10)
    stalled.await_fired()
    transactions.open(copying.id)
    assert copying.committed() == 10  # it was applied: what is committed is read, nothing guessed
    transactions.throw_away()
    assert copying.outcome() == NOTHING


def test_x5_control_the_stock_client_waits_without_a_bound(proxy, copying, stock):
    stock.begin_transaction()
    send_ten(stock, copying.target, 0)
    refused = proxy.refuse(Api.END_TXN, copying.id.encode())
    thread = threading.Thread(target=stock.commit_transaction, daemon=True)
    thread.start()
    assert wait_until(lambda: proxy.seen[Api.END_TXN] > 20, 20)  # sent again and again
    assert thread.is_alive()
    assert refused.fired.is_set()
    proxy.pass_on()
    thread.join(20)
    assert not thread.is_alive()


def test_x6_our_producers_have_no_metrics(copying, transactions):
    transactions.open(copying.id)
    assert transactions._writer.producer.config["metrics_enabled"] is False


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_x6_control_a_producer_with_metrics_never_sends_whole_batches(copying):
    stock = copying.stock_producer()
    stock.begin_transaction()
    writer = BulkWriter(stock, max_message_bytes=1 << 20)
    writer.send(copying.target, 0, [b"0"], timestamp_ms=TIMESTAMP_MS)
    assert not writer.flush(2.0)
    assert writer.acknowledged == writer.failed == 0
    writer.close(0.1)


def test_x7_a_writer_that_was_refused_at_hand_over_goes_with_its_producer(copying, transactions):
    transactions.open(copying.id)
    with pytest.raises(TransactionLost):
        send_values(copying, transactions, FIRST_TEN)  # outside of a transaction
    assert not transactions.is_open
    assert copy(copying, transactions, 10) == 0
    assert copying.outputs() == FIRST_TEN


def test_x7_control_what_was_refused_at_hand_over_is_waited_for_in_vain(copying):
    producer = copying.stock_producer(metrics_enabled=False)
    writer = BulkWriter(producer, max_message_bytes=1 << 20)
    with pytest.raises(KafkaError):
        writer.send(copying.target, 0, [b"0"], timestamp_ms=TIMESTAMP_MS)
    assert writer.sent == 1
    assert not writer.flush(0.2)
    writer.close(0.1)


def test_i1_fencing_an_id_lets_readers_go_on_at_once(stack, member):
    """They wait for what a dead worker left open until it is fenced, or its time is over."""
    copying = Copying(stack, member)
    dead = copying.transactions(transaction_timeout_ms=60_000)
    dead.open(f"{copying.id}-dead")
    dead.begin()
    send_values(copying, dead, range(5))
    dead.flush()
    dead.throw_away()
    alive = copying.transactions()
    assert copy(copying, alive, 10) == 0
    assert copying.outputs() == []
    alive.fence([f"{copying.id}-dead"])
    assert wait_until(lambda: copying.outputs() == FIRST_TEN, 5)
    alive.throw_away()


def test_a_fence_that_fails_for_one_id_leaves_no_producer_of_another(stack, member):
    copying = Copying(stack, member)
    names = [f"{copying.id}-{number}" for number in range(8)]
    transactions = copying.transactions()
    make, made = transactions._make_producer, []

    def make_some(name: str) -> KafkaProducer:
        if name == names[0]:
            raise KafkaTimeoutError
        made.append(make(name))
        return made[-1]

    transactions._make_producer = make_some
    with pytest.raises(KafkaUnavailable):
        transactions.fence(names)
    assert len(made) == 7
    assert not any(producer._sender.is_alive() for producer in made)


def open_files() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_producers_that_are_thrown_away_leave_no_threads_and_no_sockets(stack, member):
    copying = Copying(stack, member)
    transactions = copying.transactions()

    def give_up() -> None:
        transactions.open(copying.id)
        transactions.begin()
        send_values(copying, transactions, range(1_000))  # not acknowledged yet
        transactions.throw_away()

    give_up()
    threads, files = threading.active_count(), open_files()
    for _ in range(25):
        give_up()
    transactions.fence([f"{copying.id}-{number}" for number in range(20)])
    assert wait_until(lambda: threading.active_count() <= threads and open_files() <= files, 5)
    assert copying.outputs() == []
