"""The write-ahead intent that travels as the metadata of a committed offset. Pure.

A commit says: everything below `offset` is stored. Its metadata may name the range [offset, next) that is about to
be inserted, so that whoever comes next rebuilds that very range and no other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace

from common.commits.metadata import decoded, encoded

_REASON_BYTES = 3_000  # of JSON: Kafka refuses metadata above 4,096 bytes

DEFAULT_UNPACKED_BYTES, DEFAULT_MESSAGE_ROWS = 64 << 20, 1_000_000
"""The defaults of MAX_UNPACKED_BYTES and MAX_MESSAGE_ROWS: an intent names limits only if they differ from these.

They are part of the format: with other defaults, intents of older versions would be read under other limits."""


@dataclass(frozen=True, kw_only=True)
class Intent:
    """What a commit of ours says beside the offset.

    `topic` is the topic's id in hex; `schema` the hash of the stream's version and DDL. With a range named: `next`
    is the offset after it, `attempt` counts the tokens tried (from 1), `pieces` how many INSERTs it is cut into.
    `parked` and `cut` are for `status`: why the feed stands still, and why the last batch was cut. `max_unpacked_bytes`
    and `max_message_rows` are the limits past which a message of the range is a dead letter: whoever rebuilds the range
    must draw the line at the same place.
    """

    topic: str
    schema: str
    next: int | None = None
    attempt: int = 1
    pieces: int = 1
    parked: str = ""
    cut: str = ""
    max_unpacked_bytes: int = DEFAULT_UNPACKED_BYTES
    max_message_rows: int = DEFAULT_MESSAGE_ROWS

    def encode(self) -> str:
        """The metadata string."""
        said = {
            "topic": self.topic,
            "schema": self.schema,
            "next": self.next,
            "attempt": self.attempt if self.next is not None else None,
            "pieces": self.pieces if self.next is not None and self.pieces > 1 else None,
            "parked": _shortened(self.parked) or None,
            "cut": self.cut or None,
            "max_unpacked_bytes": _unless(DEFAULT_UNPACKED_BYTES, self.max_unpacked_bytes),
            "max_message_rows": _unless(DEFAULT_MESSAGE_ROWS, self.max_message_rows),
        }
        return encoded({name: value for name, value in said.items() if value is not None})

    def retry(self, *, pieces: int | None = None) -> Intent:
        """The intent of the next attempt at the same range."""
        return replace(self, attempt=self.attempt + 1, pieces=pieces or self.pieces)


def _unless(default: int, value: int) -> int | None:
    return None if value == default else value


def _shortened(reason: str) -> str:
    """The reason, or as much of its beginning as there is room for, with "…" after it."""
    if len(json.dumps(reason)) <= _REASON_BYTES:
        return reason
    kept = reason[:_REASON_BYTES]
    while len(json.dumps(kept)) > _REASON_BYTES - 8:
        kept = kept[: len(kept) * 3 // 4]
    return f"{kept}…"


def decode(metadata: str, where: str) -> Intent:
    """The intent in a commit's metadata. Raises OffsetRefused when it is not one of ours, or of a newer version (R7).

    Fields that are not known are passed over: a version whose intents must be understood gets another format number.
    """
    return decoded(
        metadata,
        where,
        lambda said: Intent(**{name: value for name, value in said.items() if name in _FIELDS}),
        at_stake="rows",
        todo="Stop all sinks, then: python -m consumer adopt",
    )


_FIELDS = {field.name for field in fields(Intent)}
