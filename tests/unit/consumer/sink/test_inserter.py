import threading
from dataclasses import replace
from itertools import count

import pytest

import consumer.sink.inserter
from common.errors import ClickHouseUnavailable
from common.model.record import Partition
from consumer.sink.inserter import Inserter
from consumer.sink.recovery import Outcome
from tests.unit.consumer.material import batch, event, insertion

ANSWERS_S = 10.0
NO_ANSWER = ClickHouseUnavailable("no answer")


class Recovery:
    """Answers each insertion with what the test put beside it; keeps the threads that asked, and what was looked at.

    Insertions that must be counted, but those that are `complete`, are to be counted again after their INSERT.
    """

    def __init__(self):
        self.answers, self.threads, self.looks, self.found, self.settled = {}, set(), [], {}, {}
        self.complete, self.failing_look = set(), None
        self.gate = threading.Event()
        self.gate.set()

    def look(self, some_insertions):
        self.looks.append([some_insertion.batch.first for some_insertion in some_insertions])
        if len(self.looks) == self.failing_look:
            raise NO_ANSWER
        return [{f"look {len(self.looks)}": some_insertion.batch.first} for some_insertion in some_insertions]

    def fill(self, some_insertion, found):
        self.gate.wait(ANSWERS_S)
        self.found[some_insertion.batch.first] = found
        self.threads.add(threading.current_thread().name)
        answer = self.answers.get(some_insertion.batch.first, Outcome.STORED)
        if isinstance(answer, Exception):
            raise answer
        return (
            None if some_insertion.must_count and some_insertion.batch.first not in self.complete else answer
        )

    def settle(self, some_insertion, found):
        self.settled[some_insertion.batch.first] = found
        return self.answers.get(some_insertion.batch.first, Outcome.STORED)


@pytest.fixture
def recovery():
    return Recovery()


@pytest.fixture
def inserter(recovery):
    seconds = count(100)
    made = Inserter(recovery, lambda: float(next(seconds)))
    yield made
    recovery.gate.set()
    assert made.stop(ANSWERS_S)


def insertions(how_many, **how):
    return [insertion(batch([event(n)], start=n), **how) for n in range(how_many)]


def of_topic(topic, some_insertion):
    some_insertion.batch = replace(some_insertion.batch, partition=Partition(topic, 0))
    return some_insertion


def submit_at_once(inserter, recovery, several):
    """The first one is being carried out while the others come."""
    recovery.gate.clear()
    for one in several:
        inserter.submit(one)
    recovery.gate.set()
    return collect(inserter, len(several))


def collect(inserter, how_many):
    found = []
    while len(found) < how_many:
        inserter.wait(ANSWERS_S)
        found += inserter.results()
    return found


def test_a_submitted_insertion_comes_back_with_its_outcome_and_how_long_it_took(inserter):
    (one,) = insertions(1)
    inserter.submit(one)
    assert collect(inserter, 1) == [(one, Outcome.STORED, None, 1.0)]


def test_insertions_come_back_in_the_order_they_were_submitted(inserter):
    several = insertions(20)
    for one in several:
        inserter.submit(one)
    assert [result.insertion for result in collect(inserter, 20)] == several


def test_r2_one_other_thread_carries_them_all_out(inserter, recovery):
    for one in insertions(5):
        inserter.submit(one)
    collect(inserter, 5)
    assert recovery.threads == {"insert"}


@pytest.mark.parametrize("error", [ClickHouseUnavailable("no answer"), KeyError("a mistake")])
def test_an_error_comes_back_with_its_insertion_and_the_next_insertion_is_carried_out(
    inserter, recovery, error
):
    first, second = insertions(2)
    recovery.answers[0] = error
    inserter.submit(first)
    inserter.submit(second)
    failed, stored = collect(inserter, 2)
    assert (failed.insertion, failed.outcome, failed.error) == (first, None, error)
    assert (stored.insertion, stored.outcome, stored.error) == (second, Outcome.STORED, None)


def test_insertions_to_recover_that_wait_behind_another_are_counted_together_before_and_after(
    inserter, recovery
):
    recovery.answers[2] = Outcome.NEXT_ATTEMPT
    results = submit_at_once(inserter, recovery, [*insertions(1), *insertions(4, must_count=True)[1:]])
    assert recovery.looks == [[1, 2, 3], [1, 2, 3]]
    assert recovery.found == {0: {}} | {n: {"look 1": n} for n in (1, 2, 3)}
    assert recovery.settled == {n: {"look 2": n} for n in (1, 2, 3)}
    outcomes = [result.outcome for result in results]
    assert outcomes == [Outcome.STORED, Outcome.STORED, Outcome.NEXT_ATTEMPT, Outcome.STORED]


