"""What a BulkConsumer refuses, how far it unpacks, and how it gets out of a join that kafka-python forgot."""

from types import SimpleNamespace

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.coordinator.base import MemberState
from kafka.errors import KafkaConfigurationError
from kafka.record import MemoryRecords

from common.kafka_io.clients import Clients
from common.kafka_io.reader import BulkConsumer, RangeReader
from common.model.record import TooLarge
from common.settings.parts import KafkaSettings
from tests.unit.common.kafka_io.fetches import CODECS, wild_batch

TP = TopicPartition("events", 3)


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


@pytest.fixture
def offline(monkeypatch):
    """A BulkConsumer without brokers: options → the consumer. Only its fetcher is there."""

    def make(self, *_, **__):
        self._fetcher = SimpleNamespace()

    monkeypatch.setattr(KafkaConsumer, "__init__", make)
    return BulkConsumer


def large_slab(consumer):
    """What the consumer makes of a message of two megabytes at offset 5."""
    data = wild_batch(5, [(0, 0, None, bytes(2 << 20), [])], codec=CODECS["zstd"])
    (slab,) = consumer._fetcher.PartitionRecords(5, TP, MemoryRecords(data)).take()
    return slab


def test_its_fetches_unpack_up_to_its_limit(offline):
    assert large_slab(offline()).values == [bytes(2 << 20)]
    assert large_slab(offline(max_unpacked_bytes=1 << 20)).values == [TooLarge(1 << 20)]


def test_a_partition_may_have_a_limit_of_its_own_up_to_an_offset(offline):
    consumer = offline(max_unpacked_bytes=1 << 20)
    consumer.bound_unpacking(TP, 6, 3 << 20)
    assert large_slab(consumer).values == [bytes(2 << 20)]
    consumer.bound_unpacking(TP, 5, 3 << 20)
    assert large_slab(consumer).values == [TooLarge(1 << 20)]
    consumer.bound_unpacking(TP, 6, 3 << 20)
    consumer.bound_unpacking(TP, 6, None)
    assert large_slab(consumer).values == [TooLarge(1 << 20)]


@pytest.mark.parametrize("is_read_on", [True, False], ids=["to the end", "not to the end"])
def test_a_range_may_be_read_under_a_limit_of_its_own(offline, monkeypatch, is_read_on):
    consumer = offline(max_unpacked_bytes=1 << 20)
    monkeypatch.setattr(BulkConsumer, "assign", lambda *_: None)
    monkeypatch.setattr(BulkConsumer, "seek", lambda *_: None)
    monkeypatch.setattr(BulkConsumer, "poll", lambda self, _: {TP: [large_slab(self)]})
    reader = RangeReader(consumer)
    slabs = reader.read(*TP, 5, 6, 1.0, limit_bytes=3 << 20)
    assert next(slabs).values == [bytes(2 << 20)]
    assert list(slabs) == [] if is_read_on else slabs.close() is None
    assert [slab.values for slab in reader.read(*TP, 5, 6, 1.0)] == [[TooLarge(1 << 20)]]


def test_every_consumer_of_the_clients_has_the_limit_of_the_settings(offline, monkeypatch):
    monkeypatch.setattr("common.kafka_io.clients.connect", lambda kind, options, **_: kind(**options))
    clients = Clients(KafkaSettings(max_unpacked_bytes=1 << 20), lambda: 0.0, lambda _: None)
    for consumer in (clients.consumer("group"), clients.consumer(None), clients.range_reader()._consumer):
        assert large_slab(consumer).values == [TooLarge(1 << 20)]


@pytest.mark.parametrize("option", ["key_deserializer", "value_deserializer"])
def test_deserializers_are_refused(option):
    with pytest.raises(KafkaConfigurationError, match="raw bytes"):
        BulkConsumer(**{option: object()})
