"""`migrate` on a real ClickHouse: it makes what is missing, and can be run again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
    assert (first.exit_code, first.stdout) == (0, f"database {DATABASE}: created\nmigrated: created\n")
    assert pipeline.query(f"EXISTS TABLE {DATABASE}.migrated") == [(1,)]
    again = pipeline.call("migrate", CLICKHOUSE_DB=DATABASE)
    assert (again.exit_code, again.stdout) == (0, "migrated: exists\n")


def test_a_server_that_does_not_answer_is_one_line(pipeline):
    done = pipeline.call("migrate", CLICKHOUSE_PORT="1")
    assert done.exit_code == 1
    assert (
        "creating the database default (CLICKHOUSE_DB): ClickHouse at 127.0.0.1:1 does not answer"
        in done.stderr
    )
    assert len(done.stderr.splitlines()) == 1
