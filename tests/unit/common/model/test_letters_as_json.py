"""Dead letters as JSON: what is text, what is cut, what time it was."""

import json

import pytest

from common.model.letters import Letter
from common.model.letters_as_json import brief_json, letter_json, reasons_json, shown, time_text

LETTER = Letter(
    offset=5,
    time_ms=1_795_000_000_123,
    reason="empty",
    by="sink",
    topic="events",
    topic_id="00ff",
    partition=3,
    source_offset=7,
    source_time_ms=None,
    key=None,
    value=b"\xff",
    headers=(("h", b"1"), ("none", None)),
    size_bytes=6,
)


@pytest.mark.parametrize("text", ["", "{}", "größe\n\tx", "two\r\nlines", "💥"])
def test_utf_8_that_prints_is_text(text):
    data = text.encode()
    assert shown(data) == (text, data.hex(), len(data), False)


@pytest.mark.parametrize(
    "data", [b"\xff", b"a\0", b"\x1b[2J", "\u202egnp".encode(), b"over\rwritten", b"\xc3"]
)
def test_what_does_not_print_or_is_no_utf_8_has_no_text(data):
    assert shown(data) == (None, data.hex(), len(data), False)


def test_what_is_longer_is_cut_and_says_how_long_it_is():
    assert shown(b"abcdef", 4) == ("abcd", "61626364", 6, True)
    assert shown(b"abcd", 4) == ("abcd", "61626364", 4, False)


def test_a_character_at_the_cut_is_left_out_of_the_text():
    assert shown("abcé".encode() + b"more", 4) == ("abc", "616263c3", 9, True)


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (None, None),
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_000_000_123, "2026-11-18T11:06:40.123Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (2**63 - 1, "9223372036854775807 ms since 1970"),
        (-(2**63), "-9223372036854775808 ms since 1970"),
    ],
)
def test_times_are_iso_8601_while_the_calendar_lasts(time_ms, text):
    assert time_text(time_ms) == text


def test_a_brief_letter_has_nothing_of_its_message():
    assert brief_json(LETTER) == {
        "offset": 5,
        "time": "2026-11-18T11:06:40.123Z",
        "reason": "empty",
        "by": "sink",
        "topic": "events",
        "partition": 3,
        "source_offset": 7,
        "source_time": None,
        "bytes": 6,
    }


def test_a_whole_letter_has_key_value_and_headers():
    found = letter_json(LETTER)
    assert found.items() >= brief_json(LETTER).items()
    assert (found["topic_id"], found["note"], found["key"]) == ("00ff", "", None)
    assert found["value"] == {"text": None, "hex": "ff", "bytes": 1, "cut": False}
    assert found["headers"] == [
        {"name": "h", "value": {"text": "1", "hex": "31", "bytes": 1, "cut": False}},
        {"name": "none", "value": None},
    ]
    assert json.loads(json.dumps(found)) == found


def test_the_commonest_reason_comes_first():
    assert reasons_json({"b": 1, "c": 2, "a": 1}) == [
        {"reason": "c", "letters": 2},
        {"reason": "a", "letters": 1},
        {"reason": "b", "letters": 1},
    ]
