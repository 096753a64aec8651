"""Sends the dead letters of insertions; one that Kafka has is not sent again, however often its feed is tried again."""

from __future__ import annotations

import logging
from typing import Protocol

from common.model.record import Partition, Record
from common.model.stream import Feed
from consumer.sink.batch import DeadLetter
from consumer.sink.insertion import Acknowledgement, Insertion

log = logging.getLogger(__name__)


class LetterBox(Protocol):
    """What is needed of `common.kafka_io.dead_letters.DeadLetters`."""

    def send(
        self, record: Record, source: Partition, topic_id: str, reason: str, dead_topic: str
    ) -> Acknowledgement:
        """Send one dead letter."""


class Letters:
    """Remembers which letters are under way until `forget` or `forget_all`."""

    def __init__(self, box: LetterBox) -> None:
        self._box = box
        self._sent: dict[tuple[str, int, int], Acknowledgement] = {}

    def send(self, feed: Feed, insertion: Insertion) -> None:
        """Send those of an insertion that has none under way yet; all or none. Raises KafkaUnavailable."""
        dead = insertion.batch.dead
        if not dead or insertion.letters:
            return
        insertion.letters = [self._letter(feed, insertion, letter) for letter in dead]
        log.warning(
            "messages go to the dead-letter topic",
            extra={
                "topic": feed.dead_topic,
                "messages": len(dead),
                "partition": str(insertion.partition),
                "first_offset": dead[0].record.offset,
                "first_reason": str(dead[0].reason),
            },
        )

    def _letter(self, feed: Feed, insertion: Insertion, dead: DeadLetter) -> Acknowledgement:
        address = _address(insertion, dead)
        letter = self._sent.get(address)
        if letter is None or not letter.is_acknowledged:
            letter = self._box.send(
                dead.record, insertion.partition, insertion.intent.topic, str(dead.reason), feed.dead_topic
            )
            self._sent[address] = letter
        return letter

    def forget(self, insertion: Insertion) -> None:
        """The committed offset has passed it."""
        for dead in insertion.batch.dead:
            self._sent.pop(_address(insertion, dead), None)

    def forget_all(self) -> None:
        """Everything is read again."""
        self._sent.clear()


def _address(insertion: Insertion, dead: DeadLetter) -> tuple[str, int, int]:
    return insertion.intent.topic, insertion.partition.partition, dead.record.offset
