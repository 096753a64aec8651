"""Encodes an event as JSON bytes, and decodes whole slabs of messages in one sweep. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from common.errors import BadData
from common.model.complaints import reason_of_decoding
from common.model.reasons import Kind, Reason
from common.model.record import RawValue, TooLarge

encode = msgspec.json.Encoder().encode
"""One event as JSON bytes (UTF-8)."""


class Decoded(NamedTuple):
    """What a list of raw values holds.

    `events` are all valid events in order. `counts[i]` is how many of them message i made (0 for bad data); None
    means exactly one each. `bad` maps the index of a bad message to the reason.
    """

    events: list[Any]
    counts: np.ndarray | None
    bad: dict[int, Reason]


class Codec:
    """Decodes the messages of one event type: an event, or a non-empty array of events, a message."""

    def __init__(self, event: type[msgspec.Struct]) -> None:
        self._one = msgspec.json.Decoder(event).decode
        self._one_or_many = msgspec.json.Decoder(event | list[event]).decode  # type: ignore[valid-type]

    def decode(self, values: Sequence[RawValue]) -> Decoded:
        """Decode raw values; bad messages are reported, never raised."""
        try:
            if not all(map(bytes.isascii, values)):  # type: ignore[arg-type]
                _check_utf8(values)
            events = list(map(self._one, values))  # type: ignore[arg-type]
            if len(events) == len(values):  # a StopIteration would end the list before its time
                return Decoded(events, None, {})
        except (MemoryError, KeyboardInterrupt):
            raise
        except BaseException:  # `__post_init__` of an event may raise anything, SystemExit too
            pass
        return self._decode_one_by_one(values)

    def _decode_one_by_one(self, values: Sequence[RawValue]) -> Decoded:
        events: list[Any] = []
        counts = np.zeros(len(values), dtype=np.int64)
        bad: dict[int, Reason] = {}
        for index, value in enumerate(values):
            try:
                made = self.decode_message(value)
            except BadData as error:
                bad[index] = error.reason
            else:
                events.extend(made)
                counts[index] = len(made)
        return Decoded(events, counts, bad)

    def decode_message(self, value: RawValue) -> list[Any]:
        """The events of one message, at least one. Raises BadData with the reason."""
        if isinstance(value, TooLarge):
            raise BadData(
                Kind.TOO_LARGE, f"unpacks to more than {value.limit_bytes:,} bytes (MAX_UNPACKED_BYTES)"
            )
        if value is None:
            raise BadData(Kind.TOMBSTONE, "the message has no value")
        if not value:
            raise BadData(Kind.EMPTY, "the message has no body")
        try:
            value.decode()
        except UnicodeDecodeError as error:
            raise BadData(Kind.NOT_UTF8, f"invalid byte at {error.start}") from None
        try:
            made = self._one_or_many(value)
        except (MemoryError, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise BadData(*reason_of_decoding(error)) from None
        if made == []:
            raise BadData(Kind.EMPTY_ARRAY, "a message holds at least one event")
        return made if isinstance(made, list) else [made]


def _check_utf8(values: Sequence[RawValue]) -> None:
    """msgspec does not look into the strings of fields it skips: JSON must be UTF-8 all the same."""
    for value in values:
        str(value, "utf-8")  # type: ignore[arg-type]
