import json

from consumer.transform.event_time import FORGOTTEN_AFTER, NEVER, EventTime
from tests.unit.consumer.transform.material import OTHER, SILENCE_S, UP

FAR_MS = 10**9
"""An end that is not reached."""


def heard(*events, now_s=0.0):
    """A watermark after (upstream, time)."""
    time = EventTime(None, now_s)
    for upstream, time_ms in events:
        time.hear(upstream, time_ms, now_s)
    return time


def test_before_the_first_event_there_is_no_time():
    assert (EventTime(None, 0.0).watermark_ms, EventTime(None, 0.0).slowest_ms) == (NEVER, NEVER)


def test_an_event_at_the_very_beginning_of_time_moves_the_watermark():
    time = EventTime(None, 0.0)
    assert time.hear(UP, 0, 0.0)
    assert time.watermark_ms == 0


def test_the_watermark_is_the_latest_time_of_the_only_partition():
    time = heard((UP, 10), (UP, 30), (UP, 20))
    assert time.watermark_ms == 30


def test_messages_that_name_no_partition_are_of_one():
    assert heard((None, 10), (None, 30)).watermark_ms == 30
    assert heard((None, 10), (UP, 30)).watermark_ms == 10


def test_hearing_says_whether_the_watermark_moved():
    time = EventTime(None, 0.0)
    events = (UP, 10), (OTHER, 5), (UP, 20), (OTHER, 15), (OTHER, 15)
    assert [time.hear(*event, 0.0) for event in events] == [
        True,
        False,
        False,
        True,
        False,
    ]
    assert time.watermark_ms == 15


def test_the_watermark_never_goes_back():
    time = heard((UP, 100))
    assert not time.hear(OTHER, 5, 0.0)
    assert (time.watermark_ms, time.slowest_ms) == (100, 5)
    assert not time.hear(UP, 200, 0.0)
    assert time.hear(OTHER, 150, 0.0)
    assert time.watermark_ms == 150


def test_the_slowest_of_many_decides():
    names = [b"%016x" % number for number in range(100)]
    time = heard(*((name, 1000 + number) for number, name in enumerate(names)))
    assert time.watermark_ms == 1000
    for name in names[:50]:
        time.hear(name, 5000, 0.0)
    assert time.watermark_ms == 1050
    for name in names[50:]:
        time.hear(name, 4000, 0.0)
    assert time.watermark_ms == 4000


def test_at_a_first_start_those_who_have_not_spoken_yet_are_waited_for():
    """One after the other they send what has piled up."""
    time = EventTime(None, 0.0, [UP, OTHER])
    assert not time.hear(UP, 100, 0.0)
    assert (time.watermark_ms, time.slowest_ms) == (NEVER, 100)
    again = EventTime(json.loads(json.dumps(time.state)), 0.0, [b"more"])
    for each in (time, again):
        assert each.hear(OTHER, 50, 0.0)
        assert each.watermark_ms == 50


def test_who_never_speaks_is_not_waited_for_for_ever():
    time = EventTime(None, 0.0, [UP, OTHER])
    time.hear(UP, 100, 20.0)
    assert time.pass_silence(SILENCE_S, SILENCE_S, FAR_MS)
    assert (time.watermark_ms, time.slowest_ms) == (100, 100)


def test_who_is_silent_is_not_waited_for():
    time = heard((UP, 100), (OTHER, 10))
    time.hear(UP, 200, 20.0)
    assert not time.pass_silence(SILENCE_S - 1, SILENCE_S, FAR_MS)
    assert time.pass_silence(SILENCE_S, SILENCE_S, FAR_MS)
    assert (time.watermark_ms, time.slowest_ms) == (200, 10)
    assert time.hear(UP, 300, SILENCE_S)
    assert time.watermark_ms == 300


def test_who_speaks_again_is_waited_for_again():
    time = heard((UP, 100), (OTHER, 10))
    time.hear(UP, 200, 20.0)
    time.pass_silence(SILENCE_S, SILENCE_S, FAR_MS)
    assert not time.hear(OTHER, 11, SILENCE_S)
    assert not time.hear(UP, 500, SILENCE_S)
    assert time.hear(OTHER, 400, SILENCE_S)
    assert time.watermark_ms == 400


