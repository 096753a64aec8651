"""The store against a real ClickHouse: what recovery relies on."""

import re
from decimal import Decimal
from typing import Annotated

import msgspec
import numpy as np
import pytest

from common.clickhouse_io.client import connect
from common.clickhouse_io.schema import Schema
from common.clickhouse_io.store import Store
from common.errors import ClickHouseRefused, ClickHouseUnavailable, SchemaMismatch
from common.model.derive import Column, table
from common.model.ranges import Beyond, Range
from common.model.stream import Rows, Table
from common.settings.config import Settings

TP = 7 << 16
DAYS = Table(
    name="store_days",
    rows=lambda events: Rows({}),
    ddl="""
CREATE TABLE IF NOT EXISTS {table} (
    day UInt32,
    wide UInt128,
    twice UInt64 MATERIALIZED day * 2
        COMMENT 'a -- b',
    {address}
) ENGINE = MergeTree PARTITION BY day ORDER BY day {settings}
""",
)


@pytest.fixture
def settings(stack):
    return Settings.from_env(stack.environment()).clickhouse


@pytest.fixture
def sql(settings):
    client = connect(settings)
    client.execute(f"DROP TABLE IF EXISTS {DAYS.name}")
    Schema(settings).create([DAYS])
    yield client.execute
    client.disconnect()


@pytest.fixture
def store(settings, sql):
    store = Store(settings)
    yield store
    store.close()


def days(count, first_offset=0):
    wide = np.zeros((count, 2), np.uint64)
    wide[:, 1] = 1
    return {
        "day": np.arange(count, dtype=np.uint32),
        "wide": wide,
        "_tp": np.full(count, TP, np.uint64),
        "_off": np.arange(first_offset, first_offset + count, dtype=np.uint64),
        "_row": np.zeros(count, np.uint32),
        "_rows": np.ones(count, np.uint32),
    }


def insert(store, columns, token="t"):
    return store.insert(DAYS.name, columns, token=token, query_id=token)


def test_a_block_of_more_table_partitions_than_the_servers_default_goes_in_once(store, sql):
    for _ in range(2):
        insert(store, days(250))
    assert sql(f"SELECT count(), uniqExact(day), min(wide) FROM {DAYS.name}") == [(250, 250, 2**64)]


def test_the_addresses_of_a_range_are_those_stored(store):
    insert(store, days(10, first_offset=5))
    (stored,) = store.stored(DAYS.name, [Range(TP, 7, 12)])
    assert sorted(stored.offsets.tolist()) == [7, 8, 9, 10, 11]
    assert set(stored.rows.tolist()) == {0}


def test_several_ranges_are_asked_for_with_one_query(store):
    insert(store, days(10, first_offset=5))
    insert(store, days(1, first_offset=7), token="again")
    one, none, other = store.stored(DAYS.name, [Range(TP, 7, 9), Range(TP + 1, 0, 100), Range(TP, 12, 99)])
    assert sorted(one.offsets.tolist()) == [7, 7, 8]
    assert none.offsets.tolist() == []
    assert sorted(other.offsets.tolist()) == [12, 13, 14]


def test_several_ranges_are_answered_by_the_projection(store, sql, monkeypatch):
    row = "number % 3, 0, bitShiftLeft(toUInt64(number % 5), 16), number, 0, 1"
    sql(f"INSERT INTO {DAYS.name} SELECT {row} FROM numbers(2000000)")
    asked = []
    monkeypatch.setattr(store._client, "execute", lambda query, **_: asked.append(query))
    store.stored(DAYS.name, [Range(tp << 16, 90_000 + tp, 90_300 + tp) for tp in range(5)])
    plan = "\n".join(line for (line,) in sql(f"EXPLAIN indexes = 1, projections = 1 {asked[0]}"))
    assert "ReadFromMergeTree (by_address)" in plan
    read, of = map(int, re.findall(r"Granules: (\d+)/(\d+)", plan)[0])
    assert read <= of / 4, plan