def test_what_was_complete_or_failed_is_not_counted_again(inserter, recovery):
    recovery.complete = {1}
    recovery.answers[3] = NO_ANSWER
    results = submit_at_once(inserter, recovery, [*insertions(1), *insertions(5, must_count=True)[1:]])
    assert recovery.looks == [[1, 2, 3, 4], [2, 4]]
    assert sorted(recovery.settled) == [2, 4]
    by_first = {result.insertion.batch.first: (result.outcome, result.error) for result in results}
    assert by_first == dict.fromkeys((0, 1, 2, 4), (Outcome.STORED, None)) | {3: (None, NO_ANSWER)}


def test_an_insertion_to_recover_that_is_alone_counts_for_itself(inserter, recovery):
    submit_at_once(inserter, recovery, [*insertions(1), *insertions(2, must_count=True)[1:]])
    assert recovery.looks == []
    assert (recovery.found[1], recovery.settled[1]) == ({}, {})


def test_new_insertions_and_those_of_another_feed_are_not_looked_at_with_others(inserter, recovery):
    one, two, three, four, five, six = insertions(6, must_count=True)
    two.must_count = False
    recovery.complete = set(range(6))
    several = [one, two, three, four, of_topic("others", five), of_topic("others", six)]
    submit_at_once(inserter, recovery, several)
    assert recovery.looks == [[2, 3], [4, 5]]


@pytest.mark.parametrize("limit", ["LOOK_ROWS", "LOOK_INSERTIONS"])
def test_a_look_takes_in_a_limited_number_of_rows_and_of_insertions(inserter, recovery, monkeypatch, limit):
    monkeypatch.setattr(consumer.sink.inserter, limit, 3)
    recovery.complete = set(range(6))
    submit_at_once(inserter, recovery, [*insertions(1), *insertions(6, must_count=True)[1:]])
    assert recovery.looks == [[1, 2, 3], [4, 5]]


@pytest.mark.parametrize("failing_look", [1, 2])
def test_a_look_that_fails_fails_for_all_that_it_was_for(inserter, recovery, failing_look):
    recovery.failing_look = failing_look
    recovery.complete = {1} if failing_look == 2 else set()
    results = submit_at_once(inserter, recovery, [*insertions(1), *insertions(4, must_count=True)[1:]])
    by_first = {result.insertion.batch.first: (result.outcome, result.error) for result in results}
    stored = {0, *recovery.complete}
    assert by_first == {n: (Outcome.STORED, None) if n in stored else (None, NO_ANSWER) for n in range(4)}
    assert recovery.settled == {}


def test_results_do_not_wait(inserter, recovery):
    recovery.gate.clear()
    inserter.submit(insertions(1)[0])
    assert inserter.results() == []


def test_a_result_is_given_out_once(inserter):
    inserter.submit(insertions(1)[0])
    assert len(collect(inserter, 1)) == 1
    assert inserter.results() == []


def test_waiting_ends_when_the_time_is_over(inserter, recovery):
    recovery.gate.clear()
    inserter.submit(insertions(1)[0])
    inserter.wait(0.001)
    assert inserter.results() == []


def test_a_result_that_came_before_the_wait_ends_it_at_once(inserter):
    inserter.submit(insertions(1)[0])
    inserter.wait(ANSWERS_S)
    inserter.wait(ANSWERS_S)
    assert len(inserter.results()) == 1


def test_stopping_ends_the_thread_after_what_was_submitted(recovery):
    inserter = Inserter(recovery, lambda: 0.0)
    for one in insertions(3):
        inserter.submit(one)
    assert inserter.stop(ANSWERS_S)
    assert len(inserter.results()) == 3


def test_stopping_tells_when_the_insertion_at_hand_did_not_end_in_time(recovery):
    recovery.gate.clear()
    inserter = Inserter(recovery, lambda: 0.0)
    inserter.submit(insertions(1)[0])
    assert not inserter.stop(0.001)
    recovery.gate.set()
    assert inserter.stop(ANSWERS_S)
