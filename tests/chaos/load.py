"""The producers: idempotent, patient, at a steady rate, each in a thread; the ledger learns every acknowledgement."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from common.kafka_io.connection import connect, producer_options
from common.settings.parts import KafkaSettings
from infra.local.waiting import wait_until
from tests.chaos import messages, wire
from tests.chaos.ledger import Entry, Ledger
from tests.chaos.messages import Draw, Message, Numbers

log = logging.getLogger(__name__)

TICK_S = 0.05
PATIENCE_S = 300.0
ANSWERS_DEADLINE_S = 30.0
FIRST_NUMBER = 1_000_001
MOST_UNDER_WAY = 5_000
"""What may wait for brokers: about 30 s of load; then it waits itself."""


class Producer:
    """Sends walks at a rate until it is stopped, and what a fault asks for in between."""

    def __init__(
        self,
        kafka: KafkaSettings,
        topic: str,
        ledger: Ledger,
        rng: random.Random,
        numbers: Numbers,
        rows_per_s: float,
    ) -> None:
        self._kafka, self._topic, self._ledger = kafka, topic, ledger
        self._rng, self._numbers, self._rows_per_s = rng, numbers, rows_per_s
        self._client = self._connect()
        self._known = 1
        self._lock = threading.RLock()
        self._broken = threading.Event()
        self._stop = threading.Event()
        self.error: BaseException | None = None
        self.replaced = 0
        self._thread = threading.Thread(target=self._run, name="producer", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self, timeout_s: float = PATIENCE_S) -> None:
        """Send no more, and wait until all that was sent has its answer."""
        self._stop.set()
        self._thread.join(timeout_s)
        self._client.close(timeout=timeout_s)

    def abandon(self) -> None:
        """Send no more, and do not care what becomes of what was sent."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)
        try:
            self._client.close(timeout=1)
        except KafkaError as error:
            log.debug("a producer was abandoned with messages under way: %r", error)

    def send_bad(self, partition: int, count: int, draw: Draw = messages.bad) -> int:
        """So many bad messages in a row, a good one before and after them; how many were handed over."""
        now_ms = round(time.time() * 1000)
        with self._lock:
            middle = [draw(self._rng, self._numbers, now_ms) for _ in range(count)]
            partition %= self._partitions()  # it may not know of a new one yet
            sent = [
                self._send(partition, message)
                for message in (
                    messages.good(self._numbers, now_ms),
                    *middle,
                    messages.good(self._numbers, now_ms),
                )
            ]
        return sum(sent)

    def send_batch(self, partition: int, count: int, draw: Draw, packed: int = wire.NONE) -> None:
        """So many messages in one record batch, packed with that codec, past the client's own batches."""
        now_ms = round(time.time() * 1000)
        with self._lock:
            at = TopicPartition(self._topic, partition % self._partitions())
            drawn = [draw(self._rng, self._numbers, now_ms) for _ in range(count)]
            for _ in drawn:
                self._ledger.hand_over(at.partition)
            wire.send(self._client, at, wire.batch(drawn, now_ms, packed), partial(self._answered, at, drawn))

    @contextmanager
    def silence(self) -> Iterator[None]:
        """It sends nothing of its own while the block runs."""
        with self._lock:
            yield

    def _run(self) -> None:
        try:
            rows = 0.0
            while not self._stop.wait(TICK_S):
                rows = min(rows + self._rows_per_s * TICK_S, self._rows_per_s)
                while rows > 0 and self._ledger.waiting < MOST_UNDER_WAY and not self._stop.is_set():
                    rows -= self._send_one()
                if self._broken.is_set():
                    self._replace()
        except BaseException as error:
            self.error = error
            log.exception("a producer ended")

    def _send_one(self) -> int:
        with self._lock:
            message = messages.drawn(self._rng, self._numbers, round(time.time() * 1000))
            self._send(self._rng.randrange(self._partitions()), message)
        return max(message.rows, 1)

    def _partitions(self) -> int:
        """How many the topic has, as far as this client knows."""
        try:
            self._known = len(self._client.partitions_for(self._topic))
        except KafkaError as error:
            log.debug("no metadata now: %r", error)
        return self._known

    def _send(self, partition: int, message: Message) -> bool:
        """Hand it over; False when the client did not take it, which makes it a message that never was."""
        self._ledger.hand_over(partition)
        try:
            future = self._client.send(self._topic, key=message.key, value=message.value, partition=partition)
        except KafkaError as error:  # no room, no metadata
            log.warning("a message was not taken: %r", error)
            self._ledger.give_up(partition, message.rows, message.mark)
            return False
        future.add_callback(lambda at: self._acknowledged(message, at.partition, at.offset))
        future.add_errback(partial(self._failed, partition, message))
        return True

    def _answered(
        self, at: TopicPartition, batch: list[Message], offset: int, error: Exception | None
    ) -> None:
        for index, message in enumerate(batch):
            if error is None:
                self._acknowledged(message, at.partition, offset + index)
            else:
                self._failed(at.partition, message, error)

    def _acknowledged(self, message: Message, partition: int, offset: int) -> None:
        self._ledger.acknowledge(Entry(partition, offset, message.rows, message.mark))

    def _failed(self, partition: int, message: Message, error: BaseException) -> None:
        log.warning("a message ended without an acknowledgement: %r", error)
        self._ledger.give_up(partition, message.rows, message.mark)
        self._broken.set()

    def _replace(self) -> None:
        """An idempotent client that lost a message may refuse all others: a new one has a new id."""
        with self._lock:
            self._client.close(timeout=PATIENCE_S)
            self._broken.clear()
            self._client = self._connect()
            self.replaced += 1

    def _connect(self) -> KafkaProducer:
        options = producer_options(self._kafka) | {
            "linger_ms": 5,
            "delivery_timeout_ms": round(PATIENCE_S * 1000),
            "max_block_ms": 30_000,
        }
        return connect(KafkaProducer, options, timeout_s=60, now_s=time.monotonic, sleep=time.sleep)


