"""`audit --wait`: how long it waits for the sinks. `audit --every`: what it takes."""

import argparse

import pytest

from common.errors import KafkaUnavailable, SettingError
from common.process.clock import Clock
from common.settings.config import Settings
from consumer.commands.audit import LOOK_EVERY_S, _wait, add_options, run

CLOCK = Clock(lambda: 0.0, lambda: 0.0, lambda seconds: None, lambda: 0.0)


def wait(wait_s, *looks):
    """The lag at the end, and the time it took; the last look repeats."""
    times_s, left = [100.0], list(looks)
    clock = Clock(lambda: times_s[-1], lambda: 0.0, lambda s: times_s.append(times_s[-1] + s), lambda: 0.0)

    def lag_now():
        lag = left.pop(0) if len(left) > 1 else left[0]
        if lag is None:
            raise KafkaUnavailable("no broker")
        return lag

    return _wait(lag_now, wait_s, clock), times_s[-1] - times_s[0]


@pytest.mark.parametrize(
    ("wait_s", "looks", "lag", "took_s"),
    [
        pytest.param(5.0, [0], 0, 0, id="nothing lags"),
        pytest.param(5.0, [9, None, 3, 0], 0, 3 * LOOK_EVERY_S, id="brokers come back"),
        pytest.param(5.0, [9], 9, 5.0, id="too slow"),
        pytest.param(5.0, [None], None, 5.0, id="no broker"),
        pytest.param(0.0, [9], 9, 0, id="no time at all"),
        pytest.param(0.0, [0], 0, 0, id="no time needed"),
    ],
)
def test_it_waits_until_nothing_lags_or_the_time_is_over(wait_s, looks, lag, took_s):
    assert wait(wait_s, *looks) == (lag, took_s)


def options(*words):
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(words)


def test_it_audits_once_unless_told_how_often():
    assert options().every is None
    assert [options("--every", text).every for text in ("1", "60", "86400")] == [1, 60, 86_400]


@pytest.mark.parametrize("text", ["86401", "0", "-60", "60.5", "1e2", "often", ""])
def test_how_often_is_a_whole_number_of_seconds(text, capsys):
    with pytest.raises(SystemExit) as ended:
        options(f"--every={text}")
    assert ended.value.code == 2
    assert f"{text}: a whole number from 1 to 86400" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--json"], ["--wait", "5"], ["--wait"]])
def test_a_service_prints_no_report_and_waits_for_nobody(words):
    with pytest.raises(SettingError, match="--every goes neither with --json nor with --wait"):
        run(Settings.from_env({}), [], options("--every", "60", *words), CLOCK)
