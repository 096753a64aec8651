"""Windows, rule by rule; `test_window_model.py` runs the same code through random schedules."""

import pytest

from common.errors import FeedBlocked
from common.model.codec import encode
from common.model.reasons import Kind
from consumer.transform.windows import UPDATE_EVERY_S, WindowWork
from consumer.transform.work import Remembered
from tests.unit.consumer.material import array
from tests.unit.consumer.transform.material import (
    FRESH,
    GRACE_MS,
    OTHER,
    SILENCE_S,
    SIZE_MS,
    UP,
    Visit,
    run,
    said,
    visit,
    windows,
)

CLOSING_MS = SIZE_MS + GRACE_MS
"""The first window is closed when event time has come so far."""


def work(start=FRESH, now_s=0.0, **changes):
    return WindowWork(windows(**changes), start, now_s)


def tick(made, now_s=UPDATE_EVERY_S, *, is_at_end=True):
    return made.tick(now_s, is_at_end=is_at_end)


def visits(*times, key="k"):
    """One message each, with an id of its own."""
    return [visit(f"v{index}-{time}", time, key) for index, time in enumerate(times)]


# What a window counts


def test_ids_are_counted_once_per_key_and_window():
    made = work()
    made.take(run([visit("a", 1), visit("a", 2), visit("b", 3), visit("a", 4, "other")]), 0.0)
    assert said(made.take(run(visits(CLOSING_MS), 4), 0.0).outputs) == [
        ("k", 0, 2, 0, "final"),
        ("other", 0, 1, 0, "final"),
    ]


def test_an_id_counts_in_each_window_that_it_is_seen_in():
    made = work()
    made.take(run([visit("a", SIZE_MS - 1), visit("a", SIZE_MS)]), 0.0)
    closing = made.take(run(visits(CLOSING_MS + SIZE_MS), 2), 0.0)
    assert said(closing.outputs) == [("k", 0, 1, 0, "final"), ("k", SIZE_MS, 1, 0, "final")]


def test_a_window_takes_events_until_event_time_has_passed_its_end_by_the_grace():
    made = work()
    made.take(run(visits(5, CLOSING_MS - 1)), 0.0)
    assert made.take(run(visits(99), 2), 0.0).late == 0
    closing = made.take(run(visits(CLOSING_MS, 98), 3), 0.0)
    assert said(closing.outputs) == [("k", 0, 2, 0, "final")]
    assert closing.late == 1


def test_an_output_says_which_message_it_comes_from_and_bears_the_latest_time_of_a_record():
    made = work()
    outputs = made.take(
        run(
            [visit("a", 1), visit("b", 2, "other"), *visits(CLOSING_MS)],
            7,
            timestamps=[100, 300, 200],
        ),
        0.0,
    ).outputs
    assert (outputs.keys, outputs.timestamps) == ([b"k", b"other"], [300, 300])
    assert list(zip(outputs.offsets, outputs.indexes, strict=True)) == [(9, 0), (9, 1)]


def test_no_two_outputs_say_that_they_are_the_same_one_of_the_same_message():
    made = work()
    outputs = [
        made.take(run(visits(1, CLOSING_MS)), 0.0).outputs,
        tick(made, 1.0),
        tick(made, SILENCE_S + 1),
    ]
    sources = [pair for each in outputs for pair in zip(each.offsets, each.indexes, strict=True)]
    assert len(sources) == len(set(sources)) == 3


def test_updates_come_for_what_has_changed_and_not_more_often_than_stated():
    made = work()
    made.take(run(visits(1, 2)), 0.0)
    assert said(tick(made, UPDATE_EVERY_S - 0.1)) == []
    assert said(tick(made, UPDATE_EVERY_S)) == [("k", 0, 2, 0, "open")]
    made.take(run([visit("v0-1", 1)], 2), 1.0)  # known already
    assert said(tick(made, 9.0)) == []
    made.take(run([visit("new", 1, "other")], 3), 9.0)
    assert said(tick(made, 9.5)) == [("other", 0, 1, 0, "open")]


def test_w3_a_late_event_is_counted_in_the_commit_that_passes_it():
    """Nobody reads it again, so a crash after that commit must not lose its count."""
    made = work()
    made.take(run(visits(1, CLOSING_MS, 2, 3)), 0.0)
    assert said(tick(made, 0.0)) == [("k", 0, 0, 2, "late")]
    assert said(tick(made, 5.0)) == [("k", SIZE_MS, 1, 0, "open")]


# W1


