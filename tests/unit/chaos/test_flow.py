import pytest

from tests.chaos.flow import Track


def longest(*looks):
    """Of (seconds, stored, last acknowledged, under way): the longest pause, whole and behind the brokers."""
    track = Track(0.0)
    found = [track.look(*look) for look in looks]
    return tuple(max(seconds) for seconds in zip(*found, strict=True))


@pytest.mark.parametrize(
    ("looks", "pauses_s"),
    [
        pytest.param([(1, 5, 5, 0), (2, 9, 9, 0), (3, 12, 12, 0)], (1, 1), id="rows at every look"),
        pytest.param([(1, 5, 5, 0), (9, 5, 5, 0), (10, 9, 9, 0)], (1, 1), id="nothing to wait for"),
        pytest.param([(1, 5, 5, 0), (2, 5, 9, 0), (7, 5, 9, 0), (8, 9, 9, 0)], (7, 7), id="the sink waits"),
        pytest.param([(1, 5, 5, 0), (2, 5, 5, 3), (7, 5, 5, 3), (8, 9, 9, 0)], (7, 1), id="the brokers wait"),
        pytest.param([(1, 5, 5, 0), (2, 5, 9, 0), (30, 5, 9, 0)], (29, 29), id="a pause that has not ended"),
        pytest.param([(5, 5, 5, 0)], (5, 5), id="the first row"),
    ],
)
def test_a_pause_lasts_from_the_last_row_to_the_next_while_something_waits(looks, pauses_s):
    assert longest(*looks) == pytest.approx(pauses_s)


def test_behind_the_brokers_counts_only_what_is_acknowledged():
    track = Track(0.0)
    track.look(1, 5, 5, 0)
    assert track.look(6, 5, 5, 2) == (5, 0.0)
    assert track.look(7, 5, 9, 0) == (6, 1)
    assert track.look(8, 9, 9, 0) == (7, 2)


def test_a_new_window_forgets_what_was_before():
    track = Track(0.0)
    track.look(1, 5, 9, 0)
    track.begin(10)
    assert track.look(12, 5, 9, 0) == (2, 2)
