"""Dead letters as they are read back: the message, where it stood, what is wrong with it, who says so. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from common.model.headers import BY, SINK, Header, readable
from common.model.reasons import Kind
from common.model.record import MissingRecord, Record

REASON, NOTE = "penstock-reason", "penstock-note"
TOPIC, TOPIC_ID, PARTITION = "penstock-topic", "penstock-topic-id", "penstock-partition"
OFFSET, TIME = "penstock-offset", "penstock-time"
OURS = frozenset({REASON, TOPIC, TOPIC_ID, PARTITION, OFFSET, TIME, BY, NOTE})
"""The headers that a letter has beside those of its message. They come last, the reason first of them."""

FOREIGN = "unknown: not written by Penstock"
NOT_UNPACKED = "unknown: the letter unpacks to more than MAX_UNPACKED_BYTES allows"
OTHERS = "others"
"""The kind of every reason that begins with no kind of ours."""

_KINDS = frozenset(kind.value for kind in Kind)
_NUMBER = re.compile(rb"-?[0-9]{1,19}").fullmatch
_HEX = re.compile(rb"[0-9a-f]{1,32}").fullmatch
_PARTITIONS, _OFFSETS, _TIMES = range(2**31), range(2**63), range(-(2**63), 2**63)


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """A record of a dead-letter topic. `offset` and `time_ms` (since 1970) are its own.

    `topic` to `source_time_ms` say where its message stood; they are empty or None where nobody knows. `key`, `value`
    and `headers` are the message's own, and `size_bytes` is what they take. `note` says what of the message could not
    be written as it was, or is empty.
    """

    offset: int
    time_ms: int
    reason: str
    by: str = ""
    topic: str = ""
    topic_id: str = ""
    partition: int | None = None
    source_offset: int | None = None
    source_time_ms: int | None = None
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[Header, ...] = ()
    note: str = ""
    size_bytes: int = 0

    @property
    def kind(self) -> str:
        """The kind of its reason."""
        return kind_of(self.reason)

    def brief(self) -> Letter:
        """The same without key, value and headers; `size_bytes` stays."""
        return replace(self, key=None, value=None, headers=())


def kind_of(reason: str) -> str:
    """The part before the first ":" if it is a kind of `common.model.reasons`, else OTHERS."""
    kind = reason.partition(":")[0]
    return kind if kind in _KINDS else OTHERS


def reason_of(headers: Sequence[Header]) -> str:
    """Why a record is in a dead-letter topic. FOREIGN unless all that a letter says of its message is there."""
    said = _said(headers[_first_of_ours(headers) :])
    return FOREIGN if said is None else said[REASON]


def letter_of(record: Record) -> Letter:
    """The letter that a record of a dead-letter topic is.

    One without our headers, or whose headers cannot be ours, has the reason FOREIGN and keeps all of them. One that
    was not unpacked has the reason NOT_UNPACKED.
    """
    if isinstance(record, MissingRecord):
        return Letter(offset=record.offset, time_ms=record.timestamp_ms, reason=NOT_UNPACKED)
    first = _first_of_ours(record.headers)
    said = _said(record.headers[first:])
    if said is None:
        return _letter(record, tuple(record.headers), reason=FOREIGN)
    kept = (*record.headers[:first], *(each for each in record.headers[first:] if each[0] not in OURS))
    return _letter(record, kept, said)


def _letter(
    record: Record, headers: tuple[Header, ...], said: Mapping[str, str] | None = None, reason: str = ""
) -> Letter:
    known = Letter(
        offset=record.offset,
        time_ms=record.timestamp_ms,
        reason=reason,
        key=record.key,
        value=record.value,
        headers=tuple((readable(name), value) for name, value in headers),
        size_bytes=record._replace(headers=headers).size_bytes,
    )
    if said is None:
        return known
    return replace(
        known,
        reason=said[REASON],
        by=said.get(BY) or SINK,
        topic=said[TOPIC],
        topic_id=said[TOPIC_ID],
        partition=int(said[PARTITION]),
        source_offset=int(said[OFFSET]),
        source_time_ms=int(said[TIME]),
        note=said.get(NOTE, ""),
    )


def _first_of_ours(headers: Sequence[Header]) -> int:
    """Where ours begin, at the last reason: a message may have been a dead letter before. The end if there is none."""
    for index in range(len(headers) - 1, -1, -1):
        if headers[index][0] == REASON:
            return index
    return len(headers)


def _said(headers: Sequence[Header]) -> dict[str, str] | None:
    """Name → text of our headers; None if one is missing or is nothing that we write."""
    raw = {name: value or b"" for name, value in headers if name in OURS}
    is_ours = (
        bool(raw.get(REASON))
        and bool(raw.get(TOPIC))
        and _HEX(raw.get(TOPIC_ID, b""))
        and _is_number(raw.get(PARTITION, b""), _PARTITIONS)
        and _is_number(raw.get(OFFSET, b""), _OFFSETS)
        and _is_number(raw.get(TIME, b""), _TIMES)
    )
    if not is_ours:
        return None
    try:
        return {name: value.decode() for name, value in raw.items()}
    except UnicodeDecodeError:
        return None


def _is_number(value: bytes, allowed: range) -> bool:
    return bool(_NUMBER(value)) and int(value) in allowed
