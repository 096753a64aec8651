import threading
from itertools import count

import pytest

from common.errors import ClickHouseUnavailable
from consumer.inserter import Inserter
from consumer.recovery import Outcome
from tests.unit.consumer.material import batch, event, job

ANSWERS_S = 10.0


class Recovery:
    """Answers each job with what the test put beside it, and keeps the threads that asked."""

    def __init__(self):
        self.answers, self.threads = {}, set()
        self.gate = threading.Event()
        self.gate.set()

    def carry_out(self, some_job):
        self.gate.wait(ANSWERS_S)
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


def jobs(how_many):
    return [job(batch([event(n)], start=n)) for n in range(how_many)]


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
