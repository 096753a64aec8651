from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest

from common.model.times import FIRST_DAY, LAST_DAY, datetime64, days


@pytest.mark.parametrize(
    ("unit", "count", "column"),
    [("s", 1, 1_000), ("ms", 1_795_000_000_123, 1_795_000_000_123), ("us", 5_000, 5), ("ns", 1_000_000, 1)],
)
def test_an_integer_may_count_time_in_the_unit_that_its_column_states(unit, count, column):
    convert = datetime64(3, unit).convert
    assert convert([count]).tolist() == [column]
    if unit in ("us", "ns"):
        with pytest.raises(ValueError):
            convert([count + 1])


def test_a_time_of_any_zone_is_the_moment_that_it_names():
    zone = timezone(timedelta(hours=-9, minutes=-30))
    at = datetime(2026, 11, 1, 3, 4, 56, tzinfo=zone)
    as_text = datetime64(6, "").convert(["2026-11-01T03:04:56-09:30"])
    assert datetime64(6, "").convert([at]).tolist() == as_text.tolist() == [1793536496000000]


def test_days_end_where_clickhouse_ends_them():
    convert = days(FIRST_DAY, LAST_DAY, np.int32).convert
    assert convert([date(1900, 1, 1), date(2299, 12, 31)]).tolist() == [FIRST_DAY, LAST_DAY]
    for outside in (date(1899, 12, 31), date(2300, 1, 1)):
        with pytest.raises(OverflowError):
            convert([outside])


def test_a_time_is_no_day():
    with pytest.raises(TypeError):
        days(0, 65_535, np.uint16).convert([datetime(2026, 1, 1, tzinfo=UTC)])
