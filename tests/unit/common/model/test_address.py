import uuid

import numpy as np
import pytest

from common.model.address import number_of, token, tp_address, with_address
from common.model.codec import Decoded
from common.model.stream import Rows

TOPIC_ID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
PARTS = {
    "epoch": 0,
    "group": "team-sink",
    "topic_id": TOPIC_ID,
    "partition": 3,
    "first": 10,
    "next_offset": 20,
    "attempt": "1",
    "table": "series",
}
TP = 77
OFFSETS = np.array([10, 12, 13], np.uint64)


def test_the_address_never_changes_between_versions():
    # Rows in tables carry it: another hash would make all of them look missing.
    assert tp_address(TOPIC_ID, 3) == 0x973554E4AE780003


def test_the_address_ends_with_the_partition_and_fits_64_bits():
    addresses = {partition: tp_address(TOPIC_ID, partition) for partition in (0, 1, 65535)}
    assert {address & 0xFFFF for address in addresses.values()} == {0, 1, 65535}
    assert len({address >> 16 for address in addresses.values()}) == 1
    assert all(0 <= address < 2**64 for address in addresses.values())


def test_the_number_of_the_partition_can_be_read_from_its_address():
    assert [number_of(tp_address(TOPIC_ID, number)) for number in (0, 3, 65_535)] == [0, 3, 65_535]


def test_a_topic_created_again_has_other_addresses():
    assert tp_address(TOPIC_ID, 0) != tp_address(uuid.UUID(int=TOPIC_ID.int + 1), 0)


@pytest.mark.parametrize("partition", [-1, 65536])
def test_a_partition_beyond_16_bits_is_refused(partition):
    with pytest.raises(ValueError, match="does not fit 16 bits"):
        tp_address(TOPIC_ID, partition)


def test_r6_the_token_names_everything_that_tells_two_inserts_apart():
    assert token(**PARTS) == f"v1:0:team-sink:{TOPIC_ID}:3:10-20#1:series"


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("epoch", 1),
        ("group", "other-sink"),
        ("topic_id", uuid.UUID(int=0)),
        ("partition", 4),
        ("first", 11),
        ("next_offset", 21),
        ("attempt", "2"),
        ("attempt", "1.0"),
        ("table", "series_2"),
    ],
)
def test_r6_a_token_changes_with(part, other):
    assert token(**PARTS) != token(**{**PARTS, part: other})


def addressed(per_event, counts, rows):
    """The address columns for that many rows; counts None: an event a message, per_event None: a row an event."""
    made = Rows({"n": np.arange(rows)}, None if per_event is None else np.array(per_event, np.int64))
    decoded = Decoded([], None if counts is None else np.array(counts, np.int64), {})
    return with_address(made, decoded, OFFSETS, TP)


@pytest.mark.parametrize(
    ("per_event", "counts", "where"),
    [
        pytest.param(None, None, [(10, 0, 1), (12, 0, 1), (13, 0, 1)], id="a row a message"),
        pytest.param(
            [2, 1, 2], None, [(10, 0, 2), (10, 1, 2), (12, 0, 1), (13, 0, 2), (13, 1, 2)], id="rows"
        ),
        pytest.param([1, 0, 2], None, [(10, 0, 1), (13, 0, 2), (13, 1, 2)], id="no row of one event"),
        pytest.param(None, [1, 0, 1], [(10, 0, 1), (13, 0, 1)], id="a bad message"),
        pytest.param(None, [0, 2, 1], [(12, 0, 2), (12, 1, 2), (13, 0, 1)], id="an array"),
        pytest.param(
            [2, 1, 3],
            [2, 0, 1],
            [(10, 0, 3), (10, 1, 3), (10, 2, 3), (13, 0, 3), (13, 1, 3), (13, 2, 3)],
            id="rows of an array, a bad message behind it",
        ),
        pytest.param([0, 0, 2], [2, 1, 0], [(12, 0, 2), (12, 1, 2)], id="no row of an array"),
        pytest.param([], [0, 0, 0], [], id="nothing but bad messages"),
    ],
)
def test_each_row_says_where_it_comes_from(per_event, counts, where):
    columns = addressed(per_event, counts, len(where))
    found = zip(columns["_off"].tolist(), columns["_row"].tolist(), columns["_rows"].tolist(), strict=True)
    assert list(found) == where
    assert columns["_tp"].tolist() == [TP] * len(where)


def test_address_columns_have_the_width_of_their_types():
    kinds = {name: column.dtype for name, column in addressed([2, 1, 2], [1, 1, 1], 5).items() if name != "n"}
    assert kinds == {"_tp": np.uint64, "_off": np.uint64, "_row": np.uint32, "_rows": np.uint32}


def test_the_columns_of_the_table_come_along():
    assert addressed(None, None, 3)["n"].tolist() == [0, 1, 2]
