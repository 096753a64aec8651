"""Where a group stands, in numbers and in words."""

from __future__ import annotations

import uuid

import pytest

from common.commits.intent import Intent
from common.commits.position import Position, look
from common.model.address import tp_address
from common.model.ranges import Committed
from common.model.record import Layout, Partition
from common.model.stream import Feed

TOPIC_ID, OLD_ID = uuid.UUID(int=1), uuid.UUID(int=2)
AT = Partition("orders", 3)


def intent(**fields: object) -> Intent:
    return Intent(**({"topic": TOPIC_ID.hex, "schema": "s"} | fields))  # type: ignore[arg-type]


class Brokers:
    """A log of offsets 10-30, and what a group has committed for it."""

    def __init__(self, committed: Committed | None = None) -> None:
        self._committed = {AT: committed} if committed else {}

    def committed(self, group):
        return self._committed if group == "ours" else {}

    def layouts(self, topics):
        return {"orders": Layout(TOPIC_ID, (AT,))} if "orders" in topics else {}

    def first_offsets(self, partitions):
        return dict.fromkeys(partitions, 10)

    def end_offsets(self, partitions):
        return dict.fromkeys(partitions, 30)


def position(committed: Committed | None = None) -> Position:
    feed = Feed(topic="orders", event=None, tables=())  # type: ignore[arg-type]
    (found,) = look(Brokers(committed), "ours", [feed])["orders"]
    return found


@pytest.mark.parametrize(
    ("committed", "lag", "state"),
    [
        (None, 20, "nothing committed"),
        (Committed(25, ""), 5, "set by another tool"),
        (Committed(25, intent().encode()), 5, "lagging"),
        (Committed(30, intent().encode()), 0, "all stored"),
        (Committed(25, intent(next=28).encode()), 5, "inserting 25-28"),
        (
            Committed(25, intent(next=28, attempt=3, pieces=2).encode()),
            5,
            "inserting 25-28, attempt 3, in 2 pieces",
        ),
        (Committed(25, intent(parked="why").encode()), 5, "parked"),
        (Committed(25, intent(topic=OLD_ID.hex).encode()), 20, "nothing committed"),
    ],
    ids=[
        "no commit",
        "no metadata",
        "lagging",
        "idle",
        "in flight",
        "in trouble",
        "parked",
        "of a topic that is gone",
    ],
)
def test_says_what_is_committed(committed, lag, state):
    found = position(committed)
    assert (found.lag, found.state, found.tp) == (lag, state, tp_address(TOPIC_ID, 3))


@pytest.mark.parametrize(
    ("committed", "bound"),
    [
        (None, 10),
        (Committed(25, intent(topic=OLD_ID.hex).encode()), 10),
        (Committed(25, intent().encode()), 25),
        (Committed(25, intent(next=28).encode()), 28),
    ],
    ids=["no commit", "of a topic that is gone", "idle", "in flight"],
)
def test_rows_may_lie_below_the_offset_that_a_sink_would_insert_next(committed, bound):
    assert position(committed).bound == bound


@pytest.mark.parametrize(
    ("committed", "remark"),
    [
        (None, "group ours has committed nothing of it yet"),
        (Committed(25, "?"), "set by another tool"),
        (Committed(4, intent().encode()), "offsets 4-10 were deleted by retention before they were stored"),
        (Committed(31, intent().encode()), "31 is past the end of the log, 30"),
        (Committed(25, intent(parked="flooded").encode()), "parked: flooded"),
    ],
    ids=["no commit", "foreign", "expired", "cut off", "parked"],
)
def test_remarks_on_what_somebody_should_know(committed, remark):
    (found,) = position(committed).remarks("ours")
    assert remark in found


@pytest.mark.parametrize(("offset", "out_of_range"), [(9, True), (10, False), (30, False), (31, True)])
def test_an_offset_outside_of_the_log_is_out_of_range(offset, out_of_range):
    assert position(Committed(offset, intent().encode())).is_out_of_range is out_of_range


def test_what_is_in_order_needs_no_remark():
    found = position(Committed(25, intent(next=28).encode()))
    assert (found.remarks("ours"), found.is_out_of_range, found.expired) == ([], False, 0)


def test_a_topic_that_is_not_there_is_left_out():
    feed = Feed(topic="nope", event=None, tables=())
    assert look(Brokers(), "ours", [feed]) == {}


def test_a_position_says_why_the_last_batch_was_cut():
    assert position(Committed(20, intent(cut="age").encode())).cut == "age"
    assert position(Committed(20, intent().encode())).cut == ""
    assert position(Committed(20, "another tool")).cut == ""
    assert position().cut == ""


@pytest.mark.parametrize(
    ("committed", "says"),
    [
        (None, ""),
        (Committed(25, intent().encode()), ""),
        (Committed(25, intent(parked="flooded").encode()), "flooded"),
        (Committed(25, "?"), "set by another tool"),
        (Committed(4, intent().encode()), "offsets 4-10 were deleted by retention"),
    ],
    ids=["no commit", "in order", "parked", "foreign", "expired"],
)
def test_a_position_says_why_nobody_goes_on_with_it(committed, says):
    parked = position(committed).parked
    assert (bool(parked), says in parked) == (bool(says), True)
