"""Whose message a dead letter was."""

from __future__ import annotations

import uuid

import pytest

from common.commits.position import Position
from common.model.record import Layout, Partition, Record, Slab
from consumer.audit.auditor import Auditor, source_of
from tests.unit.consumer.material import HERE, feed

TOPIC, OTHER = "00000000000000000000000000000001", "00000000000000000000000000000002"


def letter(*headers: tuple[str, bytes | None]) -> Record:
    return Record(7, 0, None, b"{", headers)


def ours(topic_id: str, partition: bytes, offset: bytes) -> list[tuple[str, bytes | None]]:
    return [
        ("penstock-topic-id", topic_id.encode()),
        ("penstock-partition", partition),
        ("penstock-offset", offset),
    ]


def test_is_told_by_its_headers():
    assert source_of(letter(("trace", b"x"), *ours(TOPIC, b"3", b"12")), {TOPIC}) == (3, 12)


def test_the_highest_partition_and_offset_are_ones():
    assert source_of(letter(*ours(TOPIC, b"65535", b"%d" % (2**63 - 1))), {TOPIC}) == (65535, 2**63 - 1)


def test_the_last_headers_count_when_it_was_dead_before():
    assert source_of(letter(*ours(OTHER, b"1", b"2"), *ours(TOPIC, b"3", b"12")), {TOPIC}) == (3, 12)


def test_a_sink_and_a_transform_that_read_one_topic_have_letters_of_their_own():
    by_transform = letter(*ours(TOPIC, b"3", b"12"), ("penstock-by", b"sensors.histogram"))
    assert source_of(by_transform, {TOPIC}) is None
    assert source_of(by_transform, {TOPIC}, "sensors.histogram") == (3, 12)
    assert source_of(letter(*ours(TOPIC, b"3", b"12")), {TOPIC}, "sensors.histogram") is None
    assert source_of(letter(*ours(TOPIC, b"3", b"12"), ("penstock-by", b"sink")), {TOPIC}) == (3, 12)
    assert source_of(letter(*ours(TOPIC, b"3", b"12"), ("penstock-by", b"\xff")), {TOPIC}) is None


@pytest.mark.parametrize(
    "headers",
    [
        [],
        ours(OTHER, b"3", b"12"),
        ours(TOPIC, b"three", b"12"),
        ours(TOPIC, b"3", b"12")[:2],
        [("penstock-topic-id", None)],
        [("penstock-topic-id", b"\xff")],
        ours(TOPIC, b"3", b"-5"),
        ours(TOPIC, b"3", b"%d" % 10**23),
        ours(TOPIC, b"3", b"%d" % 2**63),
        ours(TOPIC, b"-1", b"12"),
        ours(TOPIC, b"70000", b"12"),
    ],
    ids=[
        "no headers",
        "of another topic",
        "no number",
        "one is missing",
        "no value",
        "not UTF-8",
        "an offset below none",
        "an offset of no topic",
        "an offset past the last",
        "a partition below none",
        "a partition without address",
    ],
)
def test_a_foreign_letter_is_nobodys(headers):
    assert source_of(letter(*headers), {TOPIC}) is None


class Letters:
    """An overview and a reader of a `.dead` topic that holds these letters."""

    def __init__(self, *letters: Record) -> None:
        self.letters = letters
        self.limits: set[int | None] = set()

    def layouts(self, topics):
        return {name: Layout(uuid.UUID(int=9), (Partition(name, 0),)) for name in topics}

    def first_offsets(self, partitions):
        return dict.fromkeys(partitions, 0)

    def settled_ends(self, partitions):
        return dict.fromkeys(partitions, len(self.letters) + 1)

    def read(self, topic, partition, first, next_offset, patience_s, limit_bytes=None):
        self.limits.add(limit_bytes)
        end = len(self.letters)
        yield Slab(0, end, range(end), [letter.value for letter in self.letters], self.letters)
        yield Slab(end, end + 1, (), [], ())


def test_letters_are_read_with_room_for_the_largest_and_forged_ones_are_passed():
    forged = [letter(*ours(TOPIC, b"0", b"-5")), letter(*ours(TOPIC, b"0", b"9" * 23))]
    dead = Letters(*forged, letter(*ours(TOPIC, b"0", b"12")), letter(*ours(TOPIC, b"0", b"12")))
    position = Position(partition=HERE, topic_id=uuid.UUID(TOPIC), first=0, end=20, committed=20, intent=None)
    found = Auditor(None, dead, dead, patience_s=1.0).dead_letters(feed(), [position])
    assert {partition: offsets.tolist() for partition, offsets in found.items()} == {HERE: [12]}
    assert len(dead.limits) == 1 and dead.limits.pop() > 1 << 30