def test_w1_the_watermark_moves_event_by_event():
    together, apart = work(), work()
    values = [*visits(5, CLOSING_MS, 6), visit("late", 7)]
    made = together.take(run(values), 0.0)
    one_by_one = [apart.take(run([value], offset), 0.0) for offset, value in enumerate(values)]
    assert made.late == sum(each.late for each in one_by_one) == 2
    assert said(made.outputs) == [("k", 0, 1, 0, "final")]
    assert made.outputs.values == [value for each in one_by_one for value in each.outputs.values]


def test_w1_the_events_of_one_message_are_taken_one_by_one_too():
    made = work().take(run([array(*visits(5, CLOSING_MS, 6))]), 0.0)
    assert (said(made.outputs), made.late) == ([("k", 0, 1, 0, "final")], 1)


# W2


def test_w2_the_offset_stays_at_the_oldest_event_of_an_open_window():
    made = work()
    made.take(run(visits(SIZE_MS, 5, SIZE_MS + 1), 40), 0.0)
    assert made.remembered.offset == 40
    made.take(run(visits(CLOSING_MS), 43), 0.0)
    assert made.remembered.offset == 40
    made.take(run(visits(3 * SIZE_MS), 44), 0.0)
    assert made.remembered[:2] == (44, 45)


def test_w2_without_an_open_window_the_offset_is_where_reading_goes_on():
    made = work(Remembered(7, 7, None))
    assert made.remembered[:2] == (7, 7)
    made.take(run([b"bad"], 7, next_offset=12), 0.0)
    assert made.remembered[:2] == (12, 12)


def test_w2_a_restart_has_the_open_windows_again():
    made = work()
    made.take(run(visits(5, 6)), 0.0)
    again = work(made.remembered)
    again.take(run(visits(5, 6)), 0.0)
    closing = again.take(run(visits(CLOSING_MS), 2), 0.0)
    assert said(closing.outputs) == [("k", 0, 2, 0, "final")]


# W3


def test_w3_a_window_that_was_closed_stays_closed_after_a_restart():
    made = work()
    values = visits(SIZE_MS, 5, CLOSING_MS)
    made.take(run(values), 0.0)
    again = work(made.remembered)
    assert said(again.take(run(values), 0.0).outputs) == []
    assert said(again.take(run(visits(CLOSING_MS + SIZE_MS), 3), 0.0).outputs) == [
        ("k", SIZE_MS, 2, 0, "final")
    ]


def test_w3_late_events_that_are_read_again_are_not_counted_again():
    made = work()
    values = visits(SIZE_MS, CLOSING_MS, 5)
    assert made.take(run(values), 0.0).late == 1
    again = work(made.remembered)
    assert again.take(run(values), 0.0).late == 0
    assert said(tick(again, 9.0)) == []


# W4


def test_w4_what_is_read_again_makes_no_output():
    made = work()
    values = [*visits(SIZE_MS, 5, CLOSING_MS, 6), b"bad"]
    made.take(run(values), 0.0)
    again = work(made.remembered)
    result = again.take(run(values), 0.0)
    assert (said(result.outputs), result.bad, result.late) == ([], {}, 0)
    assert said(tick(again, 9.0, is_at_end=False)) == []


def test_w4_what_is_read_again_goes_only_into_windows_that_are_open():
    made = work()
    values = visits(SIZE_MS, 5, CLOSING_MS, 6)
    made.take(run(values), 0.0)
    again = work(made.remembered)
    again.take(run(values), 0.0)
    assert said(again.take(run(visits(9 * SIZE_MS), 4), 0.0).outputs) == [("k", SIZE_MS, 2, 0, "final")]


def test_w4_work_is_behind_until_it_has_read_again_what_it_must():
    made = work()
    values = visits(5, 6, 7)
    made.take(run(values), 0.0)
    again = work(made.remembered)
    assert again.is_behind
    again.take(run(values[:2]), 0.0)
    assert again.is_behind
    assert said(tick(again, 9 * SILENCE_S)) == []
    again.take(run(values[2:], 2), 0.0)
    assert not again.is_behind


def test_a_run_may_hold_what_is_read_again_and_what_is_new():
    made = work()
    values = visits(SIZE_MS, CLOSING_MS, 5)
    made.take(run(values[:2]), 0.0)
    again = work(made.remembered)
    result = again.take(run([*values, b"bad"]), 0.0)
    assert result.late == 1
    assert list(result.bad) == [3]
    assert again.remembered[:2] == (0, 4)


def test_nothing_is_remembered_differently_after_a_restart():
    made = work()
    values = visits(5, SIZE_MS, CLOSING_MS, 6, SIZE_MS + 7)
    made.take(run(values), 0.0)
    offset = made.remembered.offset
    again = work(made.remembered)
    assert again.remembered.read == made.remembered.read
    again.take(run(values[offset:], offset), 0.0)
    assert again.remembered == made.remembered