class Load:
    """Several producers side by side."""

    def __init__(
        self,
        kafka: KafkaSettings,
        topic: str,
        ledger: Ledger,
        *,
        seed: int,
        producers: int,
        rows_per_s: float,
    ) -> None:
        self._ledger = ledger
        self.producers = [
            Producer(
                kafka,
                topic,
                ledger,
                random.Random(f"{seed}/{index}"),
                Numbers(FIRST_NUMBER + index, producers),
                rows_per_s / producers,
            )
            for index in range(producers)
        ]

    def start(self) -> None:
        """Begin."""
        for producer in self.producers:
            producer.start()

    def send_flood(self, partition: int, count: int) -> int:
        """So many bad messages in a row and no other message among them, as `Producer.send_bad`.

        Raises TimeoutError when the brokers do not answer.
        """
        with ExitStack() as silent:
            for producer in self.producers:
                silent.enter_context(producer.silence())
            self._await_answers()
            sent = self.producers[0].send_bad(partition, count)
            self._await_answers()
        return sent

    def _await_answers(self) -> None:
        if not wait_until(lambda: self._ledger.waiting == 0, ANSWERS_DEADLINE_S):
            raise TimeoutError(
                f"{self._ledger.waiting} messages have no answer within {ANSWERS_DEADLINE_S:g} s"
            )

    def stop(self) -> None:
        """End; returns when every message has its answer, or its time was up."""
        for producer in self.producers:
            producer.stop()

    def abandon(self) -> None:
        """End at once, after a failure."""
        for producer in self.producers:
            producer.abandon()

    def error(self) -> BaseException | None:
        """What ended a producer, if anything did."""
        return next((producer.error for producer in self.producers if producer.error), None)
