"""Which limit a record batch has, and that a change holds for what was fetched before it."""

import pytest
from kafka import TopicPartition
from kafka.record import MemoryRecords

from common.kafka_io.codecs import TooLargeToUnpack
from common.kafka_io.records import PartitionRecords, most_messages
from common.kafka_io.unpacking import Unpacking
from common.model.record import MissingRecord, TooLarge
from tests.unit.common.kafka_io.fetches import CODECS, raw_batch, wild_batch, written

TP = TopicPartition("events", 3)
LARGE = b"x" * 5000
LIMIT_BYTES = 1000


def large(offset, messages=1, **options):
    records = [(delta, 0, b"key", LARGE, [(b"h", b"v")]) for delta in range(messages)]
    return wild_batch(offset, records, codec=CODECS["zstd"], times_ms=(4000, 4000), **options)


def fetched(data, unpacking, fetch_offset=0):
    return PartitionRecords(fetch_offset, TP, MemoryRecords(data), unpacking=unpacking)


def test_one_limit_holds_everywhere():
    unpacking = Unpacking(LIMIT_BYTES)
    assert {unpacking.limit_bytes(TP, offset) for offset in (0, 2**60)} == {LIMIT_BYTES}


def test_a_bound_holds_below_its_offset_and_for_its_partition():
    unpacking = Unpacking(LIMIT_BYTES)
    unpacking.bound(TP, 10, 77)
    assert [unpacking.limit_bytes(TP, offset) for offset in (0, 9, 10)] == [77, 77, LIMIT_BYTES]
    assert unpacking.limit_bytes(TopicPartition("events", 4), 0) == LIMIT_BYTES


def test_a_bound_is_replaced_and_taken_away():
    unpacking = Unpacking(LIMIT_BYTES)
    unpacking.bound(TP, 10, 77)
    unpacking.bound(TP, 20, 88)
    assert unpacking.limit_bytes(TP, 15) == 88
    unpacking.bound(TP, 0, None)
    unpacking.bound(TP, 0, None)
    assert unpacking.limit_bytes(TP, 5) == LIMIT_BYTES


def test_a_message_above_the_limit_stands_there_as_too_large():
    data = large(0) + wild_batch(1, [(0, 0, None, b"small", [])])
    first, second = fetched(data, Unpacking(LIMIT_BYTES)).take()
    assert (first.start, first.next_offset, list(first.offsets)) == (0, 1, [0])
    assert first.values == [TooLarge(LIMIT_BYTES)]
    (record,) = first.records()
    assert record == (0, 4000, None, None, ())
    assert isinstance(record, MissingRecord)
    assert second.values == [b"small"]


@pytest.mark.parametrize(
    "options",
    [{"messages": 3}, {"last_delta": 2}],
    ids=["several messages", "one message at an unknown offset"],
)
def test_what_else_is_above_the_limit_cannot_be_read_and_says_what_to_do(options):
    part = fetched(large(5, **options), Unpacking(LIMIT_BYTES), 5)
    for _ in range(2):
        with pytest.raises(TooLargeToUnpack) as caught:
            part.take()
        assert caught.value.unreadable == TP
    messages = options.get("messages", 1)
    told = f"events-3 at offset 5: a record batch of {messages} messages unpacks to more than 1,000 bytes: raise MAX"
    assert told in str(caught.value)
    assert part.next_fetch_offset == 5


def test_more_messages_than_there_is_memory_for_cannot_be_read_however_short_they_are():
    count = 65_537
    record = written(0, 0, None, b"", [])
    part = fetched(raw_batch(0, record * count, count), Unpacking(LIMIT_BYTES))
    with pytest.raises(
        TooLargeToUnpack, match="a record batch of 65,537 messages holds more than 65,536: raise MAX"
    ):
        part.take()
    assert most_messages(64 << 20) == 4_194_304
    more_room = fetched(raw_batch(0, record * count, count), Unpacking(2 << 20))
    assert len(more_room.take()[0]) == count


def test_a_change_holds_for_what_is_fetched_already():
    unpacking = Unpacking(LIMIT_BYTES)
    part = fetched(large(0) + large(1) + large(2), unpacking)
    assert [slab.values for slab in part.take(1)] == [[TooLarge(LIMIT_BYTES)]]
    unpacking.bound(TP, 2, 10_000)
    assert [slab.values for slab in part.take(2)] == [[LARGE], [TooLarge(LIMIT_BYTES)]]


def test_whole_records_are_unpacked_under_the_limit_of_their_values():
    unpacking = Unpacking(10_000)
    (slab,) = fetched(large(0), unpacking).take()
    unpacking.bound(TP, 1, 10)
    assert [record.value for record in slab.records()] == slab.values == [LARGE]


def test_what_is_not_compressed_has_no_limit():
    (slab,) = fetched(wild_batch(0, [(0, 0, None, LARGE, [])]), Unpacking(10)).take()
    assert slab.values == [LARGE]
