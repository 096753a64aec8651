"""Hundreds of random schedules around the real windows; then the same with one rule broken, which must be found out."""

import pytest

from consumer.transform.event_time import EventTime
from consumer.transform.windows import UPDATE_EVERY_S, WindowWork
from consumer.transform.work import Remembered
from tests.unit.consumer.transform.window_model import House, Violation, World

SCHEDULES, CHUNKS = 100, 4
SCHEDULES_TO_FIND = 100


@pytest.mark.parametrize("silence", [False, True], ids=["never silent", "silent at times"])
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_schedule_ends_with_each_event_counted_once_or_late(chunk, silence):
    for seed in range(chunk, SCHEDULES, CHUNKS):
        World(seed, silence=silence).run()


@pytest.mark.parametrize("silence", [False, True])
def test_a_schedule_is_made_of_its_seed_alone(silence):
    first, second = World(7, silence=silence), World(7, silence=silence)
    for world in (first, second):
        world.run()
    assert (first.outputs, first.committed, first.seen) == (second.outputs, second.committed, second.seen)


def test_the_schedules_come_round_every_corner():
    unseen = {
        "read again",
        "late",
        "closed by silence",
        "a rebalance",
        "a commit is lost",
        "a commit is applied, unknown",
        "is refused",
        "dies before its commit",
        "dies after its commit",
    }
    for seed in range(SCHEDULES_TO_FIND):
        world = World(seed, silence=True)
        world.run()
        unseen -= {what for what, times in world.seen.items() if times}
        if not unseen:
            return
    assert unseen == set()


def assert_found(what, silence=False, **house):
    """Some schedule goes wrong in just that way."""
    found = set()
    for seed in range(SCHEDULES_TO_FIND):
        try:
            World(seed, House(**house), silence=silence).run()
        except Violation as violation:
            found.add(str(violation).partition(":")[0])
            if what in found:
                return
    assert found == {what}


LOST, TOO_OFTEN, DIFFERS = "lost", "counted too often", "differs from a recomputation"
FINAL_TWICE, LETTER_TWICE = "a final count comes twice", "a dead letter is lost or comes twice"


class HearsRunByRun(WindowWork):
    """Event time moves before the events of a run are looked at."""

    def take(self, run, now_s):
        for offset, upstream, value in zip(run.offsets, run.upstreams, run.values, strict=True):
            for event in self._codec.decode([value]).events:
                if offset >= self._read and event.time < 10**9:
                    self._time.hear(upstream, event.time, now_s)
        made = super().take(run, now_s)
        self._close(made.outputs, run.next_offset)
        return made


def test_the_model_finds_w1_event_time_that_moves_run_by_run():
    assert_found(DIFFERS, work=HearsRunByRun)


class CommitsWhatWasRead(WindowWork):
    @property
    def remembered(self):
        _, read, state = super().remembered
        return Remembered(read, read, state)


@pytest.mark.parametrize("silence", [False, True])
def test_the_model_finds_w2_an_offset_that_passes_open_windows(silence):
    assert_found(LOST, silence, work=CommitsWhatWasRead)


class ForgetsTheWatermark(WindowWork):
    @property
    def remembered(self):
        offset, read, state = super().remembered
        return Remembered(offset, read, state | {"time": EventTime(None, 0.0).state})


@pytest.mark.parametrize("silence", [False, True])
def test_the_model_finds_w3_a_watermark_that_is_not_committed(silence):
    assert_found(FINAL_TWICE, silence, work=ForgetsTheWatermark)


class ForgetsWhatWasRead(WindowWork):
    def __init__(self, transform, start, now_s):
        super().__init__(transform, Remembered(start.offset, start.offset, start.state), now_s)


def test_the_model_finds_w3_that_it_is_not_committed_how_far_was_read():
    assert_found(TOO_OFTEN, work=ForgetsWhatWasRead)


class HoldsLateCountsBack(WindowWork):
    """They go out with the next updates, after the commit that passes their events."""

    def tick(self, now_s, *, is_at_end):
        held, is_due = self._late, now_s - self._updated_s >= UPDATE_EVERY_S
        self._late = held if is_due else {}
        outputs = super().tick(now_s, is_at_end=is_at_end)
        self._late = {} if is_due else held
        return outputs


def test_the_model_finds_w3_late_counts_that_go_out_after_their_events_are_passed():
    assert_found(LOST, work=HoldsLateCountsBack)


class ReadsAgainIntoAll(WindowWork):
    def _add(self, key, name, time_ms, offset, is_new):
        if not is_new:
            self._is_closed = lambda start: False
        try:
            return super()._add(key, name, time_ms, offset, is_new)
        finally:
            vars(self).pop("_is_closed", None)


@pytest.mark.parametrize("silence", [False, True])
def test_the_model_finds_w4_what_is_read_again_in_windows_that_are_closed(silence):
    assert_found(FINAL_TWICE, silence, work=ReadsAgainIntoAll)


class IsNeverBehind(WindowWork):
    is_behind = False


def test_the_model_finds_w4_a_commit_before_all_is_read_again():
    assert_found(LOST, work=IsNeverBehind)


def test_the_model_finds_w5_memory_that_outlives_a_commit_of_unknown_outcome():
    assert_found(LOST, keeps_on=True)


def test_the_model_finds_w6_memory_that_outlives_a_rebalance():
    assert_found(FINAL_TWICE, keeps_memory=True)


def test_the_model_finds_commits_that_are_not_fenced():
    assert_found(LETTER_TWICE, takes_all=True)