def test_an_insert_tells_whether_its_block_was_taken_or_dropped_as_known(store, sql):
    assert insert(store, days(10), token="a") is True
    assert insert(store, days(10), token="a") is False
    assert insert(store, days(10), token="b") is True
    sql(f"ALTER TABLE {DAYS.name} DELETE WHERE 1 SETTINGS mutations_sync = 2")
    assert insert(store, days(10), token="a") is False


def test_an_insert_tells_of_a_block_that_one_table_partition_knew(store):
    first = {name: column[:5] for name, column in days(10).items()}
    assert insert(store, first, token="a") is True
    assert insert(store, days(10), token="a") is False


def test_rows_past_a_bound_are_found_and_rows_below_it_are_not(store):
    insert(store, days(10))
    assert store.beyond(DAYS.name, {TP: 10, TP + 1: 0}, timeout_s=5) == {}
    assert store.beyond(DAYS.name, {TP: 7, TP + 1: 0}, timeout_s=5) == {TP: Beyond(7, 9)}
    assert store.beyond(DAYS.name, {}, timeout_s=5) == {}


def test_each_partition_with_rows_past_its_bound_is_found_however_many_partitions_and_rows_there_are(
    store, sql, monkeypatch
):
    monkeypatch.setattr("common.clickhouse_io.store.SOME_ROWS", 10)  # so a look ends within one partition
    row = "number % 3, 0, number % 50, number, 0, 1"
    sql(f"INSERT INTO {DAYS.name} SELECT {row} FROM numbers(5000)")
    bounds = {tp: 4_900 if tp % 2 else 5_000 for tp in range(3_000)}
    found = store.beyond(DAYS.name, bounds, timeout_s=5)
    assert set(found) == {tp for tp in range(50) if tp % 2}
    assert all(beyond == Beyond(4_900 + tp, 4_950 + tp) for tp, beyond in found.items())


def test_where_no_row_lies_past_a_bound_the_projection_answers_from_the_last_granules(
    store, sql, monkeypatch
):
    row = "number % 3, 0, bitShiftLeft(toUInt64(number % 5), 16), number, 0, 1"
    sql(f"INSERT INTO {DAYS.name} SELECT {row} FROM numbers(2000000)")
    asked = []
    monkeypatch.setattr(store._client, "execute", lambda query, **_: asked.append(query) or [])
    store.beyond(DAYS.name, {tp << 16: 2_000_000 for tp in range(5)}, timeout_s=5)
    plan = "\n".join(line for (line,) in sql(f"EXPLAIN indexes = 1, projections = 1 {asked[0]}"))
    assert "ReadFromMergeTree (by_address)" in plan
    read, of = map(int, re.findall(r"Granules: (\d+)/(\d+)", plan)[0])
    assert read <= of / 8, plan  # the last granule of each part, for each `_tp`


def test_C5_a_token_is_kept_when_its_rows_are_deleted(store, sql):
    insert(store, days(3))
    sql(f"ALTER TABLE {DAYS.name} DELETE WHERE 1 SETTINGS mutations_sync = 2")
    insert(store, days(3))
    insert(store, days(3), token="t2")
    assert sql(f"SELECT count() FROM {DAYS.name}") == [(3,)]


def test_a_running_query_is_seen_by_the_start_of_its_id(store, settings):
    other = connect(settings)
    query = other.execute_iter(
        "SELECT sleepEachRow(0.1) FROM numbers(1000)",
        query_id="v1:some#1:t~2",
        settings={"max_block_size": 1},
    )
    next(query)
    assert store.is_running("v1:some#1:t")
    assert not store.is_running("v1:some#10:t")
    other.disconnect()


def test_a_missing_table_is_refused_for_good_and_a_missing_server_is_not(store, settings, sql):
    sql(f"DROP TABLE {DAYS.name} SYNC")
    with pytest.raises(ClickHouseRefused, match="code 60"):
        insert(store, days(1))
    with pytest.raises(ClickHouseUnavailable, match="does not answer"):
        Store(
            Settings.from_env({"CLICKHOUSE_HOST": "127.0.0.1", "CLICKHOUSE_PORT": "1"}).clickhouse
        ).is_running("x")


