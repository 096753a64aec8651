"""Foreign producers of a topic: record batches of five codecs, keys and headers of any kind, old times."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from kafka import KafkaProducer, TopicPartition

from common.model.stream import Feed
from tests.chaos import wire
from tests.support.foreign.traffic import SPOILT, Bad, Row, Sent, json_of

BAD_EVERY = 400
MOST_A_BATCH = 300
KEYS = (None, b"\xff\x00", b"k", b"")
HEADERS: Sequence[Sequence[tuple[bytes, bytes | None]]] = (
    (),
    ((b"trace", b"\x00\xff"),),
    ((b"a", b"1"), (b"a", None), (b"", b"")),
)
HALF_A_DAY_MS = 12 * 3_600_000


class Message(NamedTuple):
    """What a record holds."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[bytes, bytes | None]]


class Producers:
    """What they have sent: the rows that each table is to have, bad messages and what must be said of them."""

    def __init__(
        self, servers: str, feed: Feed, make: Callable[[random.Random, int], Sent], bad: Sequence[Bad]
    ) -> None:
        self.feed, self.make, self.rng = feed, make, random.Random(5)
        self.wanted: list[list[Row]] = [[] for _ in feed.tables]
        self.bad: list[tuple[Message, str]] = []
        self._numbers = itertools.count()
        self._options = {"bootstrap_servers": servers, "retry_backoff_ms": 10, "metrics_enabled": False}
        self._producer = KafkaProducer(**self._options)
        self._troubles: Iterator[Bad | tuple[bytes | None, str]] = itertools.cycle([*bad, *SPOILT.items()])
        self._codecs = itertools.cycle(wire.PACKERS)
        self._partitions = itertools.cycle(sorted(self._producer.partitions_for(feed.topic)))
        self._at_ms = round(time.time() * 1000) - HALF_A_DAY_MS

    def send(self, count: int) -> None:
        """So many messages, some of them arrays, some bad; wait until they are acknowledged."""
        failed: list[Exception] = []
        under_way = 0

        def answered(offset: int, error: Exception | None) -> None:
            nonlocal under_way
            under_way -= 1
            failed.extend([error] if error is not None else [])

        messages = [self._message(n) for n in range(count)]
        while messages:
            size = self.rng.randint(1, MOST_A_BATCH)
            sealed = wire.batch(messages[:size], self._at_ms, next(self._codecs))
            messages = messages[size:]
            under_way += 1
            self._at_ms += 1
            wire.send(
                self._producer, TopicPartition(self.feed.topic, next(self._partitions)), sealed, answered
            )
        self._producer.flush(30)
        assert (failed, under_way) == ([], 0)

    def send_in_transactions(self) -> None:
        """Messages that count, and between them others that never do, each lot in a transaction of its own."""
        producer = KafkaProducer(**self._options, transactional_id=self.feed.topic)
        producer.init_transactions()
        for commit in (True, False, True, False):
            made = [self._next() for _ in range(50)]
            producer.begin_transaction()
            for each in made:
                producer.send(self.feed.topic, json_of(each.event))
            producer.flush(timeout=10)
            producer.commit_transaction() if commit else producer.abort_transaction()
            if commit:
                self._note(made)
        producer.close()

    def close(self) -> None:
        """Close the client."""
        self._producer.close()

    def _next(self) -> Sent:
        return self.make(self.rng, next(self._numbers))

    def _note(self, made: Sequence[Sent]) -> None:
        for each in made:
            for table, rows in zip(self.wanted, each.rows, strict=True):
                table.extend(rows)

    def _message(self, n: int) -> Message:
        if n % BAD_EVERY == BAD_EVERY // 2:
            return self._bad_message(n)
        made = [self._next() for _ in range(3 if n % 50 == 0 else 1)]
        self._note(made)
        return self._with_value(n, json_of([each.event for each in made] if len(made) > 1 else made[0].event))

    def _bad_message(self, n: int) -> Message:
        changes, says = next(self._troubles)
        value: Any = json_of(self._next().event | changes) if isinstance(changes, dict) else changes
        message = self._with_value(n, value)
        self.bad.append((message, says))
        return message

    def _with_value(self, n: int, value: bytes | None) -> Message:
        return Message(KEYS[n % len(KEYS)], value, HEADERS[n % len(HEADERS)])
