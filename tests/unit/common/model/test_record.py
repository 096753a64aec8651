import random

import pytest

from common.model.record import Details, Partition, Record, Slab, TooLarge

HERE = Partition("events", 3)


def slab(start, next_offset, offsets):
    values = [b"%d" % offset for offset in offsets]
    records = [Record(offset, offset * 10, None, b"%d" % offset, ()) for offset in offsets]
    return Slab(start, next_offset, offsets, values, records)


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
    assert Slab(0, 2, range(2), [value, b"text"], ()).size_bytes <= 5


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
    assert Slab(0, len(values), range(len(values)), values, ()).size_bytes == size_bytes


def test_a_message_that_is_too_large_stays_on_its_side_of_a_split():
    whole = Slab(0, 3, range(3), [b"a", TooLarge(9), b"c"], ())
    first, second = whole.split(1)
    assert (first.values, second.values) == ([b"a"], [TooLarge(9), b"c"])
    assert (first.size_bytes, second.size_bytes) == (1, 2)


def test_a_slab_without_messages_can_be_split():
    first, second = slab(5, 9, []).split(7)
    assert (content(first), content(second)) == ((5, 7, [], [], []), (7, 9, [], [], []))


def test_offsets_that_are_a_range_stay_one():
    first, second = slab(0, 1000, range(1000)).split(400)
    assert (first.offsets, second.offsets) == (range(400), range(400, 1000))


class Asked:
    """A source that notes what it is asked for."""

    def __init__(self):
        self.indices = []

    def __getitem__(self, index):
        self.indices.append(index)
        return Record(index, 0, None, b"", ())


def test_splitting_decodes_no_record_and_one_of_a_part_no_other():
    source = Asked()
    first, second = Slab(0, 9, range(9), [b""] * 9, source, first=20).split(4)
    assert source.indices == []
    assert (second.record(2).offset, first.record(3).offset) == (26, 23)
    assert source.indices == [26, 23]
    with pytest.raises(IndexError):
        first.record(4)


def test_thousands_of_splits_do_not_nest():
    source, count = Asked(), 6_001
    rest = Slab(0, count, range(count), [b"%d" % n for n in range(count)], source)
    for n in range(count - 1):
        head, rest = rest.split_at(1)
        assert (head.values, head.size_bytes, list(head.offsets)) == ([b"%d" % n], len(str(n)), [n])
        head.record(0)
    list(rest.records())
    assert source.indices == list(range(count))


def test_however_often_it_is_split_little_more_than_the_slab_is_copied():
    class Counted(list):
        copied = 0

        def __getitem__(self, key):
            found = super().__getitem__(key)
            if not isinstance(key, slice):
                return found
            Counted.copied += len(found)
            return Counted(found)

    count = 4_096
    rest = Slab(0, count, range(count), Counted([b"x"] * count), ())
    while len(rest) > 1:
        _, rest = rest.split_at(1)
    assert Counted.copied < 5 * count


def test_parts_are_as_large_as_their_values_whatever_was_told_of_the_whole():
    first, second = Slab(0, 3, range(3), [b"abc", b"", b"de"], (), 1_000).split(1)
    assert (first.size_bytes, second.size_bytes) == (3, 2)
    assert [part.size_bytes for part in second.split(2)] == [0, 2]


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


# Details


def test_details_of_a_part_are_those_of_its_messages():
    _, tail = slab(8, 18, [10, 11, 12, 14]).split(12)
    assert tail.details() == Details([120, 140], [None, None], [(), ()])


@pytest.mark.parametrize(("of_headers", "made"), [(None, []), (len, [0, 0])])
def test_times_of_a_part_are_those_of_its_messages(of_headers, made):
    _, tail = slab(8, 18, [10, 11, 12, 14]).split(12)
    assert tail.times_and(of_headers) == ([120, 140], made)


def test_details_are_joined_and_chosen_by_message():
    one, other = Details([1], [b"a"], [()]), Details([2, 3], [None, b""], [[("h", None)], ()])
    together = Details.joined([one, other])
    assert together == Details([1, 2, 3], [b"a", None, b""], [(), [("h", None)], ()])
    assert together.at([0, 2]) == Details([1, 3], [b"a", b""], [(), ()])
    assert Details.joined([one]) is one
