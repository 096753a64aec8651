"""Sends messages of which no row can be made to their dead-letter topic, as they came and with their address."""

from __future__ import annotations

from collections.abc import Callable

from kafka.errors import MessageSizeTooLargeError

from common.errors import KafkaRefused
from common.kafka_io.writer import BulkWriter, Delivery
from common.model.headers import BY, SINK, Header, readable
from common.model.record import MOST_HEADERS, MissingRecord, Partition, Record
from common.model.topics import DEAD_LETTER_EXTRA_BYTES

PARTITION = 0
"""Dead letters are few, and stay in order of arrival: their topics have one partition."""

REASON_CHARACTERS = 500
"""How much larger than its message a letter may be, so that its topic takes it (DEAD_LETTER_EXTRA_BYTES)."""

MISSING = "the message itself is not in this letter: it stands at the topic, partition and offset given here"
MOST_KEPT = MOST_HEADERS - 10
"""Headers of a message that its letter has; with ours behind them it has no more than readers look at."""

LEFT_OUT = f"the message has more than {MOST_KEPT:,} headers: the others are not in this letter"
RENAMED = "names of headers were not UTF-8: each byte that Kafka clients cannot read back is written as ?"


class Bundle:
    """Dead letters for one topic that travel together: one by one they would wait for each other's answers.

    They bear the time of their sending. That of their message is the word of its producer: brokers refuse a record
    that is too far from their own clock.
    """

    def __init__(self, dead_topic: str, unix_s: Callable[[], float]) -> None:
        self.dead_topic = dead_topic
        self._unix_s = unix_s
        self.records: list[Record] = []
        self._short: dict[int, Record] = {}  # in place of which record it can be sent
        self._delivery: Delivery | None = None
        self._refusal: str | None = None

    def add(self, record: Record, short: Record) -> None:
        """Take a letter; `short` is the same one without its message, should its topic not take the whole."""
        if record.size_bytes > DEAD_LETTER_EXTRA_BYTES:  # smaller ones share batches that any topic takes
            self._short[len(self.records)] = short
        self.records.append(record)

    @property
    def is_sent(self) -> bool:
        """Whether it takes no more."""
        return self._delivery is not None or self._refusal is not None

    @property
    def is_too_large(self) -> bool:
        """Whether the topic did not take a letter that can be sent without its message."""
        too_large = self._delivery is not None and isinstance(self._delivery.error, MessageSizeTooLargeError)
        return too_large and bool(self._short)

    def shorten(self) -> None:
        """Leave out the messages that are large; all letters have to be sent again."""
        for index, short in self._short.items():
            self.records[index] = short
        self._short, self._delivery = {}, None

    def send(self, writer: BulkWriter) -> bool:
        """Hand it over; False if the writer is out of service from now on."""
        try:
            self._delivery = writer.send(
                self.dead_topic,
                PARTITION,
                [record.value for record in self.records],
                timestamp_ms=round(self._unix_s() * 1000),
                keys=[record.key for record in self.records],
                headers=[list(record.headers) for record in self.records],
            )
        except KafkaRefused as error:  # an idempotent producer that was refused once stays out of service
            self._refusal = str(error)
        return self._refusal is None

    @property
    def is_acknowledged(self) -> bool:
        """Whether the in-sync replicas have all of it."""
        return self._delivery is not None and self._delivery.acknowledged == len(self.records)

    @property
    def error(self) -> str | None:
        """Why a part of it will never be there; what is too large will be, once it is shortened."""
        if self.is_too_large:
            return None
        failed = self._delivery is not None and self._delivery.failed
        return repr(self._delivery.error) if self._delivery is not None and failed else self._refusal


class Letter:
    """A dead letter under way. Asking for its fate sends what was gathered with it."""

    def __init__(self, bundle: Bundle, send: Callable[[Bundle], None]) -> None:
        self._bundle, self._send = bundle, send

    @property
    def is_acknowledged(self) -> bool:
        """Whether the in-sync replicas have it."""
        self._send(self._bundle)
        return self._bundle.is_acknowledged

    @property
    def error(self) -> str | None:
        """Why it will never be there; None while it is under way or acknowledged."""
        self._send(self._bundle)
        return self._bundle.error


class DeadLetters:
    """A writer made when the first bad message appears, and another one after it was refused. Main thread only."""

    def __init__(self, make_writer: Callable[[], BulkWriter], unix_s: Callable[[], float]) -> None:
        self._make_writer = make_writer
        self._unix_s = unix_s
        self._writer: BulkWriter | None = None
        self._gathering: Bundle | None = None

    def send(self, record: Record, source: Partition, topic_id: str, reason: str, dead_topic: str) -> Letter:
        """Send the original key, value and headers, and beside them where it stood and what is wrong with it.

        A header `penstock-note` says what of the message could not be written as it was. At least once: who counts
        dead letters counts distinct addresses. Raises KafkaUnavailable.
        """
        self._writer = self._writer or self._make_writer()
        bundle = self._gathering
        if bundle is None or bundle.is_sent or bundle.dead_topic != dead_topic:
            bundle = self._gathering = Bundle(dead_topic, self._unix_s)
        short = without_message(record)
        bundle.add(
            record._replace(headers=letter_headers(record, source, topic_id, reason)),
            short._replace(headers=letter_headers(short, source, topic_id, reason)),
        )
        return Letter(bundle, self._send_bundle)

    def _send_bundle(self, bundle: Bundle) -> None:
        if bundle.is_too_large:
            self.close(0.0)  # a producer that was refused does not go on reliably
            bundle.shorten()
        if bundle.is_sent:
            return
        self._writer = self._writer or self._make_writer()
        if not bundle.send(self._writer):
            self.close(0.0)

    def close(self, timeout_s: float) -> None:
        """Close the writer, if there is one."""
        if self._writer is not None:
            self._writer.close(timeout_s)
            self._writer = None


def shortened(record: Record) -> Record:
    """The record, or without its message if it is so large that a topic may not take it."""
    return without_message(record) if record.size_bytes > DEAD_LETTER_EXTRA_BYTES else record


def without_message(record: Record) -> Record:
    """Only where and when it stood."""
    return MissingRecord(record.offset, record.timestamp_ms, None, None, ())


def letter_headers(
    record: Record, source: Partition, topic_id: str, reason: str, by: str = SINK
) -> list[Header]:
    """The message's own headers, then ours; `by`: the transform that refuses it, if it is one."""
    kept = list(record.headers[:MOST_KEPT])
    original = [(readable(name), value) for name, value in kept]
    ours = {
        "penstock-reason": reason[:REASON_CHARACTERS],
        "penstock-topic": source.topic,
        "penstock-topic-id": topic_id,
        "penstock-partition": str(source.partition),
        "penstock-offset": str(record.offset),
        "penstock-time": str(record.timestamp_ms),
        BY: by,
    }
    notes = [MISSING] if isinstance(record, MissingRecord) else []
    notes += [LEFT_OUT] if len(record.headers) > len(kept) else []
    notes += [RENAMED] if original != kept else []
    if notes:
        ours["penstock-note"] = "; ".join(notes)
    return original + [(name, text.encode(errors="replace")) for name, text in ours.items()]
