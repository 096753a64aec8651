import random
import sys
from dataclasses import replace

import numpy as np
import pytest

from common.clickhouse_io.encoding import EncodingCheck
from common.model.columns import one_row_each
from common.model.reasons import Kind
from common.model.record import Slab
from common.model.record_columns import Headers, Key, Timestamp
from common.model.stream import Rows, Table
from consumer.sink.buffer import PIECE_BYTES
from consumer.sink.cutting import Cut
from tests.unit.consumer.material import (
    BAD,
    DAILY,
    HERE,
    ONE_EACH,
    PARTS,
    TP,
    address,
    all_rows,
    array,
    batch,
    buffer,
    event,
    record,
    rows_of_parts,
    slab,
)


def events(first, next_offset, **fields):
    return [event(n, **fields) for n in range(first, next_offset)]


def padded(n, size):
    return event(n) + b" " * (size - len(event(n)))


# How large it is


def test_messages_count_as_a_row_each_until_they_are_decoded():
    gathering = buffer()
    gathering.add(slab(events(0, 2)), 0.0)
    assert gathering.rows == 2
    gathering.add(slab(events(2, 3), 2), 0.0)
    assert gathering.rows == 3


def test_rows_are_those_of_the_largest_table():
    gathering = buffer(ONE_EACH, PARTS)
    gathering.add(slab(events(0, 2, parts=5)), 0.0)
    assert gathering.rows == 2  # not decoded yet
    gathering.decode()
    assert gathering.rows == 10


def test_bad_messages_count_as_rows_so_that_a_flood_of_them_is_cut_too():
    gathering = buffer()
    gathering.add(slab([BAD] * 3), 0.0)
    gathering.decode()
    assert gathering.rows == 3


def test_bytes_are_those_of_what_is_raw_and_of_the_columns():
    gathering = buffer()
    gathering.add(slab([padded(0, 1_500)]), 0.0)
    gathering.add(slab([padded(1, 500)], 1), 0.0)
    assert gathering.size_bytes == 2_000
    gathering.decode()  # two rows of a few bytes
    assert 0 < gathering.size_bytes == gathering.payload_bytes < 200
    gathering.add(slab([padded(2, 100)], 2), 0.0)
    assert gathering.size_bytes == gathering.payload_bytes + 100


def test_strings_count_with_their_length_not_with_the_pointers_to_them():
    texts = Table(name="texts", ddl="", rows=one_row_each(n=object))
    gathering = buffer(texts)
    gathering.add(slab([padded(0, 1_990)]), 0.0)
    gathering.decode()
    assert gathering.size_bytes > 1_990


def two_words_a_part(made):
    rows = rows_of_parts(made)
    words = np.array([str(n) for n in rows.columns["n"]], object)
    return rows._replace(columns={"one": words, "other": words})


def test_short_strings_count_with_what_python_adds_to_each():
    words = Table(name="words", ddl="", rows=two_words_a_part)
    messages = events(0, 100, parts=3)
    made = batch(messages, words)
    arrays_bytes = sum(column.nbytes for column in made.blocks["words"].values())
    assert made.payload_bytes == arrays_bytes + sum(map(len, messages)) + 600 * sys.getsizeof("")


def test_columns_of_texts_count_the_bytes_of_the_wire_in_however_many_pieces():
    ddl = (
        "CREATE TABLE {table} (one String, other String, {address}) ENGINE = MergeTree ORDER BY () {settings}"
    )
    words = Table(name="words", ddl=ddl, rows=two_words_a_part)
    gathering = buffer(words, check=EncodingCheck([words]))
    for first, next_offset in ((0, 60), (60, 100)):
        gathering.add(slab(events(first, next_offset, parts=3), first), 0.0)
        gathering.decode()
    made = gathering.cut(Cut.AGE)
    columns = made.blocks["words"]
    texts = [columns["one"], columns["other"]]
    wire_bytes = sum(len(chunk) for text in texts for chunk in text.wire())
    assert [len(text) for text in texts] == [300, 300]
    assert made.payload_bytes == wire_bytes + sum(
        column.nbytes for name, column in columns.items() if name.startswith("_")
    )


