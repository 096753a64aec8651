"""How many events are due, on a clock that the test moves."""

import pytest

from producer.pace import Pace


def run(pace, times, at_most=1000):
    """Send what is due at each time; how many that was."""
    sent = []
    for now_s in times:
        due = pace.due(now_s, at_most)
        pace.sent(due)
        sent.append(due)
    return sent


def test_the_first_event_is_due_at_once_and_the_next_after_an_interval():
    assert run(Pace(10.0, 100.0), [100.0, 100.05, 100.1, 100.19, 100.2]) == [1, 0, 1, 0, 1]


@pytest.mark.parametrize("rate", [0.5, 3.0, 1000.0, 123_456.0])
def test_keeps_its_rate_over_time(rate):
    pace = Pace(rate, 0.0)
    times = [step * 0.01 for step in range(2001)]
    assert sum(run(pace, times, at_most=10**9)) == pytest.approx(20 * rate, abs=1)


def test_without_a_rate_as_many_are_due_as_may_be():
    pace = Pace(None, 0.0)
    assert run(pace, [0.0, 0.0], at_most=7) == [7, 7]
    assert pace.wait_s(0.0) == 0.0


def test_waits_until_the_next_event_is_due():
    pace = Pace(4.0, 10.0)
    assert pace.wait_s(10.0) == 0.0
    run(pace, [10.0])
    assert pace.wait_s(10.0) == 0.25
    assert pace.wait_s(10.2) == pytest.approx(0.05)
    assert pace.wait_s(11.0) == 0.0


def test_makes_up_for_a_second_of_a_stall_and_forgets_the_rest():
    pace = Pace(100.0, 0.0)
    assert run(pace, [0.0, 60.0, 60.0, 60.01]) == [1, 100, 0, 1]


def test_a_slow_pace_still_sends_after_a_stall():
    assert run(Pace(0.1, 0.0), [0.0, 60.0, 60.0]) == [1, 1, 0]


def test_what_was_held_back_is_due_later():
    assert run(Pace(100.0, 0.0), [0.5, 0.5, 0.5], at_most=20) == [20, 20, 11]
