"""Sinks that come and go all the time, a long way from their brokers."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.latency import BrokersFarAway
from tests.support.proof import Proof
from tests.support.sink_process import SinkProcess

SEED = "SCALING_SEED"
LASTS_S = 85.0
NEAREST_S, FARTHEST_S = 0.02, 0.3
MOST_SINKS = 3
# From one change to the next, or from the moment at which the group has settled.
SHORTEST_S, LONGEST_S = 0.2, 3.0
SETTLES, SETTLE_DEADLINE_S = 0.7, 12.0
# The oldest mostly stays: only who has owned some partitions, all, and then the others can remember too much. One that
# was killed holds the others up until its session has ended.
OLDEST_LEAVES, KILLED = 0.1, 0.2
ENDED = (0, -signal.SIGTERM)  # the second: asked before it could listen
PATIENT = {"KAFKA_REQUEST_TIMEOUT_S": "4", "KAFKA_SESSION_TIMEOUT_S": "6", "KAFKA_CONNECT_TIMEOUT_S": "60"}

REPEATED = """
SELECT _tp % 65536 AS partition, min(_off), max(_off), count() AS messages
FROM (SELECT _tp, _off FROM {table} GROUP BY _tp, _off HAVING count() > uniqExact(_row))
GROUP BY partition ORDER BY partition
"""


class Fleet:
    """Sinks with random names, one to three of them, as a seed has it."""

    def __init__(self, proof: Proof, rng: random.Random) -> None:
        self._proof, self._rng = proof, rng
        self.working: list[SinkProcess] = []
        self.asked_to_stop: list[SinkProcess] = []
        self.changes = 0
        self.settled = 0

    def change(self) -> None:
        """Another number of them: more start, or some are stopped, with and without a word."""
        wanted = self._rng.choice(
            [number for number in range(1, MOST_SINKS + 1) if number != len(self.working)]
        )
        while len(self.working) < wanted:
            self.working.append(self._proof.start_sink(INSTANCE=f"sink-{self._rng.getrandbits(32):08x}"))
        while len(self.working) > wanted:
            leaving = self.working.pop(0 if self._rng.random() < OLDEST_LEAVES else -1)
            if self._rng.random() < KILLED:
                leaving.kill()
            else:
                leaving.ask_to_stop()
                self.asked_to_stop.append(leaving)
        self.changes += 1

    def come_and_go(self, lasts_s: float) -> None:
        """Change at random moments, for so long."""
        ends_s = time.monotonic() + lasts_s
        pause = threading.Event()
        while time.monotonic() < ends_s:
            self.change()
            if self._rng.random() < SETTLES:
                self.settled += wait_until(self.is_settled, SETTLE_DEADLINE_S)
            pause.wait(self._rng.uniform(SHORTEST_S, LONGEST_S))

    def is_settled(self) -> bool:
        """Whether each has partitions; true a little early, when one has left."""
        return all(sink.has_said("assigned") for sink in self.working)


@pytest.fixture
def seed() -> int:
    seed = int(os.environ.get(SEED) or random.SystemRandom().randrange(10**6))
    print(f"again, with the same changes at the same moments: {SEED}={seed}")  # shown when it fails
    return seed


@pytest.fixture
def far(stack: Stack, seed: int) -> Iterator[BrokersFarAway]:
    """Set up first, so that it outlives whoever connects to it."""
    with BrokersFarAway(stack, seed) as far:
        far.set_delay(NEAREST_S, FARTHEST_S)
        yield far


@pytest.mark.long
@pytest.mark.timeout(360)
def test_a_sink_that_is_scaled_away_and_back_repeats_nothing(far, seed, wide):
    wide.environment |= PATIENT | {"BOOTSTRAP_SERVERS": far.bootstrap_servers}
    fleet = Fleet(wide, random.Random(seed))
    with wide.load():
        fleet.come_and_go(LASTS_S)
    for sink in fleet.asked_to_stop:
        assert sink.wait(60) in ENDED, sink.log_text()
    for sink in fleet.working:
        assert sink.is_running, sink.log_text()
    wide.await_consumed(120)
    assert wide.query(REPEATED) == []  # says where, before the whole comparison says that
    wide.check()
    assert fleet.settled > 3
    assert far.delayed_chunks > 1000