# W7


def test_w7_silence_closes_windows_only_at_the_end_of_the_log():
    made = work()
    made.take(run(visits(5, 6)), 0.0)
    tick(made)
    later_s = SILENCE_S + 1
    assert said(tick(made, later_s, is_at_end=False)) == []
    assert said(tick(made, later_s, is_at_end=True)) == [("k", 0, 2, 0, "silence")]
    assert made.remembered[:2] == (2, 2)


def test_w7_silence_after_a_restart_is_counted_from_the_restart():
    made = work()
    made.take(run(visits(5)), 0.0)
    again = work(made.remembered, now_s=1000.0)
    again.take(run(visits(5)), 1000.0)
    assert said(tick(again, 1000.0 + SILENCE_S - 1)) == []
    assert said(tick(again, 1000.0 + SILENCE_S)) == [("k", 0, 1, 0, "silence")]


def test_w7_who_speaks_less_often_than_the_silence_lasts_is_not_late():
    made = work(size_s=60.0, grace_s=10.0)
    made.take(run(visits(5_000)), 5.0)
    assert said(tick(made, 44.0)) == [("k", 0, 1, 0, "open")]
    assert made.take(run(visits(45_000), 1), 45.0).late == 0
    assert said(tick(made, 74.0)) == [("k", 0, 2, 0, "open")]
    assert said(tick(made, 75.0)) == [("k", 0, 2, 0, "silence")]


def test_w7_what_comes_after_silence_has_closed_its_window_is_late():
    made = work()
    made.take(run(visits(5)), 0.0)
    tick(made, SILENCE_S)
    assert made.take(run(visits(6), 1), SILENCE_S).late == 1
    assert made.take(run(visits(SIZE_MS + 1), 2), SILENCE_S).late == 0


def test_w7_a_window_that_was_closed_by_silence_stays_closed_after_a_restart():
    made = work()
    made.take(run(visits(5)), 0.0)
    tick(made, SILENCE_S)
    assert work(made.remembered).take(run(visits(6), 1), 0.0).late == 1


# W8


@pytest.mark.parametrize("time_ms", [60_001, 10**13, 2**62])
def test_w8_a_time_from_the_future_is_bad_data_and_does_not_move_the_watermark(time_ms):
    made = work()
    result = made.take(run([visit("a", 5), visit("b", time_ms), visit("c", 6)]), 0.0)
    assert {index: reason.kind for index, reason in result.bad.items()} == {1: Kind.OUT_OF_RANGE}
    assert (said(result.outputs), result.late) == ([], 0)
    assert made.remembered.state["time"]["watermark"] == 6


def test_w8_it_is_the_time_of_the_record_that_a_time_is_compared_with():
    made = work()
    result = made.take(run(visits(70_000, 70_001), timestamps=[10_000, 10_000]), 0.0)
    assert list(result.bad) == [1]


# W9


def test_w9_the_slowest_partition_upstream_decides():
    made = work()
    values = visits(5, 6, CLOSING_MS, 7)
    result = made.take(run(values, upstreams=[UP, OTHER, UP, OTHER]), 0.0)
    assert (said(result.outputs), result.late) == ([], 0)
    closing = made.take(run(visits(CLOSING_MS), 4, upstreams=[OTHER]), 0.0)
    assert said(closing.outputs) == [("k", 0, 3, 0, "final")]


def test_w9_it_is_remembered_how_far_each_partition_upstream_has_come():
    made = work()
    values = visits(5, 6, CLOSING_MS)
    made.take(run(values, upstreams=[UP, OTHER, UP]), 0.0)
    again = work(made.remembered)
    again.take(run(values, upstreams=[UP, OTHER, UP]), 0.0)
    assert said(again.take(run(visits(SIZE_MS), 3), 0.0).outputs) == []
    closing = again.take(run(visits(CLOSING_MS), 4, upstreams=[OTHER]), 0.0)
    assert said(closing.outputs) == [("k", 0, 2, 0, "final")]


def test_w9_final_counts_say_that_a_slower_partition_was_not_waited_for():
    made = work()
    made.take(run(visits(5, 6), upstreams=[UP, OTHER]), 0.0)
    tick(made, 1.0)
    made.take(run(visits(CLOSING_MS), 2), SILENCE_S)
    assert said(tick(made, SILENCE_S))[0] == ("k", 0, 2, 0, "silence")


