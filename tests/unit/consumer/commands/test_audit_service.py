"""The auditor outlasts whatever a round meets."""

import threading

import pytest

from common.process.clock import Clock
from common.process.health import Health
from common.settings.config import Settings
from consumer.commands.audit_service import Service, Stopped
from consumer.metrics import AuditorMetrics


def test_a_round_that_nobody_foresaw_is_a_failure_and_the_next_one_comes(monkeypatch, caplog):
    times_s = iter(range(0, 100_000, 100))
    clock = Clock(lambda: next(times_s), lambda: 0.0, lambda seconds: None, lambda: 0.0)
    stop, metrics = threading.Event(), AuditorMetrics()
    service = Service(Settings.from_env({}), [], clock, None, stop, Health(0.0), metrics)
    rounds = []

    def forged():
        rounds.append(1)
        if len(rounds) == 2:
            raise Stopped
        raise OverflowError("Python int too large to convert to C long")

    monkeypatch.setattr(service, "_round", forged)
    with pytest.raises(Stopped):
        service.run(1)
    assert len(rounds) == 2
    assert metrics.failures._value.get() == 1
    assert "the round failed" in caplog.text and "too large" in caplog.text
