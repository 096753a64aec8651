"""The real Group and the real kafka-python, against a broker that holds answers back."""

import gc
import time
import warnings
from contextlib import contextmanager
from functools import partial

import pytest
from kafka import TopicPartition

from common.errors import KafkaUnavailable
from common.kafka_io.clients import Clients
from common.kafka_io.group import Group
from common.model.ranges import Committed
from common.model.record import Partition
from common.settings.parts import KafkaSettings
from infra.local.waiting import wait_until
from tests.support.fake_broker import TOPIC, FakeBroker

SOON_S = 20.0
HERE = Partition(TOPIC, 0)


@pytest.fixture
def broker():
    with FakeBroker() as broker:
        yield broker


@pytest.fixture
def group(broker):
    with member_of(broker) as member:
        yield member


@contextmanager
def member_of(broker):
    settings = KafkaSettings(
        bootstrap_servers=(broker.address,), heartbeat_s=0.1, request_timeout_s=20, session_timeout_s=30
    )
    consumer = partial(Clients(settings, time.monotonic, time.sleep).consumer, "team-sink")
    member = Group(consumer, [TOPIC], now_s=time.monotonic, sleep=time.sleep, commit_timeout_s=5.0)
    try:
        yield member
    finally:
        member.close()
        with warnings.catch_warnings():  # kafka-python forgets sockets whose connection was refused
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


def join(group, broker, *partitions):
    """Assign these, and poll until they are this member's."""
    broker.assign(set(partitions))
    broker.rebalance()

    def has_joined():
        group.poll(0.05)
        return group.is_stable and {number for _, number in group.assigned()} == set(partitions)

    assert wait_until(has_joined, SOON_S)


def test_T7_what_is_committed_is_asked_for_and_never_taken_from_an_older_answer(group, broker):
    broker.committed = {0: (10, "ours"), 1: (100, "ours")}
    join(group, broker, 0)
    group.read_assignment()
    broker.offset_fetches.clear()  # the client asks about 1 by itself, and its poll() ends before the answer comes
    join(group, broker, 0, 1)
    broker.offset_fetches.set()
    group.read_assignment()
    broker.committed[1] = (50_000, "ours")  # hours of work later …
    join(group, broker, 1)  # … just that partition is assigned
    assert group.read_assignment() == {Partition(TOPIC, 1): Committed(50_000, "ours")}


def test_T7_each_reading_is_a_request_of_its_own(group, broker):
    join(group, broker, 0)
    group.read_assignment()
    for offset in (1, 2, 3):
        broker.committed[0] = (offset, "ours")
        assert group.read_committed([HERE]) == {HERE: Committed(offset, "ours")}


def test_an_assignment_that_moves_while_it_is_read_is_not_taken(group, broker):
    join(group, broker, 0)
    group.read_assignment()
    group._note_change()
    with pytest.raises(KafkaUnavailable, match="the assignment moved"):
        group.read_committed([HERE])


def test_T9_a_partition_whose_leader_is_not_known_yet_is_asked_for_again_later(broker):
    there = Partition(TOPIC, 1)
    broker.known = {0}  # another member has seen the topic grow, this one has not
    with member_of(broker) as group:
        join(group, broker, 0, 1)
        for ask in (group.first_offsets, group.end_offsets):
            with pytest.raises(KafkaUnavailable, match="events/1 is not known yet"):
                ask([HERE, there])
        broker.known = {0, 1}
        assert wait_until(lambda: knows(group, there), SOON_S)
        assert group.first_offsets([HERE, there]) == {HERE: 0, there: 0}


def knows(group, partition):
    group.poll(0.05)
    try:
        return group.end_offsets([HERE, partition]) == {HERE: 0, partition: 0}
    except KafkaUnavailable:
        return False


def test_a_partition_that_was_taken_away_meanwhile_is_no_error_of_its_own(group, broker):
    join(group, broker, 0)
    group.read_assignment()
    gone = Partition(TOPIC, 1)
    with pytest.raises(KafkaUnavailable, match="taken away meanwhile"):
        group.seek(gone, 5)
    assert group.changed
    group.read_assignment()
    assert group.log_end(gone) == 0
    assert group.changed


def test_pausing_what_was_taken_away_meanwhile_is_no_error(group, broker):
    join(group, broker, 0)
    group.read_assignment()
    mine = group._consumer.assignment()
    group._consumer.assignment = lambda: mine | {TopicPartition(TOPIC, 1)}  # as it was a moment ago
    group.read_only([])
    assert group.changed