def test_a_batch_is_as_old_as_its_first_message():
    gathering = buffer()
    assert gathering.born_s is None
    gathering.add(slab(events(0, 1)), 10.0)
    gathering.add(slab(events(1, 2), 1), 10.9)
    assert gathering.born_s == 10.0
    gathering.cut(Cut.AGE)
    assert gathering.born_s is None
    gathering.add(slab(events(2, 3), 2), 20.0)
    assert gathering.born_s == 20.0


def test_table_partitions_are_counted_once_each():
    gathering = buffer(DAILY)
    gathering.add(slab([event(n, day=n) for n in range(49)]), 0.0)
    gathering.decode()
    assert gathering.table_partitions == 49
    gathering.add(slab([event(0, day=0), event(1, day=999)], 49), 0.0)
    gathering.decode()
    assert gathering.table_partitions == 50


# Taking slabs in


def test_a_slab_must_start_where_the_last_one_ended():
    gathering = buffer(start=10)
    gathering.add(slab(events(0, 2), 10), 0.0)
    for start in (11, 13):
        with pytest.raises(AssertionError, match=f"events/0: slab at {start}, expected 12"):
            gathering.add(slab(events(0, 1), start), 0.0)


def test_offsets_without_a_message_lie_in_the_batch_all_the_same():
    gathering = buffer()
    gathering.add(slab([event(1)], 0, [2], 5), 0.0)
    gathering.add(slab([], 5, [], 9), 0.0)
    made = gathering.cut(Cut.AGE)
    assert (made.first, made.next, made.messages) == (0, 9, 1)
    assert address(made.blocks["one_each"]) == [(2, 0, 1)]


def test_a_batch_may_hold_no_message_at_all():
    gathering = buffer()
    gathering.add(slab([], 0, [], 4), 0.0)
    assert not gathering.is_empty
    made = gathering.cut(Cut.AGE)
    assert (made.first, made.next, made.messages, made.rows, made.blocks) == (0, 4, 0, 0, {})


