"""The newest rows of a table on a real ClickHouse: right, and without reading the table."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from common.clickhouse_io.client import connect
from common.clickhouse_io.newest import TPS_A_QUERY, NewestRows
from common.clickhouse_io.schema import Schema
from common.errors import ClickHouseRefused, SchemaMismatch
from common.model.ranges import Found, Place
from common.settings.config import Settings
from common.streams.sensors import MEASURED

TABLE = replace(MEASURED[0].tables[0], name="newest")
ROWS = 400_000
PARTITIONS = 4
TPS = [(1 << 16) + number for number in range(PARTITIONS)]
END = ROWS // PARTITIONS


@pytest.fixture(scope="module")
def settings(stack):
    return Settings.from_env(stack.environment()).clickhouse


@pytest.fixture(scope="module")
def client(settings):
    """The table holds the offsets [0, END) of four partitions."""
    with closing(Schema(settings)) as schema:
        schema.create([TABLE])
    client = connect(settings)
    client.execute(
        f"INSERT INTO {TABLE.name} SELECT number % 50 AS measurement, toDateTime64(number / 1000, 3, 'UTC') AS "
        f"measurement_time, 'temperature' AS kind, {TPS[0]} + number % {PARTITIONS} AS _tp, "
        f"intDiv(number, {PARTITIONS}) AS _off, 0 AS _row, 1 AS _rows FROM numbers({ROWS})"
    )
    yield client
    client.disconnect()


@pytest.fixture
def source(client, settings):
    with closing(NewestRows(settings)) as source:
        yield source


def rows_read(source):
    return source._client.last_query.progress.rows


def addresses(found):
    return [(each.tp, *each.place) for each in found]


@pytest.mark.parametrize("at_once", [1, 3, TPS_A_QUERY])
def test_the_newest_of_each_partition_are_its_highest_addresses(source, monkeypatch, at_once):
    monkeypatch.setattr("common.clickhouse_io.newest.TPS_A_QUERY", at_once)
    newest = source.newest(TABLE.name, 3)
    assert {tp: addresses(found) for tp, found in newest.items()} == {
        tp: [(tp, END - 1, 0), (tp, END - 2, 0), (tp, END - 3, 0)] for tp in TPS
    }
    assert source.newest(TABLE.name, END + 1)[TPS[0]][-1].place == Place(0, 0)


def test_of_a_message_with_several_rows_the_first_alone_is_found_where_that_is_asked_for(source, client):
    client.execute(
        f"INSERT INTO {TABLE.name} SELECT 1, now64(3), 'temperature', {TPS[-1]} + 1, intDiv(number, 3), number % 3, 3 "
        "FROM numbers(9)"
    )
    last = TPS[-1] + 1
    assert addresses(source.newest(TABLE.name, 4)[last]) == [
        (last, 2, 2),
        (last, 2, 1),
        (last, 2, 0),
        (last, 1, 2),
    ]
    found = source.newest(TABLE.name, 2, only_first=True)[last]
    assert addresses(found) == [(last, 2, 0), (last, 1, 0)]
    client.execute(f"ALTER TABLE {TABLE.name} DELETE WHERE _tp = {last} SETTINGS mutations_sync = 1")


def test_partitions_that_come_and_go_between_two_looks_are_noticed(source, client):
    low, high, between = TPS[0] - 9, TPS[-1] + 9, TPS[-1] + 5

    def insert(tp):
        values = f"1, now64(3), 'temperature', {tp}, 7, 0, 1"
        client.execute(f"INSERT INTO {TABLE.name} SELECT {values}")

    insert(high)
    assert list(source.newest(TABLE.name, 1)) == [*TPS, high]
    insert(between)
    insert(low)
    newest = source.newest(TABLE.name, 1)
    assert list(newest) == [low, *TPS, between, high]
    assert addresses(newest[between]) == [(between, 7, 0)]
    gone = f"_tp IN ({low}, {between}, {high})"
    client.execute(f"ALTER TABLE {TABLE.name} DELETE WHERE {gone} SETTINGS mutations_sync = 1")
    assert list(source.newest(TABLE.name, 1)) == TPS


def test_the_newest_of_known_partitions_are_found_by_reading_little(source):
    source.newest(TABLE.name, 3)
    source.newest(TABLE.name, 3)
    assert rows_read(source) <= ROWS / 8


def test_looking_for_what_is_new_reads_little_of_a_large_table(source):
    assert source.beyond(TABLE.name, dict.fromkeys(TPS, Place(END - 1, 0)), 100) == []
    assert rows_read(source) <= ROWS / 8


def test_what_lies_above_the_floors_comes_in_order_and_so_does_a_partition_without_one(source):
    floors = {TPS[1]: Place(END - 3, 0), TPS[2]: Place(END - 2, 0), TPS[3]: Place(END - 1, 1)}
    assert addresses(source.beyond(TABLE.name, floors, 2)) == [
        *((TPS[0], 0, 0), (TPS[0], 1, 0)),
        *((TPS[1], END - 2, 0), (TPS[1], END - 1, 0)),
        (TPS[2], END - 1, 0),
    ]


def test_rows_come_in_the_order_asked_for_whatever_part_they_are_in_now(source):
    (lowest,) = source.beyond(TABLE.name, {**dict.fromkeys(TPS, Place(END, 0)), TPS[2]: Place(END - 2, 0)}, 1)
    merged = Found(TPS[0], Place(7, 0), "197001_999_999_0")
    page = source.rows(TABLE.name, [merged, lowest], with_address=True)
    assert page.columns == ["_tp", "_off", "_row", "_rows", "measurement", "measurement_time", "kind"]
    assert [row[:5] for row in page.rows] == [(TPS[0], 7, 0, 1, 28.0), (TPS[2], END - 1, 0, 1, 48.0)]
    page = source.rows(TABLE.name, [lowest], with_address=False)
    assert page.columns == ["measurement", "measurement_time", "kind"]


def test_a_missing_table_is_told_with_the_command_that_creates_it(source):
    source.check(TABLE.name)
    with pytest.raises(SchemaMismatch, match="table nowhere is missing: run python -m consumer migrate"):
        source.check("nowhere")


def test_the_connection_can_only_read(source):
    with pytest.raises(ClickHouseRefused, match="readonly"):
        source._ask(TABLE.name, f"DROP TABLE {TABLE.name}")
