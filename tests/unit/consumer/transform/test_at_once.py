"""Runs that are worked on at once make what they make message by message."""

import random

import pytest

from common.model.transform import Each, Histogram
from consumer.transform import each, histogram, windows
from consumer.transform.each import EachWork
from consumer.transform.histogram import HistogramWork
from consumer.transform.windows import WindowWork
from tests.unit.consumer.material import array
from tests.unit.consumer.transform.material import FRESH, OTHER, UP, run, visit
from tests.unit.consumer.transform.material import windows as counted_windows

HERE = 3


def fails_at(event, timestamp_ms):
    if event.id == "v7":
        raise ValueError("seven")
    return event


def regrouped():
    stated = {"name": "copy", "source": "visits", "event": visit_type(), "target": "copies", "make": fails_at}
    return EachWork(Each(**stated, key=lambda event: event.key.encode()), FRESH, 1 << 20)


def visit_type():
    return counted_windows().event


def binned():
    stated = {"name": "bins", "source": "visits", "event": visit_type(), "target": "hist", "bins": 7}
    values = lambda events: [event.time for event in events]  # noqa: E731
    form = {"low": 0.0, "high": 900.0, "values": values, "make": lambda counts, so_far: so_far}
    return HistogramWork(Histogram(**stated, **form), FRESH, HERE)


def counting():
    return WindowWork(counted_windows(ahead_s=0.8), FRESH, 0.0)


def runs(rng):
    """Most hold one good event a message; some hold arrays, bad messages, or times out of range."""
    at = 0
    for turn in range(30):
        times = [turn * 30 + rng.randint(0, 60) for _ in range(rng.randint(0, 6))]
        values = [visit(f"v{rng.randint(0, 9)}", time, rng.choice("kl")) for time in times]
        if values and turn % 5 == 0:
            odd = rng.choice([b"bad", array(*values), visit("far", 5_000), visit("before", -1)])
            values[rng.randrange(len(values))] = odd
        stamps = [turn * 30 + rng.randint(0, 60) for _ in values]
        upstreams = [rng.choice([UP, OTHER, None]) for _ in values]
        yield run(values, at, timestamps=stamps, upstreams=upstreams)
        at += len(values)


def made_of(work, seed):
    found = []
    for number, some in enumerate(runs(random.Random(seed))):
        made = work.take(some, number / 10)
        found += [made, work.remembered, work.tick(number / 10, is_at_end=False)]
    return found


@pytest.mark.parametrize("make_work", [regrouped, counting])
@pytest.mark.parametrize("seed", range(20))
def test_at_once_or_message_by_message_is_the_same(monkeypatch, make_work, seed):
    at_once = made_of(make_work(), seed)
    for module in (each, windows):
        monkeypatch.setattr(module, "at_once", lambda decoded, make: None)
    assert at_once == made_of(make_work(), seed)


@pytest.mark.parametrize("seed", range(20))
def test_values_are_counted_at_once_as_they_are_message_by_message(monkeypatch, seed):
    def counts(work):
        return [(work.take(some, 0.0), work.remembered) for some in runs(random.Random(seed))]

    at_once = counts(binned())
    monkeypatch.setattr(histogram, "at_once", lambda decoded, make: None)
    assert at_once == counts(binned())


@pytest.mark.parametrize("value", [2**53, 2**53 + 1, 2**64, -(2**60)])
def test_numbers_that_a_float_may_not_hold_are_looked_at_one_by_one(value):
    assert binned()._one_each([visit_type()("a", value), visit_type()("b", 1)]) is None
