"""`python -m consumer letters`: which messages are dead, why, where they stood, and what they are."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from common.errors import SettingError
from common.kafka_io.letter_box import LetterBox
from common.kafka_io.letter_counts import LetterCounts, Tally
from common.kafka_io.letter_topics import LetterTopics, connected
from common.model.letters import Letter
from common.model.letters_as_json import letter_json
from common.model.record import dead_name
from common.model.stream import Stream
from common.process.clock import Clock
from common.settings.config import Settings
from consumer.audit.connection import silence_clients
from consumer.commands.letters_report import (
    At,
    counts_json,
    newest_json,
    no_such_topic,
    show_counts,
    show_letter,
    show_newest,
)

MOST_LAST = 10_000
PAGE = 500
STEP_S = 1.0
MEANING = """
A dead letter is a message that no row, or no output of a transform, can be made of. It lies in <topic>.dead as it came,
with headers that say why, where its message stood, and who refused it. Without an option letters are counted, all of
them, by topic and by the kind of their reason. A letter that was sent twice counts twice here; audit counts messages.
"others" are reasons of no kind that this version knows, and records that somebody else wrote there.

--last lists the newest of all topics, the newest last: address in the dead-letter topic, time, reason, who refused it
("sink", or the transform), where its message stood, and what that takes. --show prints one letter, whole: key and value
as text where they are UTF-8 that prints, else in hex, of each the first 4 KiB. --raw writes the value to stdout, byte
for byte, and nothing else. All of it is read as committed data and without a consumer group.

What to do: mend the producer, or the stream, and send the messages again in a form that is good. Letters stay where
they are, for ever; the audit counts their messages as dead.

--json is one object: {"topics": [{"topic", "dead_topic", "letters", "reasons": [{"reason", "letters"}]}]}, letters null
of a topic that does not exist; with --last {"letters": [{"dead_topic", "offset", "time", "reason", …}]}; with --show
the letter, key, value and headers as {"text" (null if it does not print), "hex", "bytes" (in all), "cut"}.

Exit code 0: shown, also when there are dead letters; 1: no broker answers, a right or the topic is missing, or --raw of
a letter without a value; 2: no such stream, dead-letter topic or letter.

examples:
  python -m consumer letters
  python -m consumer letters sensors --last 5
  python -m consumer letters --show temperature.dead 17
  python -m consumer letters --show temperature.dead 17 --raw > message
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """--last or --show, --raw or --json."""
    parser.epilog, parser.formatter_class = MEANING, argparse.RawDescriptionHelpFormatter
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--last", metavar="N", type=_count, help=f"list the newest N letters, 1 to {MOST_LAST:,}"
    )
    what.add_argument(
        "--show", metavar=("DEAD_TOPIC", "OFFSET"), nargs=2, help="one letter, with its headers and bytes"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--raw", action="store_true", help="with --show: the value's bytes and nothing else")
    how.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else there")


def run(settings: Settings, streams: list[Stream], chosen: argparse.Namespace, clock: Clock) -> int:
    """Count, list, or show one. Raises SettingError for what is not there, KafkaUnavailable, KafkaRefused."""
    dead_topics = {dead_name(topic): topic for stream in streams for topic in stream.read_topics}
    if chosen.raw and not chosen.show:
        raise SettingError("--raw needs --show DEAD_TOPIC OFFSET: of which letter?")
    wanted = _wanted(chosen.show, dead_topics) if chosen.show else None
    silence_clients()
    with connected(settings.kafka, clock) as topics:
        box = LetterBox(topics, patience_s=settings.kafka.connect_timeout_s, now_s=clock.now_s)
        if wanted is not None:
            return _show(box, *wanted, chosen)
        if chosen.last is not None:
            return _list(topics, box, list(dead_topics), chosen)
        counts = LetterCounts(
            topics, list(dead_topics), patience_s=settings.kafka.connect_timeout_s, now_s=clock.now_s
        )
        tallies = _counted(counts)
    if chosen.json:
        _print(counts_json(dead_topics, tallies))
    else:
        show_counts(streams, tallies, sys.stdout)
    return 0


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_LAST):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {MOST_LAST:,}")
    return int(text)


def _wanted(show: Sequence[str], dead_topics: dict[str, str]) -> tuple[str, int]:
    topic, offset = show
    if topic not in dead_topics:
        raise SettingError(
            f"no stream has the dead-letter topic {topic}; there are: {', '.join(dead_topics)}"
        )
    if not (offset.isascii() and offset.isdigit() and int(offset) < 2**63):
        raise SettingError(f"--show {topic} {offset}: the second is an offset, a number from 0 on")
    return topic, int(offset)


def _counted(counts: LetterCounts) -> dict[str, Tally]:
    """Count to the end, and tell a person who waits how far it is."""
    while not counts.has_caught_up:
        counts.advance(STEP_S)
        if sys.stderr.isatty():
            so_far = sum(tally.letters for tally in counts.tallies.values())
            is_over = counts.has_caught_up
            sys.stderr.write("\r\033[K" + f"{so_far:,} letters so far" * (not is_over))
            sys.stderr.flush()
    return counts.tallies


def _list(topics: LetterTopics, box: LetterBox, dead_topics: list[str], chosen: argparse.Namespace) -> int:
    existing = topics.layouts(dead_topics)
    found = [At(topic, letter) for topic in existing for letter in _newest(box, topic, chosen.last)]
    found.sort(key=lambda at: (at.letter.time_ms, at.letter.offset))
    found = found[-chosen.last :]
    missing = [topic for topic in dead_topics if topic not in existing]
    if chosen.json:
        _print(newest_json(found))
    else:
        show_newest(found, sys.stdout)
    for topic in missing:
        (sys.stderr if chosen.json else sys.stdout).write(no_such_topic(topic))
    return 0


def _newest(box: LetterBox, dead_topic: str, count: int) -> list[Letter]:
    page = box.page(dead_topic, None, min(count, PAGE))
    letters = page.letters
    while page.before is not None and len(letters) < count:
        page = box.page(dead_topic, page.before, min(count - len(letters), PAGE))
        letters += page.letters
    return letters


def _show(box: LetterBox, dead_topic: str, offset: int, chosen: argparse.Namespace) -> int:
    letter = box.letter(dead_topic, offset)
    if letter is None:
        raise SettingError(
            f"{dead_topic} holds no letter at offset {offset}: python -m consumer letters --last 10 lists the newest"
        )
    if chosen.raw:
        return _write_raw(dead_topic, letter)
    if chosen.json:
        _print({"dead_topic": dead_topic} | letter_json(letter))
    else:
        show_letter(At(dead_topic, letter), sys.stdout)
    return 0


def _write_raw(dead_topic: str, letter: Letter) -> int:
    if letter.value is None:
        why = letter.note or letter.reason
        sys.stderr.write(f"{dead_topic} offset {letter.offset}: the letter has no value: {why}\n")
        return 1
    sys.stdout.flush()
    sys.stdout.buffer.write(letter.value)
    sys.stdout.buffer.flush()
    return 0


def _print(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
