"""The demo kills who works, and gives up on what no longer gets less."""

import pytest

from infra.demo.story import BACK_AFTER_S, KILL_AT_S, Kills, Patience

LATE_S = max(KILL_AT_S.values()) + 1


class Recorder:
    def __init__(self):
        self.done = []

    def kill(self, name):
        self.done.append(("kill", name))

    def start(self, name, *words):
        self.done.append(("start", name, *words))

    def pid(self, name):
        return 7


@pytest.fixture
def services():
    return Recorder()


@pytest.fixture
def kills(services):
    return Kills(services, {name: ("-m", name) for name in KILL_AT_S}, lambda note: None)


def test_who_has_no_partitions_is_not_killed(services, kills):
    kills.look(LATE_S, {"consumer-1": 0, "consumer-2": 37})
    assert services.done == []


def test_who_works_is_killed_once_and_started_again(services, kills):
    kills.look(KILL_AT_S["consumer-1"] - 1, {"consumer-1": 20})
    assert services.done == []
    kills.look(LATE_S, {"consumer-1": 20})
    kills.look(LATE_S + 1, {"consumer-1": 20})
    assert services.done == [("kill", "consumer-1")]
    kills.look(LATE_S + BACK_AFTER_S, {})
    kills.look(LATE_S + BACK_AFTER_S + 1, {"consumer-1": 20})
    assert services.done == [("kill", "consumer-1"), ("start", "consumer-1", "-m", "consumer-1")]


def test_patience_lasts_while_it_gets_less():
    patience = Patience(60)
    assert all(patience.is_left(1000 - at, at * 50.0) for at in range(20))


def test_patience_ends_when_it_gets_no_less_or_is_not_known():
    patience = Patience(60)
    assert patience.is_left(1000, 0.0)
    assert patience.is_left(1200, 59.0)
    assert not patience.is_left(1000, 60.0)
    assert not patience.is_left(None, 61.0)
