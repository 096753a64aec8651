"""What becomes of the stream ratings, worked out by plain loops over what stock consumers of committed data see.

rated = Rated(stages)
rated.send(1_000)                 # good ones, with a bad one of each kind among them
with rated.load():                # the same all the time
    ...
rated.check()                     # each message made one output with the right values, or one dead letter
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.support.stages import Stages, sources

TICK_S = 0.05
BAD: list[bytes | None] = [
    b'{"rating": "15", "unique_id": "a text"}',
    b'{"rating": 15.5, "unique_id": "a fraction"}',
    b'{"rating": 0, "unique_id": "too low"}',
    b'{"rating": 101, "unique_id": "too high"}',
    b'{"rating": 15, "unique_id": ""}',
    b'{"rating": 15, "unique_id": null}',
    b'{"rating": 15}',
    b"{",
    b"\xff\xfe",
    b"",
    None,
]

Address = tuple[int, int]


class Letter(NamedTuple):
    """A dead letter: which message it is about, and its value."""

    at: Address
    value: bytes | None


class Rated:
    """Sends ratings, and compares them with what was made of them."""

    def __init__(self, stages: Stages) -> None:
        self.stages = stages
        self._rng = random.Random(1)
        self._sent = 0
        self._futures: list[Any] = []

    def send(self, messages: int) -> None:
        """Send so many, and wait until they are acknowledged."""
        self._hand_over(messages)
        self._await_acknowledged()

    def _hand_over(self, messages: int) -> None:
        producer, topic = self.stages.producer, self.stages.prefix + "dominate"
        for number in range(self._sent, self._sent + messages):
            kind = number % 97
            value = BAD[kind] if kind < len(BAD) else self._good(number)
            self._futures.append(producer.send(topic, key=b"any", value=value, partition=number % 3))
        self._sent += messages

    def _good(self, number: int) -> bytes:
        return b'{"rating": %d, "unique_id": "%d"}' % (self._rng.randint(1, 100), number)

    def _await_acknowledged(self) -> None:
        self.stages.producer.flush(timeout=60)
        for future in self._futures:
            future.get(timeout=1)
        self._futures.clear()

    @contextmanager
    def load(self, per_second: int = 400) -> Iterator[None]:
        """Send all the time; at the end all of it is acknowledged."""
        stop, failed = threading.Event(), []

        def work() -> None:
            try:
                while not stop.wait(TICK_S):
                    self._hand_over(round(per_second * TICK_S))
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(60)
        assert not failed, failed
        self._await_acknowledged()

    def await_outputs(self, number: int, timeout_s: float = 30.0) -> None:
        """Wait until so many more messages are done than now."""
        self.stages.await_read("dominate", self.stages.messages_read("dominate") + number, timeout_s)

    def check(self) -> None:
        """Each message that was sent made one output with the right values, or one dead letter."""
        self.stages.await_done("dominate")
        inputs = self.stages.read("dominate")
        outputs, letters = self.outputs(), self.letters()
        assert len(inputs) == self._sent
        assert len({record.at for record in letters}) == len(letters), "dead letters are repeated"
        dead = {letter.at: letter.value for letter in letters}
        for record in inputs:
            at, wanted = (record.partition, record.offset), wanted_of(record)
            if wanted is None:
                assert at not in outputs, record
                assert dead.pop(at) == record.value
            else:
                assert outputs.pop(at) == [wanted], record
        assert outputs == {}
        assert dead == {}

    def outputs(self) -> dict[Address, list[dict[str, Any]]]:
        """The message that they were made from → all outputs of it."""
        found: dict[Address, list[dict[str, Any]]] = {}
        records = self.stages.read("shadow")
        for record, (name, offset, index) in zip(records, sources(records), strict=True):
            assert index == 0
            found.setdefault((int(name[12:], 16), offset), []).append(json.loads(record.value))
        return found

    def letters(self) -> list[Letter]:
        """All dead letters."""
        found = []
        for record in self.stages.read("dominate.dead"):
            said = dict(record.headers)
            assert said["penstock-reason"]
            at = int(said["penstock-partition"]), int(said["penstock-offset"])
            found.append(Letter(at, record.value))
        return found


def wanted_of(record: Any) -> dict[str, Any] | None:
    """The output of a message, None if it is a bad one: as the task puts it, not as our code does."""
    try:
        said = json.loads(record.value)
        rating, name = said["rating"], said["unique_id"]
    except (ValueError, TypeError, KeyError):
        return None
    if type(rating) is not int or not 1 <= rating <= 100 or not isinstance(name, str) or not name:
        return None
    fits = {15: "ShaDow", 3: "Sha", 5: "Dow", 1: "Incompatible"}
    kind = next(fits[divisor] for divisor in fits if rating % divisor == 0)
    emitted = datetime.fromtimestamp(record.timestamp // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return {"type": kind, "unique_id": name, "emit_timestamp": emitted}
