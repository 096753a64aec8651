import random

import pytest

from common.model.record import Partition, Record, Slab, TooLarge

HERE = Partition("events", 3)


def slab(start, next_offset, offsets):
    values = [b"%d" % offset for offset in offsets]
    records = [Record(offset, offset * 10, None, b"%d" % offset, ()) for offset in offsets]
    return Slab(start, next_offset, offsets, values, lambda: records)


def content(part):
    """What a slab says, its records included."""
    return (
        part.start,
        part.next_offset,
        list(part.offsets),
        part.values,
        [record.offset for record in part.records()],
    )


def test_a_records_size_is_that_of_its_key_value_and_headers():
    assert Record(0, 0, b"key", b"value", [("name", b"is"), ("none", None)]).size_bytes == 18
    assert Record(0, 0, None, None, ()).size_bytes == 0


def test_what_was_not_unpacked_has_nearly_no_size():
    value = TooLarge(1_000_000)
    assert Record(0, 0, b"key", value, ()).size_bytes <= 4
    assert Slab(0, 2, range(2), [value, b"text"], list).size_bytes <= 5


def test_a_partition_reads_as_topic_and_number():
    assert str(HERE) == "events/3"


def test_a_partition_is_the_same_key_as_a_plain_pair():
    assert {HERE: 1}[("events", 3)] == 1


@pytest.mark.parametrize(
    ("at", "head", "tail"),
    [
        pytest.param(12, [10, 11], [12, 14], id="at a message"),
        pytest.param(13, [10, 11, 12], [14], id="where no message is"),
        pytest.param(16, [10, 11, 12, 14], [], id="behind the last message"),
        pytest.param(9, [], [10, 11, 12, 14], id="before the first message"),
    ],
)
def test_a_split_shares_out_offsets_values_and_records(at, head, tail):
    first, second = slab(8, 18, [10, 11, 12, 14]).split(at)
    assert content(first) == (8, at, head, [b"%d" % offset for offset in head], head)
    assert content(second) == (at, 18, tail, [b"%d" % offset for offset in tail], tail)


@pytest.mark.parametrize(
    ("values", "size_bytes"),
    [([], 0), ([b"abc", b""], 3), ([b"abc", None], 3), ([TooLarge(9), b"ab"], 3), ([TooLarge(9), None], 1)],
    ids=["none", "values", "a tombstone", "one that is too large", "one that is too large and a tombstone"],
)
def test_a_slab_knows_its_size_whatever_stands_among_its_values(values, size_bytes):
    assert Slab(0, len(values), range(len(values)), values, list).size_bytes == size_bytes


def test_a_message_that_is_too_large_stays_on_its_side_of_a_split():
    whole = Slab(0, 3, range(3), [b"a", TooLarge(9), b"c"], list)
    first, second = whole.split(1)
    assert (first.values, second.values) == ([b"a"], [TooLarge(9), b"c"])
    assert (first.size_bytes, second.size_bytes) == (1, 2)


def test_a_slab_without_messages_can_be_split():
    first, second = slab(5, 9, []).split(7)
    assert (content(first), content(second)) == ((5, 7, [], [], []), (7, 9, [], [], []))


def test_offsets_that_are_a_range_stay_one():
    first, second = slab(0, 1000, range(1000)).split(400)
    assert (first.offsets, second.offsets) == (range(400), range(400, 1000))


def test_splitting_decodes_no_record():
    def records():
        raise AssertionError("decoded")

    first, second = Slab(0, 2, [0, 1], [b"a", b"b"], records).split(1)
    assert (len(first), len(second)) == (1, 1)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_way_it_is_cut_the_parts_hold_what_the_slab_held(seed):
    rng = random.Random(seed)
    offsets = sorted(rng.sample(range(100, 200), 30))
    whole = slab(100, 200, offsets)
    parts = [whole]
    for at in sorted(rng.sample(range(101, 200), 6)):
        parts[-1:] = parts[-1].split(at)
    assert [offset for part in parts for offset in part.offsets] == offsets
    assert [value for part in parts for value in part.values] == whole.values
    assert [record for part in parts for record in part.records()] == list(whole.records())
    assert [part.start for part in parts[1:]] == [part.next_offset for part in parts[:-1]]