def test_when_all_are_silent_time_goes_on_with_the_clock_up_to_an_end():
    time = heard((UP, 1_000), (OTHER, 10))
    assert time.pass_silence(30.0, SILENCE_S, 60_000)
    assert time.watermark_ms == 31_000
    assert time.pass_silence(100.0, SILENCE_S, 60_000)
    assert time.watermark_ms == 60_000
    assert not time.pass_silence(200.0, SILENCE_S, 60_000)


def test_when_all_are_silent_and_nothing_is_open_time_stands_still():
    time = heard((UP, 1_000))
    assert not time.pass_silence(100.0, SILENCE_S, 0)
    assert time.watermark_ms == 1_000


def test_who_is_silent_for_very_long_is_forgotten():
    time = heard((UP, 100), (OTHER, 10))
    for now_s in (SILENCE_S, SILENCE_S * FORGOTTEN_AFTER):
        time.hear(UP, 200 + int(now_s), now_s)
        time.pass_silence(now_s, SILENCE_S, FAR_MS)
    assert list(time.state["ahead"]) == [UP.decode()]
    assert time.slowest_ms == time.watermark_ms == 500


def test_the_last_one_is_never_forgotten():
    time = heard((UP, 100), (OTHER, 10))
    for now_s in (SILENCE_S, SILENCE_S * FORGOTTEN_AFTER, SILENCE_S * FORGOTTEN_AFTER * 2):
        time.pass_silence(now_s, SILENCE_S, 0)
    assert len(time.state["ahead"]) == 1


def test_time_goes_on_without_who_was_silent_through_a_long_backlog():
    """Silence is looked at only at the end of the log: by then it may have lasted very long."""
    time = heard((OTHER, 10), (UP, 100))
    end_s = SILENCE_S * FORGOTTEN_AFTER
    time.hear(UP, 5_000, end_s)
    assert time.pass_silence(end_s, SILENCE_S, FAR_MS)
    assert (time.watermark_ms, time.slowest_ms) == (5_000, 10)
    time.pass_silence(end_s, SILENCE_S, FAR_MS)
    assert time.hear(UP, 6_000, end_s)
    assert (time.watermark_ms, time.slowest_ms) == (6_000, 6_000)


def test_what_is_remembered_gives_the_same_watermark():
    time = heard((OTHER, 10), (None, 50), (UP, 100))
    again = EventTime(json.loads(json.dumps(time.state)), 0.0)
    assert again.state == time.state
    for events in ((OTHER, 70), (None, 90), (OTHER, 95)):
        assert again.hear(*events, 0.0) == time.hear(*events, 0.0)
        assert again.watermark_ms == time.watermark_ms
    assert time.watermark_ms == 90


def test_a_watermark_that_silence_has_moved_is_remembered():
    time = heard((UP, 100), (OTHER, 10))
    time.hear(UP, 200, 20.0)
    time.pass_silence(SILENCE_S, SILENCE_S, FAR_MS)
    again = EventTime(json.loads(json.dumps(time.state)), 0.0)
    assert (again.watermark_ms, again.slowest_ms) == (200, 10)


def test_silence_is_counted_anew_after_a_restart():
    again = EventTime(heard((OTHER, 10), (UP, 100)).state, 1_000.0)
    assert not again.pass_silence(1_000.0 + SILENCE_S - 1, SILENCE_S, FAR_MS)
    assert again.watermark_ms == 10


def test_what_is_remembered_of_a_hundred_partitions_fits_into_metadata():
    minute_ms, now_ms = 60_000, 1_795_000_000_000
    names = [b"%016x" % (2**64 - 1 - number) for number in range(100)]
    time = heard(*((name, now_ms + number * minute_ms) for number, name in enumerate(names)))
    assert len(json.dumps(time.state, separators=(",", ":"))) < 3_500