@pytest.mark.parametrize(
    ("alter", "says"),
    [
        ("DROP COLUMN wide", "ADD COLUMN `wide` UInt128"),
        ("MODIFY COLUMN wide UInt256", "MODIFY COLUMN `wide` UInt128"),
        ("DROP COLUMN twice", "ADD COLUMN `twice` UInt64 MATERIALIZED day \\* 2 COMMENT 'a -- b'"),
        ("MODIFY COLUMN wide UInt128 MATERIALIZED 1", "MODIFY COLUMN `wide` REMOVE MATERIALIZED"),
        ("MODIFY COLUMN wide UInt128 EPHEMERAL", "DROP COLUMN `wide`; -- column wide is EPHEMERAL"),
        ("DROP PROJECTION by_address", "ADD PROJECTION by_address"),
        ("MODIFY SETTING non_replicated_deduplication_window = 10", "MODIFY SETTING"),
        ("MODIFY SETTING fsync_after_insert = 0", "fsync_after_insert = 1; -- an acknowledged INSERT"),
    ],
)
def test_a_table_that_differs_is_refused_with_the_statement_that_mends_it(settings, sql, alter, says):
    schema = Schema(settings)
    schema.check([DAYS])
    sql(f"ALTER TABLE {DAYS.name} {alter}")
    with pytest.raises(SchemaMismatch, match=says) as refusal:
        schema.check([DAYS])
    for statement in statements_in(refusal.value):
        sql(statement)
    schema.check([DAYS])


def statements_in(refusal):
    """The statements that a refusal tells to run, in their order."""
    return [line.split("; -- ")[0] for line in str(refusal).splitlines() if line.startswith("ALTER")]


def test_an_existing_table_with_rows_becomes_usable_by_exactly_what_the_refusal_says(settings, sql):
    sql("CREATE TABLE foreign_table (n Int64, was String) ENGINE = MergeTree ORDER BY n")
    sql("INSERT INTO foreign_table SELECT number, 'x' FROM numbers(10)")
    wanted = table(
        msgspec.defstruct(
            "Wanted", [("n", int), ("price", Annotated[Decimal, Column("Decimal(9,2)")])], gc=False
        ),
        name="foreign_table",
        order_by="(n)",
        extra=["PROJECTION by_price (SELECT price, n ORDER BY price)"],
    )
    schema = Schema(settings)
    try:
        with pytest.raises(SchemaMismatch) as refusal:
            schema.check([wanted])
        said = str(refusal.value)
        assert [word in said for word in ("_off", "price", "by_address", "by_price", "fsync")] == [True] * 5
        for statement in statements_in(refusal.value):
            sql(statement)
        schema.check([wanted])
        assert sql("SELECT count(), sum(price) FROM foreign_table") == [(10, 0)]
    finally:
        schema.close()
        sql("DROP TABLE foreign_table SYNC")


def test_a_table_of_another_order_is_refused_for_no_alter_changes_that(settings, sql):
    sql("CREATE TABLE other_order (n Int64) ENGINE = MergeTree ORDER BY tuple()")
    wanted = table(msgspec.defstruct("Wanted", [("n", int)], gc=False), name="other_order", order_by="n")
    schema = Schema(settings)
    try:
        with pytest.raises(
            SchemaMismatch, match="is ordered by .*its stream states .n.: no ALTER changes that"
        ):
            schema.check([wanted])
    finally:
        schema.close()
        sql("DROP TABLE other_order SYNC")


@pytest.mark.parametrize("target", ["TO store_counts", "ENGINE = SummingMergeTree ORDER BY day"])
def test_a_view_whose_target_forgets_tokens_is_refused(settings, sql, target):
    sql("DROP TABLE IF EXISTS store_view SYNC")
    sql(
        "CREATE TABLE IF NOT EXISTS store_counts (day UInt32, n UInt64) ENGINE = SummingMergeTree ORDER BY day"
    )
    sql(
        f"CREATE MATERIALIZED VIEW store_view {target} AS SELECT day, count() AS n FROM {DAYS.name} GROUP BY day"
    )
    try:
        with pytest.raises(SchemaMismatch, match="non_replicated_deduplication_window"):
            Schema(settings).check([DAYS])
    finally:
        sql("DROP TABLE store_view SYNC")
