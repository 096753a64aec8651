import pytest

from common.process.deadline import Deadline


class Clock:
    """A clock that stands still unless it is moved."""

    def __init__(self):
        self.time_s = 100.0

    def now_s(self):
        return self.time_s


@pytest.mark.parametrize(
    ("passed_s", "left_s", "is_over"),
    [
        pytest.param(0.0, 8.0, False, id="just begun"),
        pytest.param(7.5, 0.5, False, id="almost over"),
        pytest.param(8.0, 0.0, True, id="at the very moment"),
        pytest.param(10.0, -2.0, True, id="past"),
    ],
)
def test_it_tells_what_is_left_and_whether_it_is_over(passed_s, left_s, is_over):
    clock = Clock()
    deadline = Deadline(clock.now_s, 8.0)
    clock.time_s += passed_s
    assert (deadline.left_s, deadline.is_over) == (left_s, is_over)


def test_without_patience_it_is_over_at_once():
    assert Deadline(Clock().now_s, 0.0).is_over


def test_it_is_over_exactly_when_nothing_is_left():
    clock = Clock()
    clock.time_s = 1e9 / 3
    deadline = Deadline(clock.now_s, 0.1)
    for _ in range(1_000):
        clock.time_s += 1e-4
        assert deadline.is_over is (deadline.left_s <= 0)


def test_two_on_one_clock_do_not_disturb_each_other():
    clock = Clock()
    first = Deadline(clock.now_s, 1.0)
    clock.time_s += 1.0
    second = Deadline(clock.now_s, 1.0)
    assert (first.is_over, second.is_over) == (True, False)
