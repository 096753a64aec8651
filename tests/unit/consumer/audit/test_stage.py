import numpy as np
import pytest

from consumer.audit.stage import Entered, Left, StageVerdict, entered_of, judge_counts, judge_each


def offsets(*numbers):
    return np.array(numbers, np.uint64)


def entered(**events):
    """Messages by offset (`at3=2`: two events at offset 3)."""
    return Entered(
        offsets(*(int(name.removeprefix("at")) for name in events)), np.array(list(events.values()))
    )


def outputs(*addresses):
    return Left(
        offsets(*(offset for offset, _ in addresses)), np.array([index for _, index in addresses], np.int64)
    )


def each(found, left, dead=(), read=100):
    verdict = StageVerdict("ratings.classify", "dominate", "shadow")
    judge_each(verdict, found, left, offsets(*dead), read)
    assert verdict.entered == (
        verdict.left + verdict.dead + verdict.late + verdict.pending + verdict.missing - verdict.repeated
        if not verdict.repeated
        else verdict.entered
    )
    return verdict


def counts(found, left, dead=(), read=100, open_events=0):
    verdict = StageVerdict("visits.count", "visits-by-store", "active-visitors")
    judge_counts(verdict, found, left, offsets(*dead), read, open_events)
    return verdict


def told(verdict):
    return {
        name: getattr(verdict, name)
        for name in ("entered", "left", "dead", "late", "pending", "missing", "repeated")
        if getattr(verdict, name)
    }


def test_each_event_is_in_an_output_a_dead_letter_or_not_done_yet():
    verdict = each(entered(at0=1, at1=2, at2=1, at5=1), outputs((0, 0), (1, 0), (1, 1)), dead=[2], read=5)
    assert told(verdict) == {"entered": 5, "left": 3, "dead": 1, "pending": 1}
    assert verdict.is_sound


def test_an_event_without_an_output_is_missing_once_its_message_is_done():
    verdict = each(entered(at0=1, at1=2), outputs((0, 0), (1, 0)), read=2)
    assert told(verdict) == {"entered": 3, "left": 2, "missing": 1}
    assert not verdict.is_sound


@pytest.mark.parametrize(
    ("left", "dead", "read"),
    [
        pytest.param([(0, 0), (0, 0)], [], 1, id="an output twice"),
        pytest.param([(0, 0), (0, 1)], [], 1, id="two outputs of one event"),
        pytest.param([(0, 0)], [0], 1, id="an output and a dead letter"),
        pytest.param([(0, 0)], [], 0, id="an output of what is not committed"),
    ],
)
def test_what_is_there_twice_is_repeated(left, dead, read):
    assert each(entered(at0=1), outputs(*left), dead, read).repeated == 1


def test_outputs_of_messages_that_retention_has_deleted_are_passed_over():
    assert told(each(entered(at9=1), outputs((3, 0), (9, 0)))) == {"entered": 1, "left": 1}


def test_counted_events_are_in_final_counts_late_dead_or_in_windows_that_are_open():
    found = entered(at0=4, at1=1, at2=3, at7=2)
    verdict = counts(found, Left(offsets(), offsets(), 4, 1), dead=[1], read=7, open_events=2)
    assert told(verdict) == {"entered": 10, "left": 4, "dead": 1, "late": 1, "pending": 4}
    assert verdict.is_sound


def test_counts_that_fall_short_of_what_was_done_miss_events():
    verdict = counts(entered(at0=5), Left(offsets(), offsets(), 3, 0), open_events=1)
    assert (verdict.missing, verdict.repeated) == (1, 0)


def test_counts_above_what_was_done_repeat_events():
    verdict = counts(entered(at0=5), Left(offsets(), offsets(), 6, 0))
    assert (verdict.missing, verdict.repeated) == (0, 1)


def test_a_partition_without_messages_is_sound():
    assert told(each(entered_of([], []), outputs())) == {}
    assert told(counts(entered_of([], []), Left(offsets(), offsets()))) == {}


def test_the_parts_of_a_partition_are_put_end_to_end():
    found = entered_of([offsets(0, 1), offsets(4)], [np.array([1, 2]), np.array([3])])
    assert (found.offsets.tolist(), found.events.tolist()) == ([0, 1, 4], [1, 2, 3])
    assert (found.below(4), found.at(offsets(1, 4))) == (3, 5)
