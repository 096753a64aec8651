import pytest

from consumer.audit.pace import rest_s


@pytest.mark.parametrize(
    ("every_s", "took_s", "failed", "rests_s"),
    [
        pytest.param(60, 0.5, False, 59.5, id="short rounds begin on time"),
        pytest.param(60, 30, False, 30, id="a round of half the time"),
        pytest.param(60, 45, False, 45, id="a longer one rests as long as it took"),
        pytest.param(10, 300, False, 300, id="a very long one"),
        pytest.param(86_400, 0.1, True, 5, id="one that failed is tried again soon"),
        pytest.param(60, 30, True, 30, id="but no sooner than it took to fail"),
    ],
)
def test_rounds_take_half_of_the_time_at_most(every_s, took_s, failed, rests_s):
    assert rest_s(every_s, took_s, failed=failed) == rests_s