def test_a_large_slab_is_taken_in_pieces():
    gathering = buffer()
    rest = slab([padded(n, PIECE_BYTES // 4) for n in range(20)])
    taken = []
    while rest is not None:
        rest = gathering.add(rest, 0.0)
        taken.append(gathering.position)
    assert taken == [4, 8, 12, 20]  # the last two pieces are not worth cutting
    assert gathering.cut(Cut.AGE).messages == 20


def test_one_large_message_is_taken_whole():
    gathering = buffer()
    assert gathering.add(slab([padded(0, 3 * PIECE_BYTES)]), 0.0) is None
    assert gathering.cut(Cut.AGE).rows == 1


def test_a_large_message_among_small_ones_is_no_obstacle():
    gathering = buffer()
    rest = slab([padded(0, 3 * PIECE_BYTES), event(1), padded(2, 3 * PIECE_BYTES)])
    while rest is not None:
        rest = gathering.add(rest, 0.0)
    assert gathering.cut(Cut.AGE).rows == 3


def test_tombstones_are_messages_without_size():
    gathering = buffer()
    gathering.add(slab([None, None]), 0.0)
    assert [str(letter.reason) for letter in gathering.cut(Cut.AGE).dead] == [
        "tombstone: the message has no value"
    ] * 2


# Cutting


def test_a_cut_batch_says_what_it_holds():
    gathering = buffer(ONE_EACH, PARTS, start=5)
    gathering.add(slab(events(0, 2, parts=3), 5), 7.5)
    made = gathering.cut(Cut.AGE)
    assert (made.partition, made.tp, made.first, made.next) == (HERE, TP, 5, 7)
    assert (made.messages, made.rows, made.born_s) == (2, 2 + 6, 7.5)
    assert made.payload_bytes == sum(
        column.nbytes for block in made.blocks.values() for column in block.values()
    )


def test_a_cut_goes_on_after_it_with_empty_hands():
    gathering = buffer()
    gathering.add(slab(events(0, 2)), 0.0)
    gathering.cut(Cut.AGE)
    assert gathering.is_empty
    assert (gathering.rows, gathering.size_bytes, gathering.table_partitions) == (0, 0, 0)
    assert (gathering.start, gathering.position, gathering.payload_bytes) == (2, 2, 0)
    gathering.add(slab(events(2, 3), 2), 1.0)
    second = gathering.cut(Cut.AGE)
    assert (second.first, second.next, second.born_s, second.rows) == (2, 3, 1.0, 1)
    assert second.blocks["one_each"]["n"].tolist() == [2]


def test_what_is_decoded_early_is_cut_with_what_is_not():
    gathering = buffer()
    gathering.add(slab(events(0, 2)), 0.0)
    gathering.decode()
    gathering.decode()
    gathering.add(slab(events(2, 4), 2), 0.0)
    assert gathering.cut(Cut.AGE).blocks["one_each"]["n"].tolist() == [0, 1, 2, 3]


def test_a_table_without_rows_has_no_block():
    made = batch(events(0, 2, parts=0), ONE_EACH, PARTS)
    assert made.blocks.keys() == {"one_each"}


# Addresses


def test_a_row_a_message_is_addressed_by_its_offset():
    made = batch(events(0, 3), start=10)
    assert address(made.blocks["one_each"]) == [(10, 0, 1), (11, 0, 1), (12, 0, 1)]


def test_rows_of_one_message_are_numbered_within_it():
    made = batch([event(1, parts=2), event(2, parts=1), event(3, parts=3)], PARTS, start=10)
    assert address(made.blocks["parts"]) == [
        *[(10, 0, 2), (10, 1, 2)],
        (11, 0, 1),
        *[(12, 0, 3), (12, 1, 3), (12, 2, 3)],
    ]


def test_an_array_makes_several_events_of_one_message():
    made = batch([array(event(1), event(2)), event(3)], start=10)
    assert made.blocks["one_each"]["n"].tolist() == [1, 2, 3]
    assert address(made.blocks["one_each"]) == [(10, 0, 2), (10, 1, 2), (11, 0, 1)]


def test_rows_of_an_array_are_numbered_across_its_events_in_each_table():
    made = batch([array(event(1, parts=2), event(2, parts=1)), event(3, parts=0)], ONE_EACH, PARTS)
    assert address(made.blocks["parts"]) == [(0, 0, 3), (0, 1, 3), (0, 2, 3)]
    assert address(made.blocks["one_each"]) == [(0, 0, 2), (0, 1, 2), (1, 0, 1)]


def test_bad_messages_make_no_row_and_shift_no_address():
    made = batch([BAD, event(1, parts=2), None, array(event(2), BAD), event(3)], PARTS, start=10)
    assert address(made.blocks["parts"]) == [(11, 0, 2), (11, 1, 2), (14, 0, 1)]
    assert made.messages == 5


def test_offsets_with_gaps_are_kept():
    gathering = buffer()
    gathering.add(slab([event(1), BAD, event(2)], 0, [3, 7, 9], 12), 0.0)
    assert address(gathering.cut(Cut.AGE).blocks["one_each"]) == [(3, 0, 1), (9, 0, 1)]


# Bad data


def test_a_dead_letter_carries_the_whole_record_and_the_reason():
    made = batch([event(0), BAD, event(2), None], start=5)
    assert [letter.record for letter in made.dead] == [record(6, BAD), record(8, None)]
    assert made.dead[0].reason.kind is Kind.NOT_JSON


def test_dead_letters_count_as_bytes_of_the_batch():
    gathering = buffer()
    gathering.add(slab([b"{" * 2_000]), 0.0)
    gathering.decode()
    assert gathering.size_bytes >= 2_000


def test_dead_letters_of_several_slabs_find_their_records():
    gathering = buffer()
    gathering.add(slab([event(0), BAD]), 0.0)
    gathering.add(slab([], 2, [], 5), 0.0)
    gathering.add(slab([BAD, event(1)], 5, [6, 8], 10), 0.0)
    assert [letter.record.offset for letter in gathering.cut(Cut.AGE).dead] == [1, 6]


def test_an_array_with_one_bad_event_is_dead_lettered_whole():
    value = array(event(1), b'{"n": -1}', event(2))
    made = batch([event(0), value, event(3)])
    assert [letter.record.value for letter in made.dead] == [value]
    assert made.blocks["one_each"]["n"].tolist() == [0, 3]


def test_an_event_that_fits_its_type_but_no_row_is_dead_lettered():
    made = batch([event(0), event(2**64), array(event(1), event(2**65)), event(3)], ONE_EACH, PARTS)
    assert [(letter.record.offset, str(letter.reason)) for letter in made.dead] == [
        (1, "cannot be encoded: table one_each, column n, uint64: out of range"),
        (2, "cannot be encoded: table one_each, column n, uint64: out of range"),
    ]
    assert address(made.blocks["one_each"]) == [(0, 0, 1), (3, 0, 1)]
    assert address(made.blocks["parts"]) == [(0, 0, 1), (3, 0, 1)]


def test_bad_data_is_found_beside_events_that_make_no_row():
    made = batch([event(2**64), BAD, event(3)])
    assert [letter.record.offset for letter in made.dead] == [0, 1]


def test_a_batch_of_bad_messages_has_no_block():
    made = batch([BAD, None, b""])
    assert (made.blocks, made.rows, len(made.dead)) == ({}, 0, 3)


@pytest.mark.parametrize(
    ("pattern", "longest"),
    [
        ("", 0),
        ("...", 0),
        ("x", 1),
        ("x.x.x", 1),
        (".xxx.xx", 3),
        ("xx.xxxx", 4),
    ],
)
def test_the_longest_run_of_bad_messages_is_counted(pattern, longest):
    gathering = buffer()
    gathering.add(slab([BAD if sign == "x" else event(0) for sign in pattern]), 0.0)
    gathering.decode()
    assert gathering.longest_bad_run == longest
    assert gathering.cut(Cut.AGE).longest_bad_run == longest


def test_a_run_of_bad_messages_is_counted_on_across_batches():
    gathering = buffer()
    gathering.add(slab([event(0), BAD, BAD]), 0.0)
    assert gathering.cut(Cut.AGE).longest_bad_run == 2
    assert (gathering.bad_run_before, gathering.longest_bad_run) == (2, 2)
    gathering.add(slab([BAD, event(1), BAD], 3), 0.0)
    second = gathering.cut(Cut.AGE)
    assert (second.bad_run_before, second.longest_bad_run) == (2, 3)
    gathering.add(slab([event(2)], 6), 0.0)
    assert (gathering.bad_run_before, gathering.cut(Cut.AGE).longest_bad_run) == (1, 1)
    assert gathering.longest_bad_run == 0


def test_a_buffer_may_begin_in_the_middle_of_a_run():
    gathering = buffer(bad_run=5)
    gathering.add(slab([BAD, event(0)]), 0.0)
    assert gathering.cut(Cut.AGE).longest_bad_run == 6


@pytest.mark.parametrize("first", [0, 1])
def test_pieces_with_other_columns_or_types_are_no_obstacle(first):
    def rows(events):
        odd = [one.n for one in events if one.n % 2]
        columns = {"n": np.array([one.n for one in events])}
        return Rows({**columns, "odd": columns["n"] * 0.5} if odd else columns)

    gathering = buffer(Table(name="changing", ddl="", rows=rows))
    for offset, n in enumerate([first, 1 - first, 2**63 + 2 * 5]):
        gathering.add(slab([event(n)], offset), 0.0)
        gathering.decode()
    block = gathering.cut(Cut.AGE).blocks["changing"]
    assert (block["n"].tolist(), "odd" in block) == ([first, 1 - first, 2**63 + 10], False)


# Whichever way it is cut


def random_message(rng):
    kind = rng.random()
    if kind < 0.15:
        return rng.choice([BAD, None, b"", b"[]", event(2**64), array(event(1), BAD)])
    if kind < 0.3:
        return array(*(event(rng.randrange(100), rng.randrange(4)) for _ in range(rng.randint(1, 3))))
    return event(rng.randrange(100), rng.randrange(4), rng.randrange(5))


def random_slabs(rng, messages):
    """The messages in a row of slabs, with holes for what is not ours."""
    slabs, offset = [], rng.randrange(100)
    while messages:
        count = rng.randint(0, min(7, len(messages)))
        start, offsets = offset, []
        for _ in range(count):
            offset += rng.choice([0, 0, 0, 1, 3])
            offsets.append(offset)
            offset += 1
        offset += rng.choice([0, 0, 2]) or (not count)
        slabs.append(slab(messages[:count], start, offsets, offset))
        messages = messages[count:]
    return slabs


def cut_at(slabs, ends, rng):
    """Batches of the slabs, cut exactly at each of the ends and decoded now and then."""
    gathering, made = buffer(ONE_EACH, PARTS, DAILY, start=slabs[0].start), []
    for one in slabs:
        inside = [end for end in ends if one.start < end < one.next_offset]
        parts = [one]
        for end in inside:
            parts[-1:] = parts[-1].split(end)
        for part in parts:
            gathering.add(part, 0.0)
            if rng.random() < 0.3:
                gathering.decode()
            if part.next_offset in ends:
                made.append(gathering.cut(Cut.AGE))
    made.append(gathering.cut(Cut.AGE))
    return made


@pytest.mark.parametrize("seed", range(60))
def test_any_way_of_cutting_yields_the_same_addressed_rows_and_dead_letters(seed):
    rng = random.Random(seed)
    slabs = random_slabs(rng, [random_message(rng) for _ in range(rng.randint(1, 40))])
    (whole,) = cut_at(slabs, [], rng)
    inner = range(whole.first + 1, whole.next)
    for _ in range(4):
        ends = sorted(rng.sample(inner, min(len(inner), rng.randint(0, 8))))
        made = cut_at(slabs, ends, rng)
        assert all_rows(made) == all_rows([whole])
        assert [letter for part in made for letter in part.dead] == whole.dead
        assert [(part.first, part.next) for part in made] == list(
            zip([whole.first, *ends], [*ends, whole.next], strict=True)
        )
        assert sum(part.messages for part in made) == whole.messages
        assert max(part.longest_bad_run for part in made) == whole.longest_bad_run


# Columns of the record


def test_rows_have_the_record_of_their_message_however_it_was_cut_into_slabs_and_pieces():
    ddl = "CREATE TABLE {table} (n UInt64, part UInt32, day UInt16, sent Int64, key String, headers " + (
        "Array(Tuple(String, Nullable(String))), {address}) ENGINE = MergeTree ORDER BY n {settings}"
    )
    of_record = {"sent": Timestamp(), "key": Key(), "headers": Headers()}
    table = replace(PARTS, ddl=ddl, record=of_record)
    messages = [event(n, parts=n % 3) if n % 5 else array(event(n), event(n, 2)) for n in range(40)]
    messages[7] = BAD
    rng, batches = random.Random(4), []
    for _ in range(20):
        gathering, at = buffer(table, check=EncodingCheck([table])), 0
        while at < len(messages):
            to = min(len(messages), at + rng.randint(1, 12))
            whole = slab(messages[at:to], at)
            for part in whole.split_at(len(whole) // 2) if len(whole) > 1 else (whole,):
                gathering.add(part, 0.0)
            at = to
            if rng.random() < 0.5:
                gathering.decode()
        batches.append(gathering.cut(Cut.AGE))
    for made in batches:
        columns = {name: column.tolist() for name, column in made.blocks["parts"].items()}
        assert columns == {name: column.tolist() for name, column in batches[0].blocks["parts"].items()}
        assert columns["sent"] == [1000 + offset for offset in columns["_off"]]
        assert columns["key"] == [f"key{offset}" for offset in columns["_off"]]
        assert columns["headers"] == [[["header", f"{offset}"]] for offset in columns["_off"]]


def test_details_are_not_read_for_tables_that_do_not_ask_for_them():
    class Unread:
        def __getitem__(self, index):
            raise AssertionError("nobody asked for it")

    gathering = buffer(ONE_EACH)
    gathering.add(Slab(0, 1, range(1), [event(1)], Unread()), 0.0)
    assert gathering.cut(Cut.AGE).messages == 1
