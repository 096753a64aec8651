"""Where a group goes on when its own word is lost."""

from __future__ import annotations

import uuid

import pytest

from common.commits.intent import Intent, decode
from common.commits.position import Position
from common.model.record import Partition
from consumer.audit.adoption import (
    TAIL_OFFSETS,
    TAIL_ROWS,
    Step,
    decide,
    objection,
    stored_until,
    without_overtaken_range,
)
from consumer.audit.judge import Verdict

TOPIC_ID = uuid.UUID(int=1)
AT = Partition("orders", 0)
FIRST, END = 100, 2_000_000
NEW = Intent(topic=TOPIC_ID.hex, schema="new")
OURS = Intent(topic=TOPIC_ID.hex, schema="old")
FLYING = Intent(topic=TOPIC_ID.hex, schema="old", next=600, attempt=2)


def position(committed: int | None, intent: Intent | None, first: int = FIRST) -> Position:
    return Position(
        partition=AT,
        topic_id=TOPIC_ID,
        first=first,
        end=END,
        committed=committed,
        intent=intent,
    )


NOTHING, FOREIGN, IDLE, IN_FLIGHT = (
    position(None, None),
    position(300, None),
    position(500, OURS),
    position(500, FLYING),
)


def verdict(until, first_missing=None, **counts):
    missing = 0 if first_missing is None else 1
    return Verdict(AT, 77, FIRST, until, first_missing=first_missing, missing=missing, **counts)


@pytest.mark.parametrize(
    ("at", "highest", "expected"),
    [
        (NOTHING, None, FIRST),
        (NOTHING, 399, 400),
        (NOTHING, 50, FIRST),
        (FOREIGN, None, FIRST),
        (FOREIGN, 399, 400),
        (IDLE, 399, 500),
        (IDLE, 549, 550),
        (IN_FLIGHT, 549, 500),
    ],
    ids=[
        "nothing at all",
        "rows only",
        "rows that kafka has forgotten",
        "foreign, no rows",
        "foreign and rows",
        "ours, markers at the end",
        "ours, set back by hand",
        "a range in flight",
    ],
)
def test_the_tables_say_how_far_it_is_stored(at, highest, expected):
    assert stored_until(at, highest) == expected


@pytest.mark.parametrize("at", [NOTHING, FOREIGN], ids=["nothing committed", "foreign"])
def test_goes_on_behind_what_is_stored(at):
    step = decide(at, verdict(400, messages=290), NEW)
    assert step.commit is not None
    assert step.commit.offset == 400
    assert decode(step.commit.metadata, "") == Intent(topic=TOPIC_ID.hex, schema="new")


def test_what_is_named_is_rebuilt_under_the_limits_of_todays_settings():
    today = Intent(topic=TOPIC_ID.hex, schema="new", max_message_rows=60, max_unpacked_bytes=1 << 20)
    step = decide(IDLE, verdict(500, 450, messages=300, rows=900), today)
    named = decode(step.commit.metadata, "")
    assert (named.next, named.max_message_rows, named.max_unpacked_bytes) == (500, 60, 1 << 20)


def test_starts_at_the_log_where_nothing_is_stored():
    step = decide(FOREIGN, verdict(FIRST), NEW)
    assert step.commit is not None
    assert step.commit.offset == FIRST


@pytest.mark.parametrize("at", [IDLE, IN_FLIGHT], ids=["idle", "a range in flight"])
def test_leaves_alone_what_is_in_order(at):
    step = decide(at, verdict(500), NEW)
    assert (step.commit, step.refused) == (None, False)


@pytest.mark.parametrize("at", [NOTHING, FOREIGN, IDLE], ids=["nothing committed", "foreign", "ours"])
def test_names_the_range_from_the_first_missing_message_on(at):
    step = decide(at, verdict(500, 450, messages=300, rows=900), NEW)
    assert step.commit is not None
    assert step.commit.offset == 450
    assert decode(step.commit.metadata, "") == Intent(topic=TOPIC_ID.hex, schema="new", next=500)


