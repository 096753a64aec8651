"""Looks at the pipeline: one that fails is told and does not end the others."""

import queue
from types import SimpleNamespace

import pytest

from api import watch as watch_module
from api.look import Kafka
from api.watch import Watch
from common.errors import ClickHouseUnavailable
from common.kafka_io.letter_counts import Tally
from common.process.clock import Clock
from common.settings.config import Settings

CLOCK = Clock(lambda: 100.0, lambda: 1.8e9, lambda seconds: None, lambda: 0.0)
VERDICTS = ["what was found before"]
PATIENCE_S = 10


class Brokers:
    """Brokers that answer; `tallies` is what is counted of their letters."""

    def __init__(self, **tallies):
        self.counts, self.closed = SimpleNamespace(tallies=tallies), False

    def look(self):
        return Kafka()

    def close(self):
        self.closed = True


class ClickHouse:
    def __init__(self, error=None):
        self.error = error

    def rows_stored(self, tables):
        if self.error:
            raise self.error
        return {}

    def newest(self):
        return []


@pytest.fixture
def seen():
    return queue.Queue()


@pytest.fixture
def watch(seen):
    return Watch(Settings(), [], CLOCK, seen.put)


def test_a_look_that_fails_is_told_and_the_next_one_is_taken(watch, seen, monkeypatch):
    looks = iter([ZeroDivisionError("nobody foresaw it"), "all is well"])

    def look(asker, table):
        found = next(looks, "all is well")
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(watch_module, "TICK_S", 0.0)
    watch._look, watch._kafka, watch._verdicts = look, Brokers(), (0.0, VERDICTS)
    brokers = watch._kafka
    watch.start()
    try:
        failed, following = seen.get(timeout=PATIENCE_S), seen.get(timeout=PATIENCE_S)
    finally:
        watch.stop()
    assert failed.kafka_problem == failed.clickhouse_problem
    assert "the last look failed" in failed.kafka_problem
    assert (failed.now.kafka, failed.now.rows, failed.now.at_s) == (None, None, 100.0)
    assert failed.now.verdicts == VERDICTS, "what an audit found is known all the same"
    assert brokers.closed, "the next look connects anew"
    assert following == "all is well"


def test_a_server_that_does_not_answer_leaves_what_the_other_knows(watch):
    watch._kafka = Brokers()
    seen = watch._look(ClickHouse(ClickHouseUnavailable("no answer")), ClickHouse())
    assert (seen.kafka_problem, seen.clickhouse_problem) == ("", "no answer")
    assert seen.now.kafka is not None and seen.now.rows is None


def test_a_look_knows_of_which_topics_letters_are_still_counted(watch):
    watch._kafka = Brokers(all=Tally(2, {"empty": 2}, True), some=Tally(1, {"empty": 1}, False))
    now = watch._look(ClickHouse(), ClickHouse()).now
    assert now.letters == {"all": {"empty": 2}, "some": {"empty": 1}}
    assert list(now.counting) == ["some"]
