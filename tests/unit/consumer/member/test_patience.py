"""How long a start waits for servers that do not answer yet."""

import pytest

from common.errors import ClickHouseUnavailable, SchemaMismatch
from common.process.clock import Clock
from consumer.member.patience import START_PAUSE_S, patiently

PATIENCE_S = 2.0


def start(*errors):
    """What came of asking a server that fails with these errors first, and the time it took."""
    times_s, left = [100.0], list(errors)
    clock = Clock(lambda: times_s[-1], lambda: 0.0, lambda s: times_s.append(times_s[-1] + s), lambda: 0.0)

    def ask():
        if left:
            raise left.pop(0)
        return "answer"

    try:
        came = patiently(ask, PATIENCE_S, clock)
    except Exception as error:
        came = type(error)
    return came, times_s[-1] - times_s[0]


@pytest.mark.parametrize(
    ("errors", "came", "took_s"),
    [
        pytest.param([], "answer", 0, id="at once"),
        pytest.param([ClickHouseUnavailable("away")] * 2, "answer", 2 * START_PAUSE_S, id="soon"),
        pytest.param([ClickHouseUnavailable("away")] * 99, ClickHouseUnavailable, 2.0, id="never"),
        pytest.param([SchemaMismatch("another table")], SchemaMismatch, 0, id="for good"),
    ],
)
def test_a_start_waits_for_servers_as_long_as_the_setting_says(errors, came, took_s):
    assert start(*errors) == (came, took_s)
