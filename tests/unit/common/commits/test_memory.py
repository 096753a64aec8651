import json

import pytest

from common.commits.memory import Memory, decode
from common.errors import FeedBlocked, OffsetRefused

MEMORY = Memory(transform="visits.count", topic="0f" * 16, sizes=(4, 1), read=17, state={"time": [1, 2]})
TEXT = MEMORY.encode("visits/0")


def changed(**changes):
    return json.dumps(json.loads(TEXT) | changes)


@pytest.mark.parametrize("state", [None, 5, {"a": {"b": [1, -1]}}, "\u20ac"])
def test_what_is_encoded_is_decoded(state):
    memory = Memory(transform="a.b", topic="00", sizes=(1, 2), read=2**62, state=state)
    assert decode(memory.encode("here"), "here") == memory


def test_it_is_short_json_that_says_whose_it_is():
    assert json.loads(TEXT) == {
        "penstock": 1,
        "transform": "visits.count",
        "topic": "0f" * 16,
        "sizes": [4, 1],
        "read": 17,
        "state": {"time": [1, 2]},
    }
    assert " " not in TEXT


def test_brokers_take_the_largest_that_is_encoded():
    room = 4_096 - len(Memory(transform="a.b", topic="", sizes=(1, 1), read=0, state="").encode("here"))
    largest = Memory(transform="a.b", topic="", sizes=(1, 1), read=0, state="x" * room)
    assert len(largest.encode("here").encode()) == 4_096
    too_large = Memory(transform="a.b", topic="", sizes=(1, 1), read=0, state="x" * (room + 1))
    with pytest.raises(FeedBlocked, match=r"here: a.b would have to remember 4,097 bytes"):
        too_large.encode("here")


def test_what_a_later_version_adds_to_this_format_is_left_out():
    assert decode(changed(more=1), "here") == MEMORY


def test_what_a_newer_format_says_is_refused_with_what_to_do():
    with pytest.raises(
        OffsetRefused, match=r"here: .*newer Penstock \(metadata format 2.*start that version"
    ):
        decode(changed(penstock=2), "here")


@pytest.mark.parametrize(
    "metadata",
    [
        "somebody else's",
        "5",
        "[]",
        "null",
        "{}",
        "[" * 100_000,
        '{"penstock": 1}',
        changed(read=None),
        changed(read="x"),
        changed(sizes=None),
        changed(sizes=[1]),
        changed(sizes=[1, 2, 3]),
        changed(sizes=["x", 1]),
    ],
)
def test_metadata_that_no_transform_wrote_is_refused(metadata):
    with pytest.raises(OffsetRefused, match="here: the committed offset carries foreign metadata"):
        decode(metadata, "here")


def test_no_metadata_is_refused_with_what_to_do():
    with pytest.raises(OffsetRefused, match=r"carries no metadata.*delete the group's offsets"):
        decode("", "here")
