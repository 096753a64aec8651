"""`audit --wait`: how long it waits for the sinks."""

import pytest

from common.errors import KafkaUnavailable
from common.process.clock import Clock
from consumer.commands.audit import LOOK_EVERY_S, _wait


def wait(wait_s, *looks):
    """Whether everything was committed in time, and the time it took; the last look repeats."""
    times_s, left = [100.0], list(looks)
    clock = Clock(lambda: times_s[-1], lambda: 0.0, lambda s: times_s.append(times_s[-1] + s), lambda: 0.0)

    def lag_now():
        lag = left.pop(0) if len(left) > 1 else left[0]
        if lag is None:
            raise KafkaUnavailable("no broker")
        return lag

    return _wait(lag_now, wait_s, clock), times_s[-1] - times_s[0]


@pytest.mark.parametrize(
    ("wait_s", "looks", "in_time", "took_s"),
    [
        pytest.param(5.0, [0], True, 0, id="nothing lags"),
        pytest.param(5.0, [9, None, 3, 0], True, 3 * LOOK_EVERY_S, id="brokers come back"),
        pytest.param(5.0, [9], False, 5.0, id="too slow"),
        pytest.param(5.0, [None], False, 5.0, id="no broker"),
        pytest.param(0.0, [9], False, 0, id="no time at all"),
        pytest.param(0.0, [0], True, 0, id="no time needed"),
    ],
)
def test_it_waits_until_nothing_lags_or_the_time_is_over(wait_s, looks, in_time, took_s):
    assert wait(wait_s, *looks) == (in_time, took_s)
