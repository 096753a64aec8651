"""The bulk reader on real brokers: what a foreign producer, a transaction or a deletion leaves in a log."""

import random

import pytest
from kafka import TopicPartition

from common.errors import DataExpired, KafkaUnavailable, UnreadableBatch
from common.kafka_io.format.batch import CompiledBatch, decode_compiled, decode_pure
from common.kafka_io.format.compression import TooLargeToUnpack
from common.kafka_io.outcome import poll_error
from common.kafka_io.reader import RangeReader
from common.model.record import TooLarge
from infra.local.waiting import wait_until
from tests.support.asking import delete_records
from tests.support.topic import Topic, numbered

decoders = pytest.mark.parametrize(
    "decoder",
    [
        decode_pure,
        pytest.param(decode_compiled, marks=pytest.mark.skipif(CompiledBatch is None, reason="no aiokafka")),
    ],
)


def assert_contiguous(slabs, first, next_offset):
    position = first
    for slab in slabs:
        assert slab.start == position
        position = slab.next_offset
    assert position == next_offset


@pytest.fixture(scope="module")
def transactions(stack):
    """A log with 50 committed, 30 aborted and 20 committed messages, and three markers."""
    with Topic(stack, "reader-transactions") as topic:
        producer = topic.producer(transactional_id="reader-transactions", retry_backoff_ms=10)
        producer.init_transactions()
        for first, count, commit in ((0, 50, True), (1000, 30, False), (50, 20, True)):
            producer.begin_transaction()
            for value in numbered(count, first):
                producer.send(topic.name, value, partition=0)
            producer.flush(timeout=10)
            producer.commit_transaction() if commit else producer.abort_transaction()
        yield topic


@decoders
def test_reads_committed_messages_and_passes_aborted_ones_and_markers(transactions, decoder):
    slabs = transactions.slabs(decoder=decoder)
    assert [value for slab in slabs for value in slab.values] == numbered(70)
    assert_contiguous(slabs, 0, transactions.end())
    assert transactions.end() == 50 + 30 + 20 + 3


def test_a_range_starts_and_ends_in_the_middle_of_batches(transactions):
    reader = RangeReader(transactions.consumer())
    slabs = list(reader.read(transactions.name, 0, 45, 90, 5.0))
    assert_contiguous(slabs, 45, 90)
    # 45..49 committed, 50 marker, 51..80 aborted, 81 marker, 82..89 committed
    assert [offset for slab in slabs for offset in slab.offsets] == [*range(45, 50), *range(82, 90)]
    assert [record.value for slab in slabs for record in slab.records()] == [
        *numbered(5, 45),
        *numbered(8, 50),
    ]


@decoders
def test_reads_what_foreign_producers_compressed(stack, decoder):
    with Topic(stack, f"reader-foreign-{decoder.__name__}".replace("_", "-")) as topic:
        expected = []
        for index, codec in enumerate((None, "gzip", "lz4", "zstd", "snappy")):
            producer = topic.producer(compression_type=codec, enable_idempotence=index % 2 == 0, linger_ms=5)
            values = numbered(500, index * 1000)
            for value in values:
                producer.send(
                    topic.name, value, key=b"key", headers=[("codec", b"x")], partition=0, timestamp_ms=7
                )
            producer.flush(timeout=10)
            expected += values
        slabs = topic.slabs(decoder=decoder)
        assert [value for slab in slabs for value in slab.values] == expected
        record = list(slabs[-1].records())[-1]
        assert (record.offset, record.timestamp_ms, record.key) == (2499, 7, b"key")
        assert list(record.headers) == [("codec", b"x")]


def test_a_message_that_unpacks_to_more_than_the_limit_is_passed_unless_its_range_has_another(stack):
    with Topic(stack, "reader-unpacking") as topic:
        writer = topic.writer()
        large = [bytes(3 << 20)]
        for values in (large, numbered(1), large):
            writer.send(topic.name, 0, values, timestamp_ms=7)
        assert writer.flush(10.0)
        consumer = topic.consumer(max_unpacked_bytes=1 << 20)
        reader = RangeReader(consumer)
        slabs = list(reader.read(topic.name, 0, 0, 3, 5.0))
        assert_contiguous(slabs, 0, 3)
        assert [slab.values for slab in slabs] == [[TooLarge(1 << 20)], [*numbered(1)], [TooLarge(1 << 20)]]
        assert list(slabs[0].records()) == [(0, 7, None, None, ())]
        consumer.bound_unpacking(TopicPartition(topic.name, 0), 2, 8 << 20)
        again = [slab.values for slab in reader.read(topic.name, 0, 0, 3, 5.0)]
        assert again == [large, [*numbered(1)], [TooLarge(1 << 20)]]


def test_several_messages_that_unpack_to_more_than_the_limit_are_refused_with_what_to_do(stack):
    with Topic(stack, "reader-too-large") as topic:
        producer = topic.producer(compression_type="gzip", linger_ms=500, batch_size=2 << 20)
        for _ in range(4):
            producer.send(topic.name, bytes(400_000), partition=0)
        producer.flush(timeout=10)
        consumer = topic.consumer(max_unpacked_bytes=1 << 20)
        tp = TopicPartition(topic.name, 0)
        consumer.assign([tp])
        consumer.seek(tp, 0)
        with pytest.raises(
            TooLargeToUnpack, match=r"-0 at offset 0: .* 4 messages .*raise MAX_UNPACKED_BYTES"
        ) as caught:
            wait_until(lambda: consumer.poll(250), 10)
        assert isinstance(poll_error(caught.value), UnreadableBatch)


def test_a_partition_that_is_paused_and_resumed_is_never_left_behind(stack):
    rng = random.Random(7)
    with Topic(stack, "reader-pauses", partitions=3) as topic:
        writer = topic.writer()
        for partition in topic.partitions:
            for first in range(0, 4000, 100):
                writer.send(topic.name, partition, numbered(100, first), timestamp_ms=1)
        assert writer.flush(20.0)
        consumer = topic.consumer()
        tps = [TopicPartition(topic.name, partition) for partition in topic.partitions]
        consumer.assign(tps)
        position = dict.fromkeys(tps, 0)
        for tp in tps:
            consumer.seek(tp, 0)
        for _ in range(2000):
            resting = rng.sample(tps, rng.randint(0, 2))
            consumer.resume(*tps)
            consumer.pause(*resting)
            for tp, slabs in consumer.poll(50, max_records=rng.randint(1, 4)).items():
                assert tp not in resting
                assert_contiguous(slabs, position[tp], slabs[-1].next_offset)
                position[tp] = slabs[-1].next_offset
            if min(position.values()) == 4000:
                break
        assert position == dict.fromkeys(tps, 4000)


def test_a_range_that_retention_removed_is_expired(stack):
    with Topic(stack, "reader-expired") as topic:
        writer = topic.writer()
        writer.send(topic.name, 0, numbered(10), timestamp_ms=1)
        assert writer.flush(10.0)
        delete_records(topic.admin._client, topic.name, 0, before=5)
        reader = RangeReader(topic.consumer())
        with pytest.raises(DataExpired, match="reader-expired-0 at offset 0"):
            list(reader.read(topic.name, 0, 0, 10, 5.0))
        assert sum(map(len, reader.read(topic.name, 0, 5, 10, 5.0))) == 5


def test_a_range_that_is_not_written_yet_is_given_up_in_time(stack):
    with Topic(stack, "reader-patience") as topic:
        reader = RangeReader(topic.consumer())
        with pytest.raises(KafkaUnavailable, match=r"within 0\.5 s"):
            list(reader.read(topic.name, 0, 0, 1, 0.5))
