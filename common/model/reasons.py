"""Why no row can be made of a message: a kind from a fixed list, and the place. Never a value of the message. Pure."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What is wrong with a message; the value is the label of a metric and the start of the reason."""

    TOMBSTONE = "tombstone"
    EMPTY = "empty"
    NOT_UTF8 = "not UTF-8"
    NOT_JSON = "not JSON"
    TOO_DEEP = "nested too deeply"
    EMPTY_ARRAY = "empty array"
    MISSING_FIELD = "missing field"
    UNKNOWN_FIELD = "unknown field"
    WRONG_TYPE = "wrong type"
    OUT_OF_RANGE = "out of range"
    NOT_ALLOWED = "not an allowed value"
    REFUSED = "refused by the event type"
    STREAM_FAILED = "stream code failed"
    NOT_ENCODABLE = "cannot be encoded"
    TOO_LARGE = "too large"


class Reason(NamedTuple):
    """A kind, and what more may be told: a place, a type, a limit. As text: `kind: detail`."""

    kind: Kind
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.detail}" if self.detail else self.kind.value
