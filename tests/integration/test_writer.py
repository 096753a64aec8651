"""The bulk writer on real brokers: what is acknowledged is in the log, once and in order."""

import random

import pytest

from common.errors import KafkaRefused
from tests.support.topic import Topic, numbered


def test_everything_acknowledged_is_in_the_log_once_and_in_order(stack):
    with Topic(stack, "writer-order", partitions=2) as topic:
        writer = topic.writer()
        deliveries = []
        for first in range(0, 100_000, 1000):
            values = numbered(1000, first)
            assert writer.wait_for_room(10.0)
            deliveries.append(
                writer.send(topic.name, first // 1000 % 2, values, timestamp_ms=5, keys=[b"k"] * 1000)
            )
        assert writer.flush(30.0)
        assert (writer.sent, writer.acknowledged, writer.failed) == (100_000, 100_000, 0)
        assert all(delivery.is_done and delivery.acknowledged == 1000 for delivery in deliveries)
        for partition in topic.partitions:
            found = [value for slab in topic.slabs(partition) for value in slab.values]
            firsts = range(partition * 1000, 100_000, 2000)
            assert found == [value for first in firsts for value in numbered(1000, first)]


def test_keys_headers_times_and_tombstones_arrive(stack):
    with Topic(stack, "writer-records") as topic:
        writer = topic.writer()
        headers = [[("stream", b"s")], [], [("a", b""), ("b", b"2")]]
        writer.send(
            topic.name, 0, [b"v", None, b""], timestamp_ms=1_795, keys=[b"k", None, b""], headers=headers
        )
        assert writer.close(10.0)
        assert [tuple(record) for record in topic.records()] == [
            (0, 1_795, b"k", b"v", [("stream", b"s")]),
            (1, 1_795, None, None, []),
            (2, 1_795, b"", b"", [("a", b""), ("b", b"2")]),
        ]


def test_a_message_that_is_too_large_fails_alone(stack):
    with Topic(stack, "writer-large") as topic:
        writer = topic.writer()
        noise = random.Random(3).randbytes(2_000_000)
        shrinks = b"x" * 2_000_000
        delivery = writer.send(topic.name, 0, [b"before", noise, shrinks, b"after"], timestamp_ms=1)
        assert writer.flush(10.0)
        assert (delivery.acknowledged, delivery.failed) == (3, 1)
        assert "above 1048588" in str(delivery.error)
        assert topic.values() == [b"before", shrinks, b"after"]


def test_a_topic_that_takes_less_than_we_think_is_an_error_and_not_a_hang(stack):
    with Topic(stack, "writer-small", **{"max.message.bytes": "1000"}) as topic:
        writer = topic.writer()
        noise = [random.Random(seed).randbytes(600) for seed in range(3)]
        delivery = writer.send(topic.name, 0, noise, timestamp_ms=1)
        assert writer.flush(10.0)
        assert (delivery.acknowledged, delivery.failed) == (0, 3)
        with pytest.raises(KafkaRefused, match="out of service"):
            writer.send(topic.name, 0, noise, timestamp_ms=1)


def test_a_missing_topic_names_the_command_that_makes_it(stack):
    with Topic(stack, "writer-present") as topic:
        writer = topic.writer(max_block_ms=1000)
        with pytest.raises(KafkaRefused, match=r"python -m common\.topics"):
            writer.send("writer-absent", 0, [b"v"], timestamp_ms=1)


def test_a_batch_can_be_part_of_a_transaction(stack):
    with Topic(stack, "writer-transaction") as topic:
        writer = topic.writer(transactional_id="writer-transaction", retry_backoff_ms=10)
        writer.producer.init_transactions()
        for number, commit in enumerate((True, False, True)):
            writer.producer.begin_transaction()
            writer.send(topic.name, 0, numbered(10, number * 10), timestamp_ms=1)
            assert writer.flush(10.0)
            writer.producer.commit_transaction() if commit else writer.producer.abort_transaction()
        assert topic.values() == [*numbered(10), *numbered(10, 20)]


def test_a_broker_killed_meanwhile_costs_and_repeats_nothing(stack):
    with Topic(stack, "writer-killed", partitions=3) as topic:
        writer = topic.writer()
        for first in range(0, 60_000, 500):
            if first == 20_000:
                stack.broker(2).kill()
            assert writer.wait_for_room(30.0)
            writer.send(topic.name, first // 500 % 3, numbered(500, first), timestamp_ms=1)
        try:
            assert writer.flush(30.0)
            assert (writer.acknowledged, writer.failed) == (60_000, 0)
        finally:
            stack.broker(2).start()
        assert sorted(topic.values()) == sorted(numbered(60_000))


def test_what_frozen_brokers_do_not_acknowledge_counts_as_failed(stack):
    with Topic(stack, "writer-frozen") as topic:
        writer = topic.writer()
        writer.send(topic.name, 0, numbered(10), timestamp_ms=1)
        assert writer.flush(10.0)
        for broker in stack.brokers:
            broker.freeze()
        try:
            writer.send(topic.name, 0, numbered(10), timestamp_ms=1)
            assert not writer.close(1.0)
        finally:
            for broker in stack.brokers:
                broker.thaw()
        assert (writer.sent, writer.acknowledged, writer.failed) == (20, 10, 10)
