"""Which partitions' tables hold more than was committed."""

from common.errors import ClickHouseRefused
from common.model.ranges import Beyond
from common.model.record import Partition
from consumer.guard import Bound, find_excess
from tests.unit.consumer.material import ONE_EACH, PARTS, feed

FIRST, SECOND = Partition("events", 0), Partition("events", 1)


class Tables:
    """(table, `_tp`) → the highest offset of which there are rows."""

    def __init__(self, **highest):
        self.highest, self.asked = highest, []

    def beyond(self, table, bounds, *, timeout_s):
        self.asked.append((table, dict(bounds), timeout_s))
        found = self.highest.get(table, {})
        return {tp: Beyond(bound, found[tp]) for tp, bound in bounds.items() if found.get(tp, -1) >= bound}


def bounds(*tables, **at):
    return [
        Bound(feed(*tables), partition, tp, at[name])
        for name, partition, tp in (("first", FIRST, 70), ("second", SECOND, 71))
        if name in at
    ]


def test_a_table_that_ends_below_the_bound_is_in_order():
    assert find_excess(Tables(one_each={70: 39}), bounds(first=40), timeout_s=5) == ({}, {})


def test_a_table_with_a_row_at_the_bound_is_not():
    found = find_excess(Tables(one_each={70: 40, 71: 9}), bounds(first=40, second=40), timeout_s=5).excess
    assert [(at, excess.table, excess.beyond) for at, excess in found.items()] == [
        (FIRST, "one_each", Beyond(40, 40))
    ]


def test_every_table_of_a_feed_is_asked_once_for_all_its_partitions():
    tables = Tables(parts={71: 8})
    found = find_excess(tables, bounds(ONE_EACH, PARTS, first=40, second=8), timeout_s=3).excess
    assert tables.asked == [("one_each", {70: 40, 71: 8}, 3), ("parts", {70: 40, 71: 8}, 3)]
    assert {at: excess.table for at, excess in found.items()} == {SECOND: "parts"}


def test_a_table_that_clickhouse_refuses_to_read_is_told_and_the_others_are_looked_at():
    class Refusing(Tables):
        def beyond(self, table, bounds, *, timeout_s):
            if table == "one_each":
                raise ClickHouseRefused("no such table")
            return super().beyond(table, bounds, timeout_s=timeout_s)

    look = find_excess(Refusing(parts={71: 8}), bounds(ONE_EACH, PARTS, first=40, second=8), timeout_s=5)
    assert list(look.excess) == [SECOND]
    assert {name: str(error) for name, error in look.refused.items()} == {"one_each": "no such table"}


def test_the_way_out_by_deleting_names_every_table_of_the_feed():
    (excess,) = find_excess(
        Tables(parts={70: 99}), bounds(ONE_EACH, PARTS, first=40), timeout_s=5
    ).excess.values()
    for name in ("one_each", "parts"):
        assert f"ALTER TABLE `{name}` DELETE WHERE _tp = 70 AND _off >= 40" in excess.ways_out()


def test_without_partitions_nobody_is_asked():
    tables = Tables()
    assert (find_excess(tables, [], timeout_s=5), tables.asked) == (({}, {}), [])


def test_the_ways_out_name_the_statement_that_deletes_what_is_too_much():
    (excess,) = find_excess(Tables(one_each={70: 99}), bounds(first=40), timeout_s=5).excess.values()
    assert (
        "ALTER TABLE `one_each` DELETE WHERE _tp = 70 AND _off >= 40, raise SINK_EPOCH" in excess.ways_out()
    )
    assert "run python -m consumer adopt" in excess.ways_out()
    assert "another group fills this table" in excess.ways_out()
