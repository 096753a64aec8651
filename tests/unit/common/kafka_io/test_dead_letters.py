"""What a dead letter says beside its message, and that it never outgrows its topic."""

import pytest
from kafka.errors import MessageSizeTooLargeError

from common.kafka_io.dead_letters import DeadLetters
from common.kafka_io.format.batch import Batch, WholeRecords
from common.kafka_io.format.encode import COMPILED_BUILDER, Encoder
from common.kafka_io.writer import Delivery
from common.model.record import MissingRecord, Partition, Record
from common.model.topics import DEAD_LETTER_EXTRA_BYTES

SOURCE = Partition("events", 3)
LONG_AGO_MS = 1_000
NOW_S = 1_800_000_000.25


class Writer:
    """Keeps what it is handed."""

    def __init__(self):
        self.sent = []

    def send(self, topic, partition, values, **options):
        self.sent.append((topic, partition, values, options))


def headers_of(record, reason="because"):
    """All headers of the letter for a record."""
    _, _, _, options = sent(record, reason)
    return options["headers"][0]


def sent(record, reason="because"):
    writer = Writer()
    letters = DeadLetters(lambda: writer, lambda: NOW_S)
    letter = letters.send(record, SOURCE, "00ff", reason, "events.dead")
    assert letter.error is None
    return writer.sent[0]


def record(headers, value=b"value"):
    return Record(7, LONG_AGO_MS, b"key", value, headers)


def name_of(raw):
    return raw.decode("utf-8", "surrogateescape")


def test_a_letter_bears_the_time_of_its_sending_and_tells_that_of_its_message():
    topic, partition, values, options = sent(record([]))
    assert (topic, partition, values, options["keys"]) == ("events.dead", 0, [b"value"], [b"key"])
    assert options["timestamp_ms"] == 1_800_000_000_250
    assert dict(options["headers"][0])["penstock-time"] == b"1000"


def test_readable_headers_are_written_as_they_were_and_need_no_note():
    original = [("größe", b"\xff"), ("", None), ("twice", b""), ("twice", b"2"), ("n" * 10_240, b"")]
    headers = headers_of(record(original))
    assert headers[: len(original)] == original
    assert "penstock-note" not in dict(headers)


@pytest.mark.parametrize(
    ("raw", "written"),
    [
        (b"trace-\xff", "trace-?"),
        (b"\xed\xa0\x80", "???"),
        (b"\xc3", "?"),
        ("ö".encode() + b"\xfe?", "ö??"),
    ],
)
def test_a_name_that_is_no_utf_8_has_a_question_mark_for_each_such_byte_and_a_note(raw, written):
    headers = headers_of(record([(name_of(raw), b"\x00\xff"), ("good", None)]))
    assert headers[:2] == [(written, b"\x00\xff"), ("good", None)]
    assert len(written.encode()) <= len(raw)
    assert dict(headers)["penstock-note"].startswith(b"names of headers were not UTF-8: ")


def test_the_letter_of_a_message_that_was_not_unpacked_says_that_it_is_not_there():
    headers = dict(headers_of(MissingRecord(9, LONG_AGO_MS, None, None, ())))
    assert headers["penstock-offset"] == b"9"
    assert headers["penstock-note"].startswith(b"the message itself is not in this letter: it stands at the ")


def test_a_tombstone_is_no_missing_message():
    assert "penstock-note" not in dict(headers_of(record([], value=None)))


def test_of_more_headers_than_anybody_needs_the_first_are_written_and_a_note_says_so():
    headers = headers_of(record([(f"h{number}", b"") for number in range(1_001)]))
    assert [name for name, _ in headers[:991]] == [
        *(f"h{number}" for number in range(990)),
        "penstock-reason",
    ]
    assert dict(headers)["penstock-note"].startswith(b"the message has more than 990 headers: ")


@pytest.mark.parametrize("number", [990, 1_000, 30_000])
def test_however_many_headers_a_message_has_its_letter_can_be_read_back(number):
    _, _, values, options = sent(record([("h", None)] * number))
    (sealed,) = Encoder(compress=False).seal(values, limit_bytes=1 << 20, **options)
    sealed.close()
    (found,) = WholeRecords(Batch(memoryview(bytes(sealed.buffer()))), 1 << 20).details(range(1)).headers
    assert list(found) == options["headers"][0]


class Narrow(Writer):
    """Brokers that take no large letter."""

    def send(self, topic, partition, values, **options):
        super().send(topic, partition, values, **options)
        delivery = Delivery(len(values))
        delivery.acknowledged = sum(len(value or b"") < 100_000 for value in values)
        delivery.failed = len(values) - delivery.acknowledged
        delivery.error = MessageSizeTooLargeError("too large") if delivery.failed else None
        return delivery

    def close(self, timeout_s):
        self.sent.append("closed")


def test_a_message_too_large_for_its_dead_letter_topic_is_left_out_of_its_letter_and_stops_nothing():
    writer = Narrow()
    letters = DeadLetters(lambda: writer, lambda: NOW_S)
    small, large = record([("h", b"1")]), record([("h", b"2")], value=bytes(200_000))
    sent = [letters.send(each, SOURCE, "00ff", "because", "events.dead") for each in (small, large)]
    assert sent[0].error is None  # refused by the brokers, and to be sent again without the message
    assert [letter.is_acknowledged for letter in sent] == [True, True]
    first, closed, second = writer.sent
    assert (first[2], closed, second[2]) == ([b"value", bytes(200_000)], "closed", [b"value", None])
    said = dict(second[3]["headers"][1])
    assert (said["penstock-offset"], said["penstock-reason"]) == (b"7", b"because")
    assert said["penstock-note"].startswith(b"the message itself is not in this letter")
    assert dict(second[3]["headers"][0])["h"] == b"1"


@pytest.mark.parametrize("reason", ["ö" * 100_000, "\ud800" * 100_000, "\x00" * 501])
def test_a_long_reason_is_cut_to_500_characters(reason):
    said = dict(headers_of(record([]), reason))["penstock-reason"]
    assert said == reason[:500].encode(errors="replace")


@pytest.mark.parametrize(
    "compiled",
    [False, pytest.param(True, marks=pytest.mark.skipif(not COMPILED_BUILDER, reason="no aiokafka"))],
)
def test_a_letter_is_never_more_than_its_allowance_larger_than_its_message(compiled):
    wild = record([(name_of(b"\xff" * 10_240), bytes(9)), ("", None)] * 20, value=bytes(100_000))
    source = Partition("t" * 249, 2**31 - 1)
    writer = Writer()
    letters = DeadLetters(lambda: writer, lambda: NOW_S)
    letter = letters.send(wild, source, "f" * 32, "💥" * 9000, "events.dead")
    assert letter.error is None
    _, _, values, options = writer.sent[0]
    encoder = Encoder(compress=False, compiled=compiled)
    (letter_batch,) = encoder.seal(values, limit_bytes=1, **options)
    before = record([("n" * 10_240, bytes(9)), ("", None)] * 20, value=bytes(100_000))
    headers = [list(before.headers)]
    (before_batch,) = encoder.seal([before.value], [b"key"], headers, timestamp_ms=1, limit_bytes=1)
    grown_bytes = letter_batch.size_in_bytes() - before_batch.size_in_bytes()
    assert 0 < grown_bytes < DEAD_LETTER_EXTRA_BYTES / 10
