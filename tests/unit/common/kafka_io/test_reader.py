"""What a BulkConsumer refuses, and how it gets out of a join that kafka-python forgot."""

from types import SimpleNamespace

import pytest
from kafka.consumer.fetcher import Fetcher
from kafka.coordinator.base import MemberState
from kafka.errors import KafkaConfigurationError

from common.kafka_io.reader import BulkConsumer


class Member(BulkConsumer):
    """A consumer without brokers, in a state that the test sets."""

    def __init__(self, state, need_rejoin=False):
        self.state, self.rejoins = state, 0
        self._joining_since_s = None
        self._coordinator = SimpleNamespace(need_rejoin=lambda: need_rejoin, request_rejoin=self.rejoin)

    def group_metadata(self):
        return SimpleNamespace(state=self.state)

    def rejoin(self):
        self.rejoins += 1


def test_a_member_stuck_in_a_join_joins_anew_after_five_seconds_and_again_after_five_more():
    member = Member(MemberState.REBALANCING)
    mended = [second for second in range(14) if member.mend_stuck_join(float(second))]
    assert mended == [6, 13]
    assert member.rejoins == 2


def test_a_join_that_ends_in_between_is_not_stuck():
    member = Member(MemberState.REBALANCING)
    for second in range(20):
        member.state = MemberState.STABLE if second % 4 == 3 else MemberState.REBALANCING
        assert not member.mend_stuck_join(float(second))


def test_a_rejoin_that_is_on_its_way_is_left_alone():
    member = Member(MemberState.REBALANCING, need_rejoin=True)
    assert not any(member.mend_stuck_join(float(second)) for second in range(60))


@pytest.mark.parametrize("option", ["key_deserializer", "value_deserializer"])
def test_deserializers_are_refused(option):
    with pytest.raises(KafkaConfigurationError, match="raw bytes"):
        BulkConsumer(**{option: object()})


def test_a_kafka_python_without_the_hook_is_refused_with_the_version_that_has_it(monkeypatch):
    monkeypatch.delattr(Fetcher, "PartitionRecords")
    with pytest.raises(KafkaConfigurationError, match=r"kafka-python>=3\.0\.12,<3\.1"):
        BulkConsumer()
