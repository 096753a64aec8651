import threading
from dataclasses import replace
from itertools import count

import pytest

import consumer.inserter
from common.errors import ClickHouseUnavailable
from common.slab import Partition
from consumer.inserter import Inserter
from consumer.recovery import Outcome
from tests.unit.consumer.material import batch, event, job

ANSWERS_S = 10.0


class Recovery:
    """Answers each job with what the test put beside it; keeps the threads that asked, and what was looked at."""

    def __init__(self):
        self.answers, self.threads, self.looks, self.found = {}, set(), [], {}
        self.gate = threading.Event()
        self.gate.set()

    def look(self, some_jobs):
        self.looks.append([some_job.batch.first for some_job in some_jobs])
        if "look" in self.answers:
            raise self.answers["look"]
        return [{"one_each": some_job.batch.first} for some_job in some_jobs]

    def carry_out(self, some_job, found):
        self.gate.wait(ANSWERS_S)
        self.found[some_job.batch.first] = found
        self.threads.add(threading.current_thread().name)
        answer = self.answers.get(some_job.batch.first, Outcome.STORED)
        if isinstance(answer, Exception):
            raise answer
        return answer


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


def jobs(how_many, **how):
    return [job(batch([event(n)], start=n), **how) for n in range(how_many)]


def of_topic(topic, some_job):
    return replace(some_job, batch=replace(some_job.batch, partition=Partition(topic, 0)))


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


def test_a_submitted_job_comes_back_with_its_outcome_and_how_long_it_took(inserter):
    (one,) = jobs(1)
    inserter.submit(one)
    assert one.submitted
    assert collect(inserter, 1) == [(one, Outcome.STORED, None, 1.0)]


def test_jobs_come_back_in_the_order_they_were_submitted(inserter):
    several = jobs(20)
    for one in several:
        inserter.submit(one)
    assert [result.job for result in collect(inserter, 20)] == several


def test_r2_one_other_thread_carries_them_all_out(inserter, recovery):
    for one in jobs(5):
        inserter.submit(one)
    collect(inserter, 5)
    assert recovery.threads == {"insert"}


@pytest.mark.parametrize("error", [ClickHouseUnavailable("no answer"), KeyError("a mistake")])
def test_an_error_comes_back_with_its_job_and_the_next_job_is_carried_out(inserter, recovery, error):
    first, second = jobs(2)
    recovery.answers[0] = error
    inserter.submit(first)
    inserter.submit(second)
    failed, stored = collect(inserter, 2)
    assert (failed.job, failed.outcome, failed.error) == (first, None, error)
    assert (stored.job, stored.outcome, stored.error) == (second, Outcome.STORED, None)


def test_jobs_to_recover_that_wait_behind_another_are_looked_at_together(inserter, recovery):
    submit_at_once(inserter, recovery, [*jobs(1), *jobs(4, verify=True)[1:]])
    assert recovery.looks == [[1, 2, 3]]
    assert recovery.found == {0: {}} | {n: {"one_each": n} for n in (1, 2, 3)}


def test_a_job_to_recover_that_is_alone_looks_for_itself(inserter, recovery):
    submit_at_once(inserter, recovery, [*jobs(1), *jobs(2, verify=True)[1:]])
    assert recovery.looks == []
    assert recovery.found[1] == {}


def test_new_jobs_and_those_of_another_feed_are_not_looked_at_with_others(inserter, recovery):
    one, two, three, four, five, six = jobs(6, verify=True)
    two.verify = False
    several = [one, two, three, four, of_topic("others", five), of_topic("others", six)]
    submit_at_once(inserter, recovery, several)
    assert recovery.looks == [[2, 3], [4, 5]]


@pytest.mark.parametrize("limit", ["LOOK_ROWS", "LOOK_JOBS"])
def test_a_look_takes_in_a_limited_number_of_rows_and_of_jobs(inserter, recovery, monkeypatch, limit):
    monkeypatch.setattr(consumer.inserter, limit, 3)
    submit_at_once(inserter, recovery, [*jobs(1), *jobs(6, verify=True)[1:]])
    assert recovery.looks == [[1, 2, 3], [4, 5]]


def test_a_look_that_fails_fails_for_all_that_it_was_for(inserter, recovery):
    recovery.answers["look"] = ClickHouseUnavailable("no answer")
    first, *others = submit_at_once(inserter, recovery, [*jobs(1), *jobs(3, verify=True)[1:]])
    assert first.outcome is Outcome.STORED
    assert [(result.outcome, result.error) for result in others] == [(None, recovery.answers["look"])] * 2
    assert set(recovery.found) == {0}


def test_results_do_not_wait(inserter, recovery):
    recovery.gate.clear()
    inserter.submit(jobs(1)[0])
    assert inserter.results() == []


def test_a_result_is_given_out_once(inserter):
    inserter.submit(jobs(1)[0])
    assert len(collect(inserter, 1)) == 1
    assert inserter.results() == []


def test_waiting_ends_when_the_time_is_over(inserter, recovery):
    recovery.gate.clear()
    inserter.submit(jobs(1)[0])
    inserter.wait(0.001)
    assert inserter.results() == []


def test_a_result_that_came_before_the_wait_ends_it_at_once(inserter):
    inserter.submit(jobs(1)[0])
    inserter.wait(ANSWERS_S)
    inserter.wait(ANSWERS_S)
    assert len(inserter.results()) == 1


def test_stopping_ends_the_thread_after_what_was_submitted(recovery):
    inserter = Inserter(recovery, lambda: 0.0)
    for one in jobs(3):
        inserter.submit(one)
    assert inserter.stop(ANSWERS_S)
    assert len(inserter.results()) == 3


def test_stopping_tells_when_the_job_at_hand_did_not_end_in_time(recovery):
    recovery.gate.clear()
    inserter = Inserter(recovery, lambda: 0.0)
    inserter.submit(jobs(1)[0])
    assert not inserter.stop(0.001)
    recovery.gate.set()
    assert inserter.stop(ANSWERS_S)
