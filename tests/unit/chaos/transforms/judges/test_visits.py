import json

import pytest

from tests.chaos.transforms.judges.records import Input, Record
from tests.chaos.transforms.judges.visits import judge_regrouped, judge_stored, judge_windows
from tests.chaos.transforms.messages import Sort

SIZE_MS = 10_000


def visit(offset, name, time, account="1"):
    event = {"visit_id": name, "account_id": account, "store_id": "us", "time": time}
    return Input((0, offset), 1, json.dumps(event).encode(), Sort.GOOD)


INPUTS = [
    visit(0, "a", 1_000),
    visit(1, "b", 9_999),
    visit(2, "b", 2_000),  # once more
    visit(3, "c", 10_000),
    visit(4, "d", 5_000),  # late
    visit(5, "a", 1_000, account="2"),
]


def regrouped(offset, partition=None):
    given = INPUTS[offset]
    home = int(given.events[0]["account_id"]) if partition is None else partition
    headers = (("penstock-source", f"0123456789ab0000:{offset}:0".encode()),)
    return Record(home, offset, 1, given.value, headers)


REGROUPED = [regrouped(offset) for offset in range(len(INPUTS))]


def test_visits_that_are_regrouped_once_each_are_right():
    assert judge_regrouped(INPUTS, REGROUPED, []) == []


def test_a_visit_that_is_lost_or_repeated_on_its_way_is_found():
    assert judge_regrouped(INPUTS, REGROUPED[1:], []) == ["visits-by-store: lost, visits (0, 0, 0)"]
    assert judge_regrouped(INPUTS, [*REGROUPED, REGROUPED[3]], []) == [
        "visits-by-store: repeated, visits (0, 3, 0) 2 times"
    ]


def test_a_visit_that_is_changed_or_in_another_partition_than_its_key_is_found():
    changed = REGROUPED[0]._replace(value=INPUTS[1].value)
    assert "is not that visit" in judge_regrouped(INPUTS, [changed, *REGROUPED[1:]], [])[0]
    (finding,) = judge_regrouped(INPUTS, [*REGROUPED[:4], regrouped(4, partition=2), REGROUPED[5]], [])
    assert "is in partitions 1 and 2" in finding


def count(start, visits, counted, *, state="final", late=0, account="1"):
    value = {
        "account_id": account,
        "store_id": "us",
        "start": start,
        "visits": visits,
        "late": late,
        "state": state,
    }
    return Record(0, 0, 1, json.dumps(value).encode(), (("penstock-counted", counted),))


COUNTS = [
    count(0, 1, b"0:0", state="open"),
    count(0, 2, b"3:0"),
    count(0, 0, b"0:1", state="late", late=1),
    count(10_000, 1, b"1:0", state="silence"),
    count(0, 1, b"1:0", account="2"),
]


def judged(outputs):
    return [each.removeprefix("active-visitors: ") for each in judge_windows(INPUTS, outputs, SIZE_MS)]


def without(index):
    return [each for number, each in enumerate(COUNTS) if number != index]


def test_windows_that_are_closed_once_with_the_right_counts_are_right():
    assert judged(COUNTS) == []


def test_a_window_that_is_closed_twice_is_found():
    assert judged([*COUNTS, count(10_000, 1, b"0:0")]) == ["window ('1', 'us', 10000): closed 2 times"]


def test_a_window_that_is_not_closed_is_found():
    assert "window ('1', 'us', 10000): not closed" in judged(without(3))


def test_a_late_visit_that_is_nowhere_is_found():
    assert judged(without(2)) == [
        "window ('1', 'us', 0): final 2, late 0, and there were 3 distinct visits",
        "window ('1', 'us', 0): 3 counted and 0 late of 4 events",
    ]


@pytest.mark.parametrize("visits", [1, 4])
def test_a_final_count_that_is_too_low_or_too_high_is_found(visits):
    (finding,) = judged([*without(1), count(0, visits, b"3:0")])
    assert f"final {visits}, late 1, and there were 3 distinct visits" in finding


def test_an_event_that_only_the_number_of_events_lacks_is_found():
    assert judged([*without(1), count(0, 2, b"2:0")]) == [
        "window ('1', 'us', 0): 2 counted and 1 late of 4 events"
    ]


def test_a_late_count_that_is_repeated_is_found():
    assert judged([*COUNTS, COUNTS[2]]) == ["window ('1', 'us', 0): 3 counted and 2 late of 4 events"]


def test_a_window_of_no_visits_is_found():
    assert judged([*COUNTS, count(90_000, 1, b"1:0")])


def test_rows_are_the_counts_of_the_topic():
    rows = [
        ("1", "us", 0, 1, 0, "open"),
        ("1", "us", 0, 2, 0, "final"),
        ("1", "us", 0, 0, 1, "late"),
        ("1", "us", 10_000, 1, 0, "silence"),
        ("2", "us", 0, 1, 0, "final"),
    ]
    assert judge_stored(COUNTS, rows) == []
    assert len(judge_stored(COUNTS, rows[1:])) == len(judge_stored(COUNTS, [*rows, rows[0]])) == 1
