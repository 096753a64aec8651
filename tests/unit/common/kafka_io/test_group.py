"""The real Group and the real kafka-python, against a broker that holds answers back."""

import time
from functools import partial

import pytest

from common.errors import KafkaUnavailable
from common.kafka_io.clients import Clients
from common.kafka_io.group import Group
from common.model.ranges import Committed
from common.model.record import Partition
from common.settings import KafkaSettings
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
    settings = KafkaSettings(
        bootstrap_servers=(broker.address,), heartbeat_s=0.1, request_timeout_s=20, session_timeout_s=30
    )
    consumer = partial(Clients(settings, time.monotonic, time.sleep).consumer, "team-sink")
    member = Group(consumer, [TOPIC], now_s=time.monotonic, sleep=time.sleep, commit_timeout_s=5.0)
    yield member
    member.close()


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
