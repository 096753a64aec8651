"""What happens when, drawn from a seed: rounds without end, the same ones for the same seed. Pure.

A solo round is one fault, whose pause can so be told; in a storm four or five lanes draw faults that overlap. A longer
run begins with the very rounds of a shorter one.
"""

from __future__ import annotations

import random
import textwrap
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace

SESSION_S = 6.0
STORM_S = 20.0
SOLOS_A_STORM = 2
MOST_SINKS = 4
GROW = "partitions-grown"
LINE = 118


@dataclass(frozen=True)
class Kind:
    """A fault: the lane it is drawn in, how long it lasts, and which rounds it is made for."""

    name: str
    lane: str
    least_s: float = 0.0
    most_s: float = 0.0
    weight: int = 1  # how often it is in a storm's bag
    solo_weight: int = 1
    ends_with_storm: bool = False  # or `least_s` after it began, if that is later


KINDS = (
    Kind("sink-killed", "sinks", weight=3, solo_weight=3),
    Kind("sinks-all-killed", "sinks"),
    Kind("sink-frozen-shortly", "sinks", 0.5, SESSION_S - 2, weight=2),
    Kind("sink-frozen-past-session", "sinks", SESSION_S + 2, SESSION_S + 6),
    Kind("sink-restarted", "sinks", weight=2),
    Kind("rebalance-storm", "sinks", 4.0, 6.0),
    Kind("broker-killed", "brokers", 6.0, 8.0, weight=3, solo_weight=3),
    Kind("broker-frozen", "brokers", 1.0, 8.0, weight=2),
    Kind("broker-restarted", "brokers", weight=2),
    Kind("coordinator-killed", "brokers", 6.0, 8.0),
    Kind("coordinator-frozen", "brokers", 2.0, 8.0),
    Kind("controller-killed", "brokers", 6.0, 8.0),
    Kind("controller-frozen", "brokers", 2.0, 8.0),
    Kind("two-brokers-killed", "brokers", 1.0, 4.0),
    Kind("two-brokers-frozen", "brokers", 1.0, 5.0),
    Kind("clickhouse-killed", "clickhouse", 0.0, 2.0, weight=2),
    Kind("clickhouse-frozen", "clickhouse", 0.5, 7.0, weight=2),
    Kind("clickhouse-restarted", "clickhouse"),
    Kind("clickhouse-disk-full", "clickhouse", 1.0, 4.0),
    Kind("cut-before-request", "network"),
    Kind("cut-in-request", "network", weight=2),
    Kind("cut-after-stored", "network", weight=2),
    Kind("answers-delayed", "network", 1.0, 2.0),
    Kind("trickle", "network", 1.0, 2.0),
    Kind("refused", "network", 0.5, 1.5),
    Kind("brokers-far", "distance", 3.0, STORM_S, ends_with_storm=True),
    Kind("bad-messages", "data", weight=3),
    Kind("bad-flood", "data", weight=2),
    Kind("undecodable-rows", "data", weight=2),
    Kind("odd-headers", "data", weight=3),
    Kind("bombs", "data", weight=2),
    Kind(
        "feed-parked", "data", weight=0
    ),  # alone: its producers are silent meanwhile, its sinks started anew
    Kind(GROW, "data", weight=0),
)
BY_NAME = {kind.name: kind for kind in KINDS}
LANES = tuple(dict.fromkeys(kind.lane for kind in KINDS))
MAY_BE_ABSENT = (None, "sinks", "brokers", "clickhouse")
"""One storm in four has all lanes; without one of these the flow is up more often, for the others to hit."""

GAPS_S = {
    "sinks": (0.5, 2.0),
    "brokers": (0.5, 2.0),
    "clickhouse": (2.0, 4.0),
    "network": (0.3, 1.0),
    "distance": (2.0, 10.0),
    "data": (1.0, 2.5),
}
"""Between the end of a fault and the next one of its lane."""


def listed() -> str:
    """The faults that there are, lane by lane, for people."""
    return "\n".join(told(lane, [kind.name for kind in KINDS if kind.lane == lane]) for lane in LANES)


