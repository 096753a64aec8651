"""Which limit a record batch has, and that a change holds for what was fetched before it."""

import random
from collections import Counter

import pytest
from kafka import TopicPartition
from kafka.record import MemoryRecords

from common.kafka_io.format import whole
from common.kafka_io.format.batch import Batch
from common.kafka_io.format.compression import TooLargeToUnpack
from common.kafka_io.records import PartitionRecords, most_messages
from common.kafka_io.unpacking import Unpacking
from common.model.record import MissingRecord, TooLarge
from consumer.sink.buffer import PIECE_BYTES
from tests.support.raw_record import written
from tests.unit.common.kafka_io.fetches import CODECS, raw_batch, wild_batch
from tests.unit.consumer.material import buffer, event

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
    assert {unpacking.limit_bytes(TP, at, one) for at in (0, 2**60) for one in (True, False)} == {LIMIT_BYTES}


def test_a_bound_holds_below_its_offset_and_for_its_partition():
    unpacking = Unpacking(LIMIT_BYTES)
    unpacking.bound(TP, 10, 77)
    assert [unpacking.limit_bytes(TP, offset, True) for offset in (0, 9, 10)] == [77, 77, LIMIT_BYTES]
    assert unpacking.limit_bytes(TopicPartition("events", 4), 0, True) == LIMIT_BYTES


def test_a_bound_is_replaced_and_taken_away():
    unpacking = Unpacking(LIMIT_BYTES)
    unpacking.bound(TP, 10, 77)
    unpacking.bound(TP, 20, 88)
    assert unpacking.limit_bytes(TP, 15, True) == 88
    unpacking.bound(TP, 0, None)
    unpacking.bound(TP, 0, None)
    assert unpacking.limit_bytes(TP, 5, True) == LIMIT_BYTES


@pytest.mark.parametrize(("bound", "single", "several"), [(77, 77, LIMIT_BYTES), (5_000, 5_000, 5_000)])
def test_a_bound_decides_what_a_single_message_is_and_only_widens_what_several_may_take(
    bound, single, several
):
    unpacking = Unpacking(LIMIT_BYTES)
    unpacking.bound(TP, 10, bound)
    assert (unpacking.limit_bytes(TP, 9, True), unpacking.limit_bytes(TP, 9, False)) == (single, several)


@pytest.mark.parametrize(
    "options",
    [{"messages": 2}, {"last_delta": 2}],
    ids=["several messages", "one message at an unknown offset"],
)
def test_a_narrow_bound_makes_no_batch_unreadable_that_the_setting_lets_in(options):
    unpacking = Unpacking(100_000)
    unpacking.bound(TP, 9, LIMIT_BYTES)
    single, other = fetched(large(0) + large(1, **options), unpacking).take()
    assert single.values == [TooLarge(LIMIT_BYTES)]
    assert set(other.values) == {LARGE}


def test_a_message_above_the_limit_stands_there_as_too_large():
    data = large(0) + wild_batch(1, [(0, 0, None, b"small", [])])
    first, second = fetched(data, Unpacking(LIMIT_BYTES)).take()
    assert (first.start, first.next_offset, list(first.offsets)) == (0, 1, [0])
    assert first.values == [TooLarge(LIMIT_BYTES)]
    (record,) = first.records()
    assert first.record(0) == record == (0, 4000, None, None, ())
    assert isinstance(record, MissingRecord)
    assert second.values == [b"small"]


def test_slabs_have_no_hole_where_messages_are_missing_before_one_that_is_too_large():
    rng = random.Random(5)
    offsets = sorted(rng.sample(range(100), 50))
    data = b"".join(
        large(at) if rng.random() < 0.5 else wild_batch(at, [(0, 0, None, b"small", [])]) for at in offsets
    )
    slabs = fetched(data, Unpacking(LIMIT_BYTES)).take()
    assert [slab.start for slab in slabs] == [0, *(slab.next_offset for slab in slabs[:-1])]
    assert [offset for slab in slabs for offset in slab.offsets] == offsets
    assert {slab.values[0] for slab in slabs if slab.start < slab.offsets[0]} == {
        TooLarge(LIMIT_BYTES),
        b"small",
    }


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


def test_a_batch_in_many_pieces_with_a_bad_message_each_is_unpacked_once_more_and_walked_once(monkeypatch):
    counts = Counter()
    plain, record, skip = Batch.plain, whole.record, whole.skip

    def counted(name, does, size=lambda *_: 1):
        return lambda *given: counts.update({name: size(*given)}) or does(*given)

    monkeypatch.setattr(Batch, "plain", counted("plain", plain))
    monkeypatch.setattr(whole, "record", counted("record", record))
    monkeypatch.setattr(whole, "skip", counted("skipped", skip, lambda _, __, count: count))
    bad, good, pieces = b"{" + bytes(PIECE_BYTES // 4), event(1).ljust(PIECE_BYTES // 4), 100
    values = [bad if n % 4 == 3 else good for n in range(4 * pieces)]
    data = wild_batch(0, [(n, 0, None, value, []) for n, value in enumerate(values)], codec=CODECS["zstd"])
    (rest,) = fetched(data, Unpacking(1 << 30)).take()
    gathering = buffer()
    turns = 0
    while rest is not None:
        rest = gathering.add(rest, 0.0)
        turns += 1
    gathering.decode()
    assert turns > pieces
    assert [letter.record.offset for letter in gathering.dead] == list(range(3, 4 * pieces, 4))
    assert [letter.record.value for letter in gathering.dead] == [bad] * pieces
    assert counts == {"plain": 2, "record": pieces, "skipped": 3 * pieces}


def test_the_unpacked_bytes_are_let_go_of_behind_the_last_record():
    (slab,) = fetched(large(0, 3), Unpacking(1 << 20)).take()
    source = slab._source
    slab.record(1)
    assert source._plain is not None
    slab.record(2)
    assert source._plain is None
    assert [record.offset for record in slab.records()] == [0, 1, 2]


def test_what_is_not_compressed_has_no_limit():
    (slab,) = fetched(wild_batch(0, [(0, 0, None, LARGE, [])]), Unpacking(10)).take()
    assert slab.values == [LARGE]
