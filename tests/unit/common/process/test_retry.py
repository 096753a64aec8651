import pytest

from common.process.retry import delay_s


@pytest.mark.parametrize(
    ("attempt", "wait_s"),
    [
        (1, 0.05),  # base
        (2, 0.1),  # base * 2
        (5, 0.8),  # base * 2**4
        (7, 3.2),  # base * 2**6
        (8, 5.0),  # base * 2**7 = 6.4, capped
        (10**6, 5.0),
    ],
)
def test_the_wait_doubles_up_to_the_cap(attempt, wait_s):
    assert delay_s(attempt, base_s=0.05, cap_s=5.0) == pytest.approx(wait_s)


def test_jitter_takes_away_up_to_half():
    assert delay_s(8, jitter=0.5) == pytest.approx(3.75)
    assert 2.5 < delay_s(8, jitter=0.999999) < 2.6


@pytest.mark.parametrize(("attempt", "jitter"), [(0, 0.0), (1, 1.0), (1, -0.1)])
def test_what_cannot_be_is_refused(attempt, jitter):
    with pytest.raises(ValueError):
        delay_s(attempt, jitter=jitter)
