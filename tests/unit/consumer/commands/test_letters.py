"""`letters`: what is asked for, what is printed of counts, lists and one letter. Reading is tested on real brokers."""

import io
from types import SimpleNamespace

import pytest

import consumer.__main__
from common.errors import SettingError
from common.kafka_io.letter_box import Page
from common.kafka_io.letter_counts import Tally
from common.model.letters import FOREIGN, Letter
from common.streams import STREAMS
from consumer.__main__ import main
from consumer.commands.letters import _newest, _wanted, _write_raw
from consumer.commands.letters_report import (
    At,
    counts_json,
    hex_dump,
    newest_json,
    show_counts,
    show_letter,
    show_newest,
)

DEAD_TOPICS = {"dominate.dead": "dominate", "shadow.dead": "shadow"}
TALLIES = {"dominate.dead": Tally(1_203, {"empty": 3, "not JSON": 1_200}, True)}
LETTER = Letter(
    offset=5,
    time_ms=1_795_000_000_123,
    reason="not JSON: at byte 1",
    by="type",
    topic="dominate",
    topic_id="00ff",
    partition=3,
    source_offset=7,
    source_time_ms=1_000,
    key=b"k",
    value=b'{"a":\n1',
    headers=(("trace", b"\xff\x00"), ("none", None)),
    size_bytes=20,
)
STRANGE = Letter(offset=6, time_ms=-1, reason=FOREIGN, value=b"x" * 5_000, size_bytes=5_000)


def printed(show, *what):
    out = io.StringIO()
    show(*what, out)
    return out.getvalue().splitlines()


def test_counts_have_a_line_for_each_kind_of_reason_and_each_topic_without_letters():
    lines = printed(show_counts, [STREAMS["ratings"]], TALLIES | {"shadow.dead": Tally(0, {}, True)})
    assert [line.split() for line in lines] == [
        ["stream", "dead-letter", "topic", "reason", "letters"],
        ["ratings", "dominate.dead", "not", "JSON", "1,200"],
        ["ratings", "dominate.dead", "empty", "3"],
        ["ratings", "shadow.dead", "-", "0"],
    ]


def test_a_topic_that_does_not_exist_is_told_below_the_counts():
    lines = printed(show_counts, [STREAMS["ratings"]], TALLIES)
    assert lines[-1] == "shadow.dead: there is no such topic. Create it: python -m common.topics"


def test_counts_as_json_say_null_of_a_topic_that_does_not_exist():
    assert counts_json(DEAD_TOPICS, TALLIES)["topics"] == [
        {
            "topic": "dominate",
            "dead_topic": "dominate.dead",
            "letters": 1_203,
            "reasons": [{"reason": "not JSON", "letters": 1_200}, {"reason": "empty", "letters": 3}],
        },
        {"topic": "shadow", "dead_topic": "shadow.dead", "letters": None, "reasons": None},
    ]


def test_a_list_has_a_line_for_each_letter_also_where_nobody_knows_where_its_message_stood():
    lines = printed(show_newest, [At("dominate.dead", LETTER.brief()), At("dominate.dead", STRANGE)])
    assert [" ".join(line.split()) for line in lines] == [
        "dead-letter topic offset time by message bytes reason",
        "dominate.dead 5 2026-11-18T11:06:40.123Z type dominate/3 offset 7 20 not JSON: at byte 1",
        "dominate.dead 6 1969-12-31T23:59:59.999Z - - 5,000 unknown: not written by Penstock",
    ]


def test_a_list_of_no_letters_says_so():
    assert printed(show_newest, []) == ["no dead letters"]


def test_a_list_as_json_names_the_topic_of_each_letter():
    (found,) = newest_json([At("dominate.dead", LETTER)])["letters"]
    assert (found["dead_topic"], found["offset"], found["bytes"]) == ("dominate.dead", 5, 20)
    assert "value" not in found


def test_a_letter_is_shown_with_text_as_text_and_other_bytes_in_hex():
    assert printed(show_letter, At("dominate.dead", LETTER)) == [
        "dominate.dead offset 5, of 2026-11-18T11:06:40.123Z",
        "reason:   not JSON: at byte 1",
        "by:       type",
        "message:  dominate/3 offset 7, of 1970-01-01T00:00:01.000Z",
        "topic id: 00ff",
        "key: 1 byte",
        "    k",
        "header trace: 2 bytes, in hex",
        "    00000000  ff 00                                            ..",
        "header none: null",
        "value: 7 bytes",
        '    {"a":',
        "    1",
    ]


