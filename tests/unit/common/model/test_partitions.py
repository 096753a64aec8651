from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from common.model.conversions import conversion
from common.model.derive import table
from common.model.partitions import partition_of


class Everything(msgspec.Struct, gc=False):
    at: datetime
    maybe: str | None = None


DEFAULT = Everything(at=datetime(2026, 11, 1, 12, 34, 56, 123456, UTC))


def derived(event, **options):
    return table(event, name="t", order_by="tuple()", **options)


@pytest.mark.parametrize(
    ("by", "same", "other"),
    [
        ("toYYYYMM(at)", datetime(2026, 11, 30, 23, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
        ("toDate(at)", datetime(2026, 11, 1, 23, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)),
        ("toYear(at)", datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_table_partitions_are_told_apart_as_the_server_does(by, same, other):
    made = derived(Everything, partition_by=by)
    events = [DEFAULT, msgspec.structs.replace(DEFAULT, at=same), msgspec.structs.replace(DEFAULT, at=other)]
    first, second, third = made.partition_of(made.rows(events).columns).tolist()
    assert first == second != third


def test_a_column_can_be_what_a_table_is_partitioned_by():
    made = derived(Everything, partition_by="maybe")
    events = [DEFAULT, msgspec.structs.replace(DEFAULT, maybe="x")]
    assert len(set(made.partition_of(made.rows(events).columns).tolist())) == 2


def test_weeks_begin_on_mondays():
    made = derived(Everything, partition_by="toMonday(at)")
    days = [Everything(at=datetime(2026, 1, day, tzinfo=UTC)) for day in range(1, 20)]
    weeks = made.partition_of(made.rows(days).columns).tolist()
    assert [weeks.index(week) for week in dict.fromkeys(weeks)] == [
        0,
        4,
        11,
        18,
    ]  # the 5th and the 12th are Mondays


def test_texts_that_differ_in_their_ends_are_different_partitions():
    made = derived(Everything, partition_by="maybe")
    events = [Everything(DEFAULT.at, maybe) for maybe in ("a", "a\0", None, "None", "a")]
    first, second, third, fourth, fifth = made.partition_of(made.rows(events).columns).tolist()
    assert len({first, second, third, fourth}) == 4
    assert fifth == first


@pytest.mark.parametrize("kind", ["String", "LowCardinality(String)", "Nullable(String)", "Array(String)"])
def test_blocks_of_different_partitions_have_different_numbers(kind):
    numbers = partition_of("name", {"name": kind})
    one, other, again = (
        numbers({"name": conversion(kind).convert([value])}).tolist()
        for value in ([["a"], ["b"], ["a"]] if kind.startswith("Array") else ["a", "b", "a"])
    )
    assert one == again != other