def told(lane: str, names: Sequence[str]) -> str:
    """A lane and its faults, in lines that are not too long."""
    text = f"{lane}: {', '.join(names)}"
    return textwrap.fill(text, LINE, subsequent_indent="  ", break_on_hyphens=False)


@dataclass(frozen=True)
class Strike:
    """One fault: not before `at_s` after its round began; `pick` in [0, 1) chooses what it hits."""

    at_s: float
    kind: Kind
    lasts_s: float
    pick: float


@dataclass(frozen=True)
class Round:
    """Faults that belong together: one (solo), or all those of a storm, lane by lane, in order of time."""

    number: int
    sinks: int
    strikes: tuple[Strike, ...]
    is_storm: bool

    def lanes(self) -> list[list[Strike]]:
        """The strikes of each lane that has any."""
        lanes = ([strike for strike in self.strikes if strike.kind.lane == lane] for lane in LANES)
        return [lane for lane in lanes if lane]


class Bag:
    """Draws in random order until everything was drawn, then begins again: so nothing stays away for long."""

    def __init__(self, rng: random.Random, kinds: Sequence[Kind]) -> None:
        self._rng, self._kinds = rng, kinds
        self._left: list[Kind] = []

    def draw(self) -> Kind:
        """The next one."""
        if not self._left:
            self._left = self._rng.sample(self._kinds, len(self._kinds))
        return self._left.pop()


def rounds(seed: int, without: Set[str] = frozenset()) -> Iterator[Round]:
    """The rounds of a seed, without the kinds of fault that this machine does not allow."""
    rng = random.Random(seed)
    kinds = [kind for kind in KINDS if kind.name not in without]
    solos = Bag(rng, [kind for kind in kinds for _ in range(kind.solo_weight)])
    storms = {
        lane: Bag(rng, [kind for kind in kinds if kind.lane == lane for _ in range(kind.weight)])
        for lane in LANES
        if any(kind.lane == lane and kind.weight for kind in kinds)
    }
    number = storm = 0
    while True:
        for _ in range(SOLOS_A_STORM):
            number += 1
            sinks = rng.randint(1, MOST_SINKS)
            yield Round(number, sinks, (_strike(rng, solos.draw(), 0.0),), is_storm=False)
        number, storm = number + 1, storm + 1
        yield Round(
            number,
            rng.randint(1, MOST_SINKS),
            _storm(rng, storms, storm, grows=GROW not in without),
            is_storm=True,
        )


def _storm(rng: random.Random, bags: dict[str, Bag], storm: int, *, grows: bool) -> tuple[Strike, ...]:
    strikes = []
    absent = rng.choice(MAY_BE_ABSENT)
    for lane, bag in bags.items():
        if lane == absent:
            continue
        at_s = rng.uniform(0.0, GAPS_S[lane][1])
        while at_s < STORM_S:
            strikes.append(_in_storm(_strike(rng, bag.draw(), at_s)))
            at_s += strikes[-1].lasts_s + rng.uniform(*GAPS_S[lane])
    if grows and _is_triangular(
        storm
    ):  # often at first, when few partitions are there, and now and then to the end
        strikes.append(_strike(rng, BY_NAME[GROW], rng.uniform(0.0, STORM_S)))
    return tuple(sorted(strikes, key=lambda strike: strike.at_s))


def _strike(rng: random.Random, kind: Kind, at_s: float) -> Strike:
    return Strike(round(at_s, 2), kind, round(rng.uniform(kind.least_s, kind.most_s), 2), rng.random())


def _in_storm(strike: Strike) -> Strike:
    if not strike.kind.ends_with_storm:
        return strike
    left_s = max(strike.kind.least_s, round(STORM_S - strike.at_s, 2))
    return replace(strike, lasts_s=min(strike.lasts_s, left_s))


def _is_triangular(number: int) -> bool:
    """1, 3, 6, 10, 15, …"""
    return any(n * (n + 1) // 2 == number for n in range(1, number + 1))
