"""Sends the messages of all streams, each topic at its rate, until it is stopped; the ledger learns the answers."""

from __future__ import annotations

import logging
import random
import threading
import time
from functools import partial
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from common.kafka_io.connection import connect, producer_options
from common.settings.parts import KafkaSettings
from tests.chaos.transforms.ledger import Ledger
from tests.chaos.transforms.messages import Message, Source

log = logging.getLogger(__name__)

TICK_S = 0.05
PATIENCE_S = 300.0
MOST_UNDER_WAY = 5_000
PER_SECOND = {
    "dominate": ("ratings", 60.0),
    "temperature": ("sensors", 20.0),
    "humidity": ("sensors", 20.0),
    "pressure": ("sensors", 20.0),
    "visits": ("visits", 50.0),
    "metrics_raw": ("quotes", 3.0),
    "conjecture.data": ("collatz", 3.0),
}
"""Topic → its stream, and how many messages it gets in a second."""


class Load:
    """One thread and one idempotent, patient producer."""

    def __init__(self, kafka: KafkaSettings, ledger: Ledger, seed: int, partitions: int) -> None:
        self._ledger, self._partitions = ledger, partitions
        self._rng = random.Random(f"{seed}/load")
        streams = sorted({stream for stream, _ in PER_SECOND.values()})
        self._sources = {name: Source(name, random.Random(f"{seed}/{name}"), time.time) for name in streams}
        self._due = dict.fromkeys(PER_SECOND, 0.0)
        options: dict[str, Any] = producer_options(kafka) | {
            "linger_ms": 5,
            "delivery_timeout_ms": round(PATIENCE_S * 1000),
            "max_block_ms": 30_000,
        }
        self._client = connect(KafkaProducer, options, timeout_s=60, now_s=time.monotonic, sleep=time.sleep)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self.error: BaseException | None = None

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more, and wait until all that was sent has its answer."""
        self._stop.set()
        self._thread.join(PATIENCE_S)
        self._client.close(timeout=PATIENCE_S)

    def abandon(self) -> None:
        """Send no more, and do not care what becomes of what was sent."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)
        try:
            self._client.close(timeout=1)
        except KafkaError as error:
            log.debug("the producer was abandoned with messages under way: %r", error)

    def _run(self) -> None:
        try:
            while not self._stop.wait(TICK_S):
                if self._ledger.waiting < MOST_UNDER_WAY:
                    self._tick()
        except BaseException as error:
            self.error = error
            log.exception("the producer ended")

    def _tick(self) -> None:
        for topic, (stream, per_second) in PER_SECOND.items():
            self._due[topic] += per_second * TICK_S
            while self._due[topic] >= 1:
                self._due[topic] -= 1
                self._send(topic, self._sources[stream].draw(topic))

    def _send(self, topic: str, message: Message) -> None:
        partition = self._rng.randrange(self._partitions)
        self._ledger.hand_over()
        try:
            future = self._client.send(topic, value=message.value, key=b"any", partition=partition)
        except KafkaError as error:  # no room, no metadata
            log.warning("a message was not taken: %r", error)
            self._ledger.give_up(topic, partition, message)
            return
        future.add_callback(lambda at: self._ledger.acknowledge(topic, at.partition, at.offset, message))
        future.add_errback(partial(self._failed, topic, partition, message))

    def _failed(self, topic: str, partition: int, message: Message, error: BaseException) -> None:
        log.warning("a message ended without an acknowledgement: %r", error)
        self._ledger.give_up(topic, partition, message)
