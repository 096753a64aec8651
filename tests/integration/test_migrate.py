"""`migrate` on a real ClickHouse: it makes what is missing, and can be run again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from common.model.verdicts import COLUMNS
from infra.local.stack import Stack
from tests.support.pipeline import Pipeline

DATABASE = "made_by_migrate"


@pytest.fixture
def pipeline(stack: Stack) -> Iterator[Pipeline]:
    with Pipeline(stack, "migrated") as pipeline:
        yield pipeline
        pipeline.query(f"DROP DATABASE IF EXISTS {DATABASE} SYNC")


def test_the_database_and_the_table_are_created_once(pipeline):
    first = pipeline.call("migrate", CLICKHOUSE_DB=DATABASE)
    assert (first.exit_code, first.stdout) == (
        0,
        f"database {DATABASE}: created\nmigrated: created\npenstock_verdicts: created\n",
    )
    for table in ("migrated", "penstock_verdicts"):
        assert pipeline.query(f"EXISTS TABLE {DATABASE}.{table}") == [(1,)]
    again = pipeline.call("migrate", CLICKHOUSE_DB=DATABASE)
    assert (again.exit_code, again.stdout) == (0, "migrated: exists\npenstock_verdicts: exists\n")


def test_a_table_of_verdicts_that_an_earlier_version_has_made_gets_its_columns(pipeline):
    assert pipeline.call("migrate", CLICKHOUSE_DB=DATABASE).exit_code == 0
    pipeline.query(f"ALTER TABLE {DATABASE}.penstock_verdicts DROP COLUMN cut_by, DROP COLUMN parked")
    again = pipeline.call("migrate", CLICKHOUSE_DB=DATABASE)
    assert (again.exit_code, again.stdout) == (0, "migrated: exists\npenstock_verdicts: exists\n")
    described = pipeline.query(f"DESCRIBE TABLE {DATABASE}.penstock_verdicts")
    assert [row[:2] for row in described] == list(COLUMNS.items())


def test_a_table_of_verdicts_whose_columns_have_other_types_is_named(pipeline):
    assert pipeline.call("migrate", CLICKHOUSE_DB=DATABASE).exit_code == 0
    pipeline.query(f"ALTER TABLE {DATABASE}.penstock_verdicts MODIFY COLUMN took_ms String")
    done = pipeline.call("migrate", CLICKHOUSE_DB=DATABASE)
    assert done.exit_code == 1
    assert "table penstock_verdicts lacks took_ms UInt64: it was made by another version" in done.stderr


def test_a_server_that_does_not_answer_is_one_line(pipeline):
    done = pipeline.call("migrate", CLICKHOUSE_PORT="1")
    assert done.exit_code == 1
    assert (
        "creating the database default (CLICKHOUSE_DB): ClickHouse at 127.0.0.1:1 does not answer"
        in done.stderr
    )
    assert len(done.stderr.splitlines()) == 1
