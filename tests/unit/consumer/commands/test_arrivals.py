"""Each row is new once, whenever it becomes visible."""

import consumer.commands.arrivals as arrivals_module
from common.model.ranges import Found, Place
from consumer.commands.arrivals import SETTLED_S, Arrivals

FOUR, FIVE, SIX, SEVEN = (Found(1, Place(offset, 0), "all_1_1_0") for offset in (4, 5, 6, 7))


def taken(arrivals, found, now_s=0.0):
    """What is new of what is above the floors; it is shown then."""
    visible = [each for each in found if each.place > arrivals.floors.get(each.tp, Place(-1, 0))]
    new = arrivals.new_among(visible)
    arrivals.shown(new, now_s)
    arrivals.forget(now_s)
    return new


def test_a_row_is_new_until_it_was_shown():
    arrivals = Arrivals({1: Place(3, 0)})
    assert arrivals.new_among([FOUR]) == arrivals.new_among([FOUR]) == [FOUR]
    arrivals.shown([FOUR], 0.0)
    assert arrivals.new_among([FOUR, FIVE]) == [FIVE]


def test_a_row_that_is_there_twice_is_new_once():
    assert Arrivals({}).new_among([FOUR, FOUR._replace(part="all_2_2_0")]) == [
        FOUR._replace(part="all_2_2_0")
    ]


def test_a_row_that_becomes_visible_late_is_new():
    arrivals = Arrivals({1: Place(3, 0)})
    assert taken(arrivals, [FIVE, SIX]) == [FIVE, SIX]
    assert taken(arrivals, [FOUR, FIVE, SIX, SEVEN], SETTLED_S - 1) == [FOUR, SEVEN]


def test_the_floor_rises_when_rows_were_shown_long_ago():
    arrivals = Arrivals({1: Place(3, 0), 2: Place(8, 1)})
    taken(arrivals, [FOUR, FIVE], 0.0)
    assert taken(arrivals, [FOUR, FIVE, SIX], SETTLED_S) == [SIX]
    assert arrivals.floors == {1: Place(5, 0), 2: Place(8, 1)}
    assert taken(arrivals, [FOUR, FIVE, SIX, SEVEN], SETTLED_S) == [SEVEN]


def test_the_floor_rises_when_rows_are_too_many(monkeypatch):
    monkeypatch.setattr(arrivals_module, "MOST_REMEMBERED", 2)
    arrivals = Arrivals({})
    of_one_message = [Found(1, Place(4, row), "p") for row in range(5)]
    assert taken(arrivals, of_one_message) == of_one_message
    assert arrivals.floors == {1: Place(4, 2)}
    assert taken(arrivals, [*of_one_message, FIVE]) == [FIVE]


def test_all_rows_of_a_partition_that_nobody_knew_are_new():
    arrivals = Arrivals({1: Place(9, 0)})
    other = Found(2, Place(0, 0), "p")
    assert taken(arrivals, [FOUR, other]) == [other]
