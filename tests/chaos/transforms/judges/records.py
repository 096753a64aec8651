"""What judges are given: the messages that were acknowledged, records of topics, and dead letters. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from tests.chaos.transforms.ledger import Entry
from tests.chaos.transforms.messages import Sort, checksum

At = tuple[int, int]


class Record(NamedTuple):
    """A record as a stock consumer of committed data sees it."""

    partition: int
    offset: int
    timestamp_ms: int
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Input(NamedTuple):
    """A message that is in its topic, and what must become of it."""

    at: At
    timestamp_ms: int
    value: bytes | None
    sort: Sort

    @property
    def events(self) -> list[dict[str, Any]]:
        """Of a good message."""
        found = json.loads(self.value or b"")
        return found if isinstance(found, list) else [found]


def inputs_of(
    topic: str, records: Iterable[Record], entries: Sequence[Entry], unknown: Sequence[Entry]
) -> tuple[list[Input], list[str]]:
    """Every message that is there; findings where that is not what was acknowledged."""
    told = {(entry.partition, entry.offset): entry for entry in entries}
    may_be = {(entry.partition, entry.mark): entry for entry in unknown}
    inputs, findings = [], []
    if len(told) != len(entries):
        findings.append(f"{topic}: {len(entries) - len(told)} addresses were acknowledged twice")
    for record in records:
        at, mark = (record.partition, record.offset), checksum(record.value)
        entry = told.pop(at, None) or may_be.get((record.partition, mark))
        if entry is None or entry.mark != mark:
            findings.append(f"{topic}/{at[0]} offset {at[1]}: not what was sent")
            continue
        inputs.append(Input(at, record.timestamp_ms, record.value, entry.sort))
    findings += [f"{topic}/{at[0]} offset {at[1]}: acknowledged, and not in the topic" for at in sorted(told)]
    return inputs, findings


class Made(NamedTuple):
    """An output, and the message that it says it was made from: partition, offset, which of its outputs."""

    source: tuple[int, int, int]
    record: Record


def made_of(records: Iterable[Record]) -> Iterator[Made]:
    """The outputs of a transform; the last four of the sixteen hex digits are the partition's number."""
    for record in records:
        name, offset, index = (dict(record.headers)["penstock-source"] or b"").split(b":")
        yield Made((int(name[12:], 16), int(offset), int(index)), record)


def judge_letters(
    topic: str, inputs: Iterable[Input], letters: Iterable[Record], *, least: int, most: int | None
) -> list[str]:
    """Each bad message has from `least` to `most` letters with its very value, no other message has any.

    An unstorable one has at least one. `most` None: as many as there are.
    """
    bad = {each.at: each for each in inputs if each.sort is not Sort.GOOD}
    found: Counter[At] = Counter()
    findings = []
    for letter in letters:
        said = dict(letter.headers)
        at = int(said["penstock-partition"] or b""), int(said["penstock-offset"] or b"")
        found[at] += 1
        if at not in bad:
            findings.append(f"{topic}/{at[0]} offset {at[1]}: a dead letter of a good message")
        elif letter.value != bad[at].value:
            findings.append(f"{topic}/{at[0]} offset {at[1]}: its dead letter is not the message")
    for at, each in bad.items():
        wanted = least if each.sort is Sort.BAD else 1
        if found[at] < wanted:
            findings.append(f"{topic}/{at[0]} offset {at[1]}: {found[at]} dead letters, {wanted} are wanted")
        if most is not None and found[at] > most:
            findings.append(f"{topic}/{at[0]} offset {at[1]}: {found[at]} dead letters, repeated")
    return findings


def differences(name: str, wanted: Counter[Any], found: Counter[Any]) -> list[str]:
    """What is missing in a table, and what is too much."""
    missing, too_much = wanted - found, found - wanted
    findings = [f"{name}: missing {count} × {row}" for row, count in missing.items()]
    return findings + [f"{name}: {count} too many of {row}" for row, count in too_much.items()]
