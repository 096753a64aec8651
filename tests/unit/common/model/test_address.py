import uuid

import pytest

from common.model.address import token, tp_address

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


def test_the_address_never_changes_between_versions():
    # Rows in tables carry it: another hash would make all of them look missing.
    assert tp_address(TOPIC_ID, 3) == 0x973554E4AE780003


def test_the_address_ends_with_the_partition_and_fits_64_bits():
    addresses = {partition: tp_address(TOPIC_ID, partition) for partition in (0, 1, 65535)}
    assert {address & 0xFFFF for address in addresses.values()} == {0, 1, 65535}
    assert len({address >> 16 for address in addresses.values()}) == 1
    assert all(0 <= address < 2**64 for address in addresses.values())


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
