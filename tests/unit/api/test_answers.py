import math
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from api.answers import cell, newest_first, plain, rows_of, time_text
from common.model.question import Answer, Question


def question(**example):
    return Question(name="q", sql="SELECT 1", help="", example=example)


def test_an_integer_is_text_where_the_example_says_so_and_a_number_where_it_does():
    answer = Answer(["small", "large"], ["UInt64", "UInt128"], [(27, 2**100)])
    assert rows_of(question(small=1, large="1"), answer) == [{"small": 27, "large": str(2**100)}]


def test_without_an_example_integers_of_64_bits_and_more_are_text():
    answer = Answer(["a", "b", "c"], ["UInt32", "Int64", "Array(UInt128)"], [(1, 2, [2**90])])
    assert rows_of(question(), answer) == [{"a": 1, "b": "2", "c": [str(2**90)]}]


def test_a_number_that_stands_for_truth_becomes_true_or_false():
    assert rows_of(question(open=True), Answer(["open"], ["UInt8"], [(1,), (0,)])) == [
        {"open": True},
        {"open": False},
    ]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, None),
        (True, True),
        (math.nan, None),
        (math.inf, None),
        (1.5, 1.5),
        (Decimal("1.20"), "1.20"),
        (date(2026, 11, 1), "2026-11-01"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ((1.0, "a"), [1.0, "a"]),
        ({"k": math.nan}, {"k": None}),
        (b"\xff", "\ufffd"),
    ],
)
def test_a_value_is_what_json_has_for_it(value, told):
    assert plain(value) == told


def test_of_an_unknown_column_only_integers_that_readers_would_round_are_text():
    assert cell([2**53 - 1, 2**53, -(2**60)]) == [2**53 - 1, str(2**53), str(-(2**60))]


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (datetime(2026, 11, 1, 12, tzinfo=UTC), "2026-11-01T12:00:00Z"),
        (datetime(2026, 11, 1, 12), "2026-11-01T12:00:00Z"),
        (datetime(2026, 11, 1, 12, 0, 0, 123000, UTC), "2026-11-01T12:00:00.123Z"),
        (datetime(2026, 11, 1, 12, 0, 0, 123456, UTC), "2026-11-01T12:00:00.123456Z"),
        (datetime(2026, 11, 1, 12, tzinfo=timezone(timedelta(hours=2))), "2026-11-01T10:00:00Z"),
    ],
)
def test_times_are_utc_with_as_many_digits_as_they_have(time, text):
    assert time_text(time) == text


def at(second):
    return datetime(2026, 11, 26, 22, 10, second, tzinfo=UTC)


def test_rows_of_several_partitions_are_newest_first_by_their_first_time():
    lagging = [(1, 900, "a", at(41), at(0)), (1, 899, "b", at(39), at(0))]
    ahead = [(2, 70, "c", at(43), at(0)), (2, 69, "d", at(40), at(0))]
    assert [row[2] for row in newest_first([lagging, ahead], 2)] == ["c", "a", "d", "b"]


def test_rows_of_one_partition_stay_in_their_order_whatever_their_times():
    late = [(1, 9, at(10)), (1, 8, at(50)), (1, 7, at(30))]
    assert newest_first([late, [(2, 5, at(20))]], 2) == [(2, 5, at(20)), *late]


def test_rows_without_a_time_are_ordered_by_their_offsets():
    assert newest_first([[(1, 5, "a"), (1, 2, "b")], [(2, 4, "c")]], 2) == [
        (1, 5, "a"),
        (2, 4, "c"),
        (1, 2, "b"),
    ]
    assert newest_first([[(1, 5, None)], [(2, 6, at(1))]], 2) == [(2, 6, at(1)), (1, 5, None)]
    assert newest_first([], 2) == []
