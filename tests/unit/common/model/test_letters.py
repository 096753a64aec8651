"""What a record of a dead-letter topic says, whoever wrote it."""

import random
from dataclasses import FrozenInstanceError

import pytest

from common.kafka_io.dead_letters import letter_headers, without_message
from common.model.letters import FOREIGN, NOT_UNPACKED, OTHERS, kind_of, letter_of, reason_of
from common.model.reasons import Kind, Reason
from common.model.record import MissingRecord, Partition, Record

SOURCE = Partition("events", 3)
TOPIC_ID = "00ff" * 8
BAD = Record(7, 1_000, b"key", b"{not json", [("trace", b"1"), ("none", None)])
HEADERS = letter_headers(BAD, SOURCE, TOPIC_ID, "not JSON: at byte 1", "type")


def dead(headers, **changes):
    """A record of a dead-letter topic, at offset 12."""
    return Record(12, 5_000, BAD.key, BAD.value, headers)._replace(**changes)


def changed(name, value):
    return [(each, value if each == name else old) for each, old in HEADERS]


def test_a_letter_has_its_message_as_it_came_and_where_it_stood():
    letter = letter_of(dead(HEADERS))
    assert (letter.offset, letter.time_ms) == (12, 5_000)
    assert (letter.reason, letter.kind, letter.by) == ("not JSON: at byte 1", "not JSON", "type")
    assert (letter.topic, letter.topic_id, letter.partition) == ("events", TOPIC_ID, 3)
    assert (letter.source_offset, letter.source_time_ms) == (7, 1_000)
    assert (letter.key, letter.value, list(letter.headers)) == (BAD.key, BAD.value, BAD.headers)
    assert (letter.note, letter.size_bytes) == ("", BAD.size_bytes)


def test_a_letter_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        letter_of(dead(HEADERS)).reason = "another"


def test_a_brief_letter_has_nothing_of_the_message_but_its_size():
    brief = letter_of(dead(HEADERS)).brief()
    assert (brief.key, brief.value, brief.headers) == (None, None, ())
    assert (brief.size_bytes, brief.source_offset) == (BAD.size_bytes, 7)


@pytest.mark.parametrize("times_dead", [1, 2, 3])
def test_a_message_that_was_a_dead_letter_before_keeps_what_that_one_said(times_dead):
    headers = [("penstock-note", b"of somebody")]
    for number in range(times_dead):
        before = headers
        headers = letter_headers(BAD._replace(offset=number, headers=before), SOURCE, TOPIC_ID, "empty")
    letter = letter_of(dead(headers))
    assert (list(letter.headers), letter.source_offset, letter.note) == (before, times_dead - 1, "")


def test_a_message_that_is_not_in_its_letter_is_told_by_the_note():
    short = without_message(BAD)
    letter = letter_of(dead(letter_headers(short, SOURCE, TOPIC_ID, "too large"), key=None, value=None))
    assert letter.note.startswith("the message itself is not in this letter")
    assert (letter.value, letter.size_bytes, letter.by) == (None, 0, "sink")


def test_a_letter_that_names_nobody_is_a_sinks():
    assert letter_of(dead([each for each in HEADERS if each[0] != "penstock-by"])).by == "sink"


def test_headers_that_somebody_appended_are_the_messages():
    letter = letter_of(dead([*HEADERS, ("copied-by", b"a mirror")]))
    assert letter.headers == (*BAD.headers, ("copied-by", b"a mirror"))
    assert letter.partition == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, None) for name, _ in HEADERS[2:] if name != "penstock-by"),
        ("penstock-reason", b"\xff"),
        ("penstock-topic", b"\xc3"),
        ("penstock-topic-id", b"00FF"),
        ("penstock-topic-id", b"0" * 33),
        ("penstock-partition", b"-1"),
        ("penstock-partition", b"2147483648"),
        ("penstock-partition", "²".encode()),
        ("penstock-offset", b"1_000"),
        ("penstock-offset", b" 1"),
        ("penstock-offset", b"9223372036854775808"),
        ("penstock-offset", b"1" * 10_000),
        ("penstock-time", b"yesterday"),
        ("penstock-by", b"\xff"),
    ],
)
def test_headers_that_cannot_be_ours_make_a_foreign_record_with_all_of_them(name, value):
    headers = changed(name, value)
    letter = letter_of(dead(headers))
    assert letter.reason == reason_of(headers) == FOREIGN
    assert (letter.by, letter.topic, letter.partition, letter.source_offset) == ("", "", None, None)
    assert (list(letter.headers), letter.value, letter.kind) == (headers, BAD.value, OTHERS)


@pytest.mark.parametrize("missing", [name for name, _ in HEADERS[2:] if name != "penstock-by"])
def test_a_header_that_is_missing_makes_a_foreign_record(missing):
    assert letter_of(dead([each for each in HEADERS if each[0] != missing])).reason == FOREIGN


def test_a_plain_record_is_a_foreign_one():
    letter = letter_of(Record(3, -1, None, None, ()))
    assert (letter.reason, letter.time_ms, letter.size_bytes) == (FOREIGN, -1, 0)


def test_names_that_are_no_text_have_question_marks():
    name = b"trace-\xff".decode("utf-8", "surrogateescape")
    assert letter_of(dead([(name, b"1"), *HEADERS])).headers[0] == ("trace-?", b"1")


def test_a_letter_that_was_not_unpacked_says_so():
    letter = letter_of(MissingRecord(9, 1_000, None, None, ()))
    assert (letter.offset, letter.reason, letter.kind) == (9, NOT_UNPACKED, OTHERS)


def test_no_header_whatever_makes_an_exception():
    rng = random.Random(1)
    names = [name for name, _ in HEADERS] + ["penstock-note", "", "x"]
    values = [None, b"", b"1", b"-1", b"\xff", b"00ff", b"empty", b"9" * 30, rng.randbytes(9)]
    for _ in range(3_000):
        headers = [(rng.choice(names), rng.choice(values)) for _ in range(rng.randint(0, 12))]
        letter = letter_of(dead(headers))
        assert letter.reason == reason_of(headers)
        assert letter.kind == kind_of(letter.reason)


@pytest.mark.parametrize("kind", Kind)
def test_the_kind_of_a_reason_is_what_stands_before_its_detail(kind):
    assert kind_of(str(Reason(kind))) == kind_of(str(Reason(kind, "a: detail"))) == kind.value


@pytest.mark.parametrize(
    "reason", ["", ":", "because", "not json", " tombstone", FOREIGN, "value 17: not JSON"]
)
def test_any_other_reason_is_of_the_kind_others(reason):
    assert kind_of(reason) == OTHERS