def test_a_foreign_record_is_shown_and_a_long_value_is_cut():
    lines = printed(show_letter, At("dominate.dead", STRANGE))
    assert lines[1:5] == [
        f"reason:   {FOREIGN}",
        "by:       not known",
        "message:  not known",
        "topic id: not known",
    ]
    assert lines[-2] == "value: 5,000 bytes, the first 4,096 of them"
    assert lines[-1] == "    " + "x" * 4_096


def test_nothing_that_somebody_wrote_reaches_the_terminal_as_a_control_character():
    evil = Letter(
        offset=1,
        time_ms=0,
        reason="\x1b[2J",
        by="\x07",
        topic="\x1b]0;x",
        partition=0,
        source_offset=0,
        note="\r",
        key=b"\x1b[2J",
        value=b"\x9b",
        headers=(("\x1b[31m", b"\x08"),),
    )
    said = "".join(printed(show_letter, At("d", evil)) + printed(show_newest, [At("d", evil)]))
    assert said.isprintable()


def test_a_hex_dump_has_sixteen_bytes_a_line():
    assert list(hex_dump(b"0123456789abcdef\xff~")) == [
        "00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef",
        "00000010  ff 7e                                            .~",
    ]
    assert list(hex_dump(b"")) == []


def test_the_raw_value_is_written_byte_for_byte(monkeypatch):
    out = SimpleNamespace(buffer=io.BytesIO(), flush=lambda: None)
    monkeypatch.setattr("sys.stdout", out)
    assert _write_raw("d", LETTER) == 0
    assert out.buffer.getvalue() == LETTER.value


def test_a_letter_without_a_value_cannot_be_written_raw_and_says_why(capsys):
    assert _write_raw("d", Letter(offset=3, time_ms=0, reason="tombstone")) == 1
    assert _write_raw("d", Letter(offset=4, time_ms=0, reason="too large", note="it stands elsewhere")) == 1
    assert capsys.readouterr() == (
        "",
        "d offset 3: the letter has no value: tombstone\nd offset 4: the letter has no value: it stands elsewhere\n",
    )


def test_pages_are_read_until_there_are_enough_letters():
    def page(_, before, count):
        before = 10 if before is None else before
        letters = [
            Letter(offset=at, time_ms=0, reason="") for at in range(before - 1, max(before - 3, -1), -1)
        ]
        return Page(letters[:count], before - 2 if before > 2 else None)

    box = SimpleNamespace(page=page)
    assert [letter.offset for letter in _newest(box, "d", 5)] == [9, 8, 7, 6, 5]
    assert [letter.offset for letter in _newest(box, "d", 50)] == list(range(9, -1, -1))


@pytest.mark.parametrize(
    ("show", "says"),
    [
        (
            ("dominate", "1"),
            "no stream has the dead-letter topic dominate; there are: dominate.dead, shadow.dead",
        ),
        (("shadow.dead", "-1"), "--show shadow.dead -1: the second is an offset, a number from 0 on"),
        (("shadow.dead", "²"), "--show shadow.dead ²: the second is an offset, a number from 0 on"),
        (("shadow.dead", str(2**63)), "the second is an offset"),
    ],
)
def test_a_letter_that_cannot_be_is_refused_before_anybody_is_asked(show, says):
    with pytest.raises(SettingError, match=says):
        _wanted(show, DEAD_TOPICS)


@pytest.mark.parametrize("given", ["0", "-1", "ten", "10001", "²"])
def test_a_number_of_letters_that_is_none_is_told_at_once(given, monkeypatch, capsys):
    monkeypatch.setattr(consumer.__main__, "environment", dict)
    with pytest.raises(SystemExit):
        main(["letters", f"--last={given}"])
    assert f"'{given}' is no number from 1 to 10,000" in capsys.readouterr().err


def test_raw_without_a_letter_is_refused(monkeypatch):
    monkeypatch.setattr(consumer.__main__, "environment", dict)
    with pytest.raises(SettingError, match="--raw needs --show"):
        main(["letters", "--raw"])
