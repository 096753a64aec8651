"""Prints dead letters: counts and lists as tables or JSON, one letter as lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TextIO

from common.kafka_io.letter_counts import Tally
from common.model.letters import Letter
from common.model.letters_as_json import brief_json, reasons_json, shown, time_text
from common.model.record import dead_name
from common.model.stream import Stream
from consumer.commands.table import cell, show

Tallies = Mapping[str, Tally]
"""Dead-letter topic → its counts; without those that do not exist."""

HEX_ROW = 16
NOBODY = "-"
UNKNOWN = "not known"


class At(NamedTuple):
    """A letter, and the dead-letter topic that it is in."""

    dead_topic: str
    letter: Letter


def no_such_topic(dead_topic: str) -> str:
    """A line that says so."""
    return f"{dead_topic}: there is no such topic. Create it: python -m common.topics\n"


def counts_json(dead_topics: Mapping[str, str], tallies: Tallies) -> dict[str, Any]:
    """{"topics": [{"topic", "dead_topic", "letters", "reasons"}]}; `dead_topics`: of which topic each one is."""
    topics: list[dict[str, Any]] = []
    for dead_topic, topic in dead_topics.items():
        tally = tallies.get(dead_topic)
        names = {"topic": topic, "dead_topic": dead_topic}
        known = {"letters": tally.letters, "reasons": reasons_json(tally.kinds)} if tally else None
        topics.append(names | (known or {"letters": None, "reasons": None}))
    return {"topics": topics}


def show_counts(streams: Iterable[Stream], tallies: Tallies, out: TextIO) -> None:
    """A table with a line for each kind of reason of each topic; then the topics that do not exist."""
    rows: list[list[str | int]] = []
    missing = []
    for stream in streams:
        for dead_topic in map(dead_name, stream.read_topics):
            if dead_topic not in tallies:
                missing.append(dead_topic)
                continue
            reasons = reasons_json(tallies[dead_topic].kinds) or [{"reason": NOBODY, "letters": 0}]
            rows += [[stream.name, dead_topic, each["reason"], each["letters"]] for each in reasons]
    show(["stream", "dead-letter topic", "reason", "letters"], rows, out)
    for dead_topic in missing:
        out.write(no_such_topic(dead_topic))


def newest_json(letters: Iterable[At]) -> dict[str, Any]:
    """{"letters": [{"dead_topic", "offset", "time", "reason", …}]}."""
    return {"letters": [{"dead_topic": at.dead_topic} | brief_json(at.letter) for at in letters]}


def show_newest(letters: Sequence[At], out: TextIO) -> None:
    """A table with a line for each."""
    if not letters:
        out.write("no dead letters\n")
        return
    rows: list[list[str | int]] = [
        [
            cell(at.dead_topic),
            str(at.letter.offset),
            time_text(at.letter.time_ms) or NOBODY,
            cell(at.letter.by or NOBODY),
            cell(_message(at.letter) or NOBODY),
            at.letter.size_bytes,
            cell(at.letter.reason),
        ]
        for at in letters
    ]
    show(["dead-letter topic", "offset", "time", "by", "message", "bytes", "reason"], rows, out)


def show_letter(at: At, out: TextIO) -> None:
    """All of a letter; of key, value and each header no more than its beginning."""
    letter = at.letter
    out.write(f"{at.dead_topic} offset {letter.offset}, of {time_text(letter.time_ms)}\n")
    message = _message(letter)
    told = {
        "reason": cell(letter.reason),
        "by": cell(letter.by or UNKNOWN),
        "message": f"{cell(message)}, of {time_text(letter.source_time_ms)}" if message else UNKNOWN,
        "topic id": cell(letter.topic_id or UNKNOWN),
        "note": cell(letter.note),
    }
    for name, text in told.items():
        if text:
            out.write(f"{name + ':':10}{text}\n")
    for name, data in [
        ("key", letter.key),
        *((f"header {cell(name)}", value) for name, value in letter.headers),
    ]:
        _write_bytes(name, data, out)
    _write_bytes("value", letter.value, out)


def _message(letter: Letter) -> str:
    """Where its message stood; empty if nobody knows."""
    return f"{letter.topic}/{letter.partition} offset {letter.source_offset}" if letter.topic else ""


def _write_bytes(name: str, data: bytes | None, out: TextIO) -> None:
    """A line that names some bytes and says how many there are; then they, indented if they are text."""
    if data is None:
        out.write(f"{name}: null\n")
        return
    seen = shown(data)
    limit = f", the first {len(seen.hex) // 2:,} of them" if seen.cut else ""
    out.write(
        f"{name}: {seen.bytes:,} byte{'s' * (seen.bytes != 1)}{limit}{'' if seen.text is not None else ', in hex'}\n"
    )
    lines = hex_dump(bytes.fromhex(seen.hex)) if seen.text is None else seen.text.splitlines()
    for line in lines:
        out.write(f"    {line}\n")


def hex_dump(data: bytes) -> Iterator[str]:
    """Lines of 16 bytes: where they begin, the bytes in hex, and those that are ASCII."""
    for start in range(0, len(data), HEX_ROW):
        row = data[start : start + HEX_ROW]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{start:08x}  {row.hex(' '):{3 * HEX_ROW - 1}}  {text}"
