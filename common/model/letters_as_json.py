"""Dead letters as JSON has them: bytes as text where they are text and as hex, times in ISO 8601. Pure."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from common.model.letters import Letter

SHOWN_BYTES = 4096
"""Of a value that is longer, no more than the beginning is shown."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LINES = str.maketrans("", "", "\n\t")


class Shown(NamedTuple):
    """The beginning of some bytes as text, None if it is not UTF-8 that prints, and in hex; and how many there are.

    Line ends and tabs count as printing. `cut`: there are more bytes than are shown.
    """

    text: str | None
    hex: str
    bytes: int
    cut: bool


def shown(data: bytes, limit_bytes: int = SHOWN_BYTES) -> Shown:
    """The first `limit_bytes` of some bytes. A character that the limit cuts is left out of the text."""
    start = data[:limit_bytes]
    is_cut = len(data) > limit_bytes
    return Shown(_text(start, is_cut), start.hex(), len(data), is_cut)


def _text(start: bytes, is_cut: bool) -> str | None:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start, final=not is_cut)
    except UnicodeDecodeError:
        return None
    return text if text.replace("\r\n", "").translate(_LINES).isprintable() else None


def time_text(time_ms: int | None) -> str | None:
    """Milliseconds since 1970 as 2026-11-26T18:00:00.123Z; as a count of ms where the calendar has no such year."""
    if time_ms is None:
        return None
    try:
        at = EPOCH + timedelta(milliseconds=time_ms)
    except OverflowError:
        return f"{time_ms} ms since 1970"
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def brief_json(letter: Letter) -> dict[str, Any]:
    """What a list of letters has of each; "bytes" is what its message takes. Nothing of the message itself."""
    return {
        "offset": letter.offset,
        "time": time_text(letter.time_ms),
        "reason": letter.reason,
        "by": letter.by,
        "topic": letter.topic,
        "partition": letter.partition,
        "source_offset": letter.source_offset,
        "source_time": time_text(letter.source_time_ms),
        "bytes": letter.size_bytes,
    }


def letter_json(letter: Letter, limit_bytes: int = SHOWN_BYTES) -> dict[str, Any]:
    """All of a letter; of key, value and each header no more than `limit_bytes`."""
    return brief_json(letter) | {
        "topic_id": letter.topic_id,
        "note": letter.note,
        "key": _bytes_json(letter.key, limit_bytes),
        "value": _bytes_json(letter.value, limit_bytes),
        "headers": [
            {"name": name, "value": _bytes_json(value, limit_bytes)} for name, value in letter.headers
        ],
    }


def reasons_json(kinds: Mapping[str, int]) -> list[dict[str, Any]]:
    """How many letters there are of each kind of reason, the most first."""
    ordered = sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0]))
    return [{"reason": kind, "letters": letters} for kind, letters in ordered]


def _bytes_json(data: bytes | None, limit_bytes: int) -> dict[str, Any] | None:
    return None if data is None else shown(data, limit_bytes)._asdict()