@pytest.mark.parametrize(
    ("at", "found", "says"),
    [
        (IDLE, verdict(FIRST + TAIL_OFFSETS + 1, FIRST, messages=1), "would have to be compared"),
        (IDLE, verdict(FIRST + 1_000, FIRST, messages=1, rows=TAIL_ROWS), "would have to be compared"),
        (IDLE, verdict(500, 450, repeated=1, messages=1), "are repeated"),
        (IN_FLIGHT, verdict(500, 450, messages=1), "finish that"),
    ],
    ids=["too many offsets", "too many rows", "repeated rows", "a range in flight"],
)
def test_refuses_what_a_sink_could_not_mend(at, found, says):
    step = decide(at, found, NEW)
    assert (step.refused, step.commit) == (True, None)
    assert says in step.says


@pytest.mark.parametrize(("highest", "is_kept"), [(None, True), (599, True), (600, False), (900, False)])
def test_a_named_range_that_the_tables_have_overtaken_is_no_range_in_flight(highest, is_kept):
    seen = without_overtaken_range(IN_FLIGHT, highest)
    assert (seen == IN_FLIGHT) is is_kept
    assert stored_until(seen, highest) == (500 if is_kept else highest + 1)


def test_behind_an_overtaken_range_a_group_goes_on_or_mends_like_one_that_was_set_back():
    seen = without_overtaken_range(IN_FLIGHT, 899)
    on = decide(seen, verdict(900, messages=800), NEW)
    mend = decide(seen, verdict(900, 550, messages=800, rows=800), NEW)
    assert (on.commit.offset, mend.commit.offset) == (900, 550)
    assert decode(mend.commit.metadata, "").next == 900


def test_a_committed_offset_past_the_end_is_no_claim_where_the_tables_do_not_bear_it_out():
    set_by_hand = position(END + 5, OURS)
    assert objection(set_by_hand, 399, skip_expired=False) is None
    assert stored_until(set_by_hand, 399) == 400
    step = decide(set_by_hand, verdict(400, messages=300), NEW)
    assert (step.refused, step.commit.offset) == (False, 400)
    cut_off = objection(set_by_hand, END + 4, skip_expired=False)
    assert "cut off" in cut_off.says


EXPIRED, EXPIRED_IN_FLIGHT = position(50, OURS), position(50, FLYING)


@pytest.mark.parametrize(
    ("at", "highest"),
    [(EXPIRED, 49), (EXPIRED_IN_FLIGHT, 49), (NOTHING, 49), (FOREIGN, 49)],
    ids=["ours", "ours with a range in flight", "rows only", "foreign"],
)
def test_what_retention_deleted_too_early_is_given_up_on_demand_only(at, highest):
    step = objection(at, highest, skip_expired=False)
    assert isinstance(step, Step)
    assert step.refused
    assert "--skip-expired" in step.says
    assert objection(at, highest, skip_expired=True) is None
    assert stored_until(at, highest) == FIRST
    decided = decide(at, verdict(FIRST), NEW)
    assert decided.commit is not None
    assert decided.commit.offset == FIRST


def test_an_expired_range_that_is_partly_stored_is_finished_from_where_the_log_starts():
    assert stored_until(EXPIRED_IN_FLIGHT, 300) == 301
    step = decide(EXPIRED_IN_FLIGHT, verdict(301, 200, messages=150), NEW)
    assert step.commit is not None
    assert (step.commit.offset, decode(step.commit.metadata, "").next) == (200, 301)


@pytest.mark.parametrize("at", [NOTHING, FOREIGN], ids=["nothing committed", "foreign"])
def test_an_empty_table_and_an_old_log_are_no_reason_to_object(at):
    assert objection(at, None, skip_expired=False) is None


def test_refuses_a_log_that_was_cut_off():
    step = objection(NOTHING, END, skip_expired=False)
    assert step is not None
    assert "cut off" in step.says
