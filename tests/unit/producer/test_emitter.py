"""The emitting loop with a writer that acknowledges at once, on a clock that moves when somebody waits."""

import itertools

import pytest

from common.errors import KafkaRefused
from common.model.stream import Emission
from common.settings.limits import ProducerLimits
from producer.emitter import Emitter, Source


class Clock:
    def __init__(self):
        self.time_s = 0.0

    def now_s(self):
        self.time_s += 0.0001
        return self.time_s


class Stop:
    """A Stop whose waits move the clock."""

    def __init__(self, clock, at_s=float("inf")):
        self.clock, self.at_s = clock, at_s

    def is_set(self):
        return self.clock.time_s >= self.at_s

    def wait(self, timeout_s):
        self.clock.time_s += timeout_s
        return self.is_set()


class Batcher:
    def __init__(self, writer, fails_at=None):
        self.writer, self.fails_at = writer, fails_at

    def add(self, emission, now_s):
        if self.writer.acknowledged == self.fails_at:
            raise KafkaRefused("topic t is not there")
        self.writer.acknowledged += 1

    def send_due(self, now_s):
        pass

    def send_all(self):
        pass


class Writer:
    def __init__(self, full_for=0):
        self.acknowledged = 0
        self.last_error = None
        self.closed = False
        self.full_for = full_for

    def wait_for_room(self, timeout_s):
        self.full_for -= 1
        return self.full_for < 0

    def close(self, timeout_s):
        self.closed = True


def emit(limits, *, events=None, stop_at_s=float("inf"), writer=None, fails_at=None):
    clock, writer = Clock(), writer or Writer()
    endless = (Emission("t", None, None) for _ in itertools.count())
    emissions = itertools.islice(endless, events) if events is not None else endless
    source = Source(emissions, Batcher(writer, fails_at), limits.rate)
    stop = Stop(clock, stop_at_s)
    emitter = Emitter(writer, [source], now_s=clock.now_s, stop=stop, progress=lambda *_: None)
    summary = emitter.run(limits)
    assert writer.closed
    return summary


@pytest.mark.parametrize("events", [0, 1, 199, 200, 1001])
def test_ends_with_its_generator(events):
    summary = emit(ProducerLimits(), events=events)
    assert (summary.sent, summary.failed) == (events, 0)


@pytest.mark.parametrize("events", [1, 200, 777])
def test_stops_after_so_many_events(events):
    assert emit(ProducerLimits(events=events)).sent == events


def test_stops_after_so_many_seconds_at_its_rate():
    assert emit(ProducerLimits(rate=50.0, seconds=4.0)).sent == pytest.approx(200, abs=2)


def test_stops_when_asked_to():
    assert emit(ProducerLimits(rate=10.0), stop_at_s=3.0).sent == pytest.approx(30, abs=2)


def test_waits_while_there_is_no_room():
    assert emit(ProducerLimits(events=5), writer=Writer(full_for=3)).sent == 5


def test_an_error_of_kafka_ends_it_and_the_rest_counts_as_failed():
    summary = emit(ProducerLimits(events=10), fails_at=4)
    assert (summary.sent, summary.acknowledged, summary.failed) == (5, 4, 1)
    assert "not there" in str(summary.error)


def test_the_summary_is_one_line():
    assert str(emit(ProducerLimits(events=1500))).startswith("sent 1,500, acknowledged 1,500, failed 0 in ")


def test_several_sources_are_sent_each_at_its_own_pace_and_up_to_the_limit():
    clock, writer = Clock(), Writer()
    sources = [
        Source((Emission("t", None, None) for _ in itertools.count()), Batcher(writer), rate)
        for rate in (10.0, 100.0)
    ]
    stop = Stop(clock)
    emitter = Emitter(writer, sources, now_s=clock.now_s, stop=stop, progress=lambda *_: None)
    summary = emitter.run(ProducerLimits(seconds=2.0, events=150))
    assert [source.sent for source in sources] == [pytest.approx(20, abs=2), 150]
    assert summary.sent == summary.acknowledged == emitter.sent


def test_a_source_that_ends_does_not_end_the_others():
    clock, writer = Clock(), Writer()
    sources = [
        Source(iter([Emission("t", None, None)] * events), Batcher(writer), None) for events in (3, 1_000)
    ]
    Emitter(writer, sources, now_s=clock.now_s, stop=Stop(clock), progress=lambda *_: None).run(
        ProducerLimits()
    )
    assert [source.sent for source in sources] == [3, 1_000]
