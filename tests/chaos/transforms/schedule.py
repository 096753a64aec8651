"""What happens to transforms when, drawn from a seed: storms without end, each with its number of workers. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Set

from tests.chaos.schedule import SESSION_S, Bag, Kind, Round, Strike, told
from tests.support.kafka_frames import Api

STORM_S = 90.0
WORKERS = ((0.0, 1), (20.0, 3), (60.0, 2))
"""Seconds since a storm began, and how many transforms there are from then on."""
MOST_SINKS = 2
REQUESTS = {
    "EndTxn": Api.END_TXN,
    "TxnOffsetCommit": Api.TXN_OFFSET_COMMIT,
    "AddPartitionsToTxn": Api.ADD_PARTITIONS_TO_TXN,
    "AddOffsetsToTxn": Api.ADD_OFFSETS_TO_TXN,
    "Produce": Api.PRODUCE,
}
TRANSACTIONAL = (
    Kind("killed-before-EndTxn", "workers", 0.0, 3.0),
    Kind("killed-after-EndTxn", "workers"),
    Kind("frozen-past-session", "workers", SESSION_S + 2, SESSION_S + 5),
    Kind("txn-coordinator-killed", "brokers", 3.0, 6.0),
    Kind("txn-leader-killed", "brokers", 3.0, 6.0),
    *(Kind(f"{request}-held", "held", 0.2, 7.0) for request in REQUESTS),
    *(Kind(f"{request}-swallowed", "unheard") for request in REQUESTS),
    *(Kind(f"{request}-stalled", "unheard", 0.0, 9.0) for request in REQUESTS),
)
"""Each pinned to a transaction that is open."""
KINDS = (
    *TRANSACTIONAL,
    Kind("sink-killed", "sinks", weight=2),
    Kind("sink-frozen", "sinks", 0.5, SESSION_S - 2),
)
BY_NAME = {kind.name: kind for kind in KINDS}
GAPS_S = {
    "workers": (0.5, 3.0),
    "brokers": (1.0, 4.0),
    "held": (0.5, 2.0),
    "unheard": (1.0, 3.0),
    "sinks": (5.0, 12.0),
}
"""Between the end of a fault and the next one of its lane."""
LANES = tuple(GAPS_S)


def listed() -> str:
    """The faults that there are, lane by lane, for people."""
    return "\n".join(told(lane, [kind.name for kind in KINDS if kind.lane == lane]) for lane in LANES)


def rounds(seed: int, without: Set[str] = frozenset()) -> Iterator[Round]:
    """The storms of a seed, without these kinds of fault. A longer run begins with those of a shorter one."""
    rng = random.Random(f"{seed}/transforms")
    kinds = [kind for kind in KINDS if kind.name not in without]
    bags = {
        lane: Bag(rng, [kind for kind in kinds if kind.lane == lane for _ in range(kind.weight)])
        for lane in LANES
        if any(kind.lane == lane for kind in kinds)
    }
    number = 0
    while True:
        number += 1
        strikes = [strike for lane, bag in bags.items() for strike in _lane(rng, lane, bag)]
        yield Round(number, rng.randint(1, MOST_SINKS), tuple(strikes), is_storm=True)


def workers(at_s: float) -> int:
    """How many transforms there are so long after a storm began: 1, 3, 2."""
    return next(count for from_s, count in reversed(WORKERS) if at_s >= from_s)


def lanes(round_: Round) -> list[list[Strike]]:
    """The strikes of each lane that has any."""
    found = ([strike for strike in round_.strikes if strike.kind.lane == lane] for lane in LANES)
    return [lane for lane in found if lane]


def _lane(rng: random.Random, lane: str, bag: Bag) -> Iterator[Strike]:
    at_s = rng.uniform(0.0, GAPS_S[lane][1])
    while at_s < STORM_S:
        kind = bag.draw()
        lasts_s = round(rng.uniform(kind.least_s, kind.most_s), 2)
        yield Strike(round(at_s, 2), kind, lasts_s, rng.random())
        at_s += lasts_s + rng.uniform(*GAPS_S[lane])