# Bad data


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b'{"id": "a", "key": "k"}', Kind.MISSING_FIELD),
        (b'{"id": 1, "time": 1}', Kind.WRONG_TYPE),
        (b'{"id": "a", "time": "1"}', Kind.WRONG_TYPE),
        (b'{"id": "a", "time": 1.5}', Kind.WRONG_TYPE),
        (b'{"id": "a", "time": -1}', Kind.OUT_OF_RANGE),
        (b"", Kind.EMPTY),
        (None, Kind.TOMBSTONE),
        (b"[]", Kind.EMPTY_ARRAY),
        (b"{", Kind.NOT_JSON),
        (b'{"id": "\xff", "time": 1}', Kind.NOT_UTF8),
    ],
)
def test_a_bad_message_is_counted_nowhere_and_the_others_are(value, kind):
    made = work()
    result = made.take(run([visit("a", 1), value, visit("b", 2)]), 0.0)
    assert {index: reason.kind for index, reason in result.bad.items()} == {1: kind}
    assert said(tick(made)) == [("k", 0, 2, 0, "open")]


def test_unknown_fields_are_ignored():
    made = work()
    assert made.take(run([b'{"id": "a", "time": 1, "more": [{"x": null}]}']), 0.0).bad == {}
    assert said(tick(made)) == [("k", 0, 1, 0, "open")]


def test_a_huge_id_is_an_id():
    made = work()
    huge = "x" * (1 << 20)
    made.take(run([visit(huge, 1), visit(huge, 2), visit(huge + "y", 3)]), 0.0)
    assert said(tick(made)) == [("k", 0, 2, 0, "open")]
    assert len(str(made.remembered)) < 300


@pytest.mark.parametrize("bad", [Visit("c", 10**13), Visit("c", -1)])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_nothing_is_counted_of_a_message_with_a_bad_event(bad, place):
    made = work()
    events = [visit("a", 1), visit("b", CLOSING_MS)]
    events.insert(place, encode(bad))
    result = made.take(run([array(*events), visit("a", 2)]), 0.0)
    assert list(result.bad) == [0]
    assert (said(result.outputs), result.late) == ([], 0)
    assert said(tick(made)) == [("k", 0, 1, 0, "open")]
    assert made.remembered.state["time"]["watermark"] == 2
    assert made.remembered.offset == 1


@pytest.mark.parametrize("error", [SystemExit(1), ValueError("no"), RecursionError(), StopIteration()])
@pytest.mark.parametrize("part", ["key", "id", "time_ms"])
def test_whatever_a_stream_raises_of_an_event_makes_its_message_bad(part, error):
    def fail(event):
        if event.id == "bad":
            raise error
        return getattr(windows(), part)(event)

    made = work(**{part: fail})
    result = made.take(run([visit("a", 1), visit("bad", 2), visit("b", 3)]), 0.0)
    assert {index: reason.kind for index, reason in result.bad.items()} == {1: Kind.STREAM_FAILED}
    assert said(tick(made)) == [("k", 0, 2, 0, "open")]


@pytest.mark.parametrize(
    ("part", "value"), [("key", "text"), ("key", None), ("id", []), ("id", None), ("time_ms", 1.5)]
)
def test_a_stream_that_gives_something_else_makes_its_messages_bad(part, value):
    made = work(**{part: lambda event: value})
    assert made.take(run([visit("a", 1)]), 0.0).bad[0].kind is Kind.STREAM_FAILED


@pytest.mark.parametrize("error", [SystemExit(1), ValueError("no")])
def test_a_count_that_a_stream_cannot_make_an_output_of_parks_the_source(error):
    def fail(key, count):
        raise error

    made = work(make=fail)
    with pytest.raises(FeedBlocked, match=r"in count: mend the stream file"):
        made.take(run(visits(1, CLOSING_MS)), 0.0)


# Bounds


def test_windows_that_hold_too_many_events_park_the_source():
    made = work(most_events=3)
    made.take(run(visits(1, 2, 3)), 0.0)
    with pytest.raises(FeedBlocked, match="hold more than 3 events"):
        made.take(run(visits(4), 3), 0.0)


def test_an_old_window_that_would_have_too_much_read_again_parks_the_source():
    made = work(most_events=3)
    made.take(run([visit("a", 1)] * 3), 0.0)
    with pytest.raises(FeedBlocked, match="raise most_events"):
        made.take(run([visit("a", 1)], 3), 0.0)


def test_closed_windows_hold_nothing():
    made = work(most_events=3)
    for number in range(10):
        made.take(run(visits(2 * number * CLOSING_MS, 2 * number * CLOSING_MS + 1), 2 * number), 0.0)
    assert made.remembered[:2] == (18, 20)


@pytest.mark.parametrize("changes", [{"size_s": 0.2}, {"grace_s": 0.0}])
def test_windows_of_another_size_do_not_go_on_with_what_is_remembered(changes):
    made = work()
    with pytest.raises(ValueError, match="its windows were of"):
        work(made.remembered, **changes)
