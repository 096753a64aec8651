"""Whose message a dead letter was."""

from __future__ import annotations

import pytest

from common.model.record import Record
from consumer.inspection import source_of

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


def test_the_last_headers_count_when_it_was_dead_before():
    assert source_of(letter(*ours(OTHER, b"1", b"2"), *ours(TOPIC, b"3", b"12")), {TOPIC}) == (3, 12)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        ours(OTHER, b"3", b"12"),
        ours(TOPIC, b"three", b"12"),
        ours(TOPIC, b"3", b"12")[:2],
        [("penstock-topic-id", None)],
        [("penstock-topic-id", b"\xff")],
    ],
    ids=["no headers", "of another topic", "no number", "one is missing", "no value", "not UTF-8"],
)
def test_a_foreign_letter_is_nobodys(headers):
    assert source_of(letter(*headers), {TOPIC}) is None
