import numpy as np
import pytest

from consumer.audit.stage import Done, Entered, Left, StageVerdict, Sums, entered_of, judge_counts, judge_each


def offsets(*numbers):
    return np.array(numbers, np.uint64)


def entered(**events):
    """Messages by offset (`at3=2`: two events at offset 3)."""
    return Entered(
        offsets(*(int(name.removeprefix("at")) for name in events)), np.array(list(events.values()))
    )


def counted(*said, total=False):
    """Outputs that count: (offset, index, how many events, how many late)."""
    columns = np.array(said, np.int64).reshape(-1, 4).T
    return Left(*columns[:2].astype(np.uint64), *columns[2:], np.full(len(said), total))


def outputs(*addresses):
    return counted(*((offset, index, 0, 0) for offset, index in addresses))


def each(found, left, dead=(), read=100, then=None):
    verdict = StageVerdict("ratings.classify", "dominate", "shadow")
    judge_each(verdict, found, left, offsets(*dead), Done(read), Done(read if then is None else then))
    assert verdict.entered == (
        verdict.left + verdict.dead + verdict.late + verdict.pending + verdict.missing - verdict.repeated
        if not verdict.repeated
        else verdict.entered
    )
    return verdict


def counts(found, left, dead=(), read=100, open_events=0, then=None):
    verdict = StageVerdict("visits.count", "visits-by-store", "active-visitors")
    done = Done(read, open_events)
    judge_counts(verdict, Sums().plus(found, offsets(*dead), done), left, done, then or done)
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


MOVING = entered(at0=1, at1=2, at2=1, at3=1, at4=1)


def test_what_is_done_while_the_audit_looks_may_be_seen_or_not():
    verdict = each(MOVING, outputs((0, 0), (1, 0), (1, 1), (3, 0)), read=2, then=4)
    assert told(verdict) == {"entered": 6, "left": 4, "pending": 2}
    verdict = each(MOVING, outputs((0, 0), (1, 1)), read=1, then=4)  # of a message of two events, one
    assert told(verdict) == {"entered": 6, "left": 2, "pending": 4}
    verdict = each(MOVING, outputs((0, 0)), dead=[1, 2], read=1, then=4)
    assert told(verdict) == {"entered": 6, "left": 1, "dead": 3, "pending": 2}


@pytest.mark.parametrize(
    "left",
    [
        pytest.param([(0, 0), (3, 0), (3, 1)], id="two outputs of one event"),
        pytest.param([(0, 0), (3, 0), (3, 0)], id="an output twice"),
        pytest.param([(0, 0), (4, 0)], id="an output of what is not committed even then"),
    ],
)
def test_what_is_repeated_while_the_audit_looks_is_found(left):
    assert each(MOVING, outputs(*left), read=1, then=4).repeated == 1


def test_what_is_done_already_is_missed_while_the_others_move():
    assert each(MOVING, outputs((0, 0), (3, 0)), read=3, then=4).missing == 3


COUNTING = entered(at0=4, at1=3, at2=2)


@pytest.mark.parametrize(
    ("left", "then"),
    [
        pytest.param([], Done(2, 7), id="nothing moves"),
        pytest.param([(1, 0, 5, 0)], Done(2, 2), id="silence has closed a window"),
        pytest.param([(1, 0, 5, 0)], Done(3, 4), id="silence has closed one, and others came"),
        pytest.param([(2, 0, 8, 1)], Done(3, 0), id="what came has closed windows"),
        pytest.param([], Done(3, 0), id="what came has closed windows, and was not seen"),
    ],
)
def test_windows_that_close_while_the_audit_looks_are_in_order(left, then):
    verdict = counts(COUNTING, counted(*left), read=2, open_events=7, then=then)
    assert verdict.is_sound
    assert verdict.entered == verdict.left + verdict.late + verdict.pending


@pytest.mark.parametrize("then", [Done(2, 0), Done(3, 1), Done(3, 0)])
def test_a_histogram_that_goes_on_while_the_audit_looks_is_in_order(then):
    left = counted((0, 0, 4, 0), (1, 0, 7, 0), (2, 0, 9, 0), total=True)
    if then.read == 2:
        left = left.where(left.offsets < 2)
    assert counts(COUNTING, left, read=2, open_events=3, then=then).is_sound


def test_letters_that_come_while_the_audit_looks_are_not_taken_from_what_was_done():
    verdict = counts(COUNTING, counted(), dead=[2], read=2, open_events=7, then=Done(3, 7))
    assert told(verdict) == {"entered": 9, "pending": 9}


def test_counts_are_missed_and_repeated_while_the_others_move():
    assert counts(COUNTING, counted((0, 0, 3, 0)), read=2, open_events=3, then=Done(3)).missing == 1
    assert counts(COUNTING, counted((0, 0, 5, 0)), read=2, open_events=3, then=Done(3)).repeated == 1


def test_the_newest_total_counts_and_the_others_add_up():
    assert counted((0, 0, 4, 1), (1, 0, 3, 0)).sums() == (7, 1)
    assert counted((8, 0, 9, 0), (1, 0, 3, 0), total=True).sums() == (9, 0)


def test_counted_events_are_in_final_counts_late_dead_or_in_windows_that_are_open():
    found = entered(at0=4, at1=1, at2=3, at7=2)
    verdict = counts(found, counted((4, 0, 4, 1)), dead=[1], read=7, open_events=2)
    assert told(verdict) == {"entered": 10, "left": 4, "dead": 1, "late": 1, "pending": 4}
    assert verdict.is_sound


def test_counts_that_fall_short_of_what_was_done_miss_events():
    verdict = counts(entered(at0=5), counted((0, 0, 3, 0)), open_events=1)
    assert (verdict.missing, verdict.repeated) == (1, 0)


def test_counts_above_what_was_done_repeat_events():
    verdict = counts(entered(at0=5), counted((0, 0, 6, 0)))
    assert (verdict.missing, verdict.repeated) == (0, 1)


def test_a_partition_without_messages_is_sound():
    assert told(each(entered_of([], []), outputs())) == {}
    assert told(counts(entered_of([], []), counted())) == {}


def test_the_parts_of_a_partition_are_put_end_to_end():
    found = entered_of([offsets(0, 1), offsets(4)], [np.array([1, 2]), np.array([3])])
    assert (found.offsets.tolist(), found.events.tolist()) == ([0, 1, 4], [1, 2, 3])
    assert (found.below(4), found.at(offsets(1, 4))) == (3, 5)
