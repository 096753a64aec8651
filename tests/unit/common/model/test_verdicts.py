import dataclasses
from datetime import UTC, datetime

from common.model.verdicts import (
    COLUMNS,
    TABLE,
    WHOLE_STAGE,
    Judged,
    VerdictRow,
    add_statement,
    create_statement,
)

TIME = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def test_a_row_has_a_field_for_each_column_in_their_order():
    assert [field.name for field in dataclasses.fields(VerdictRow)] == list(COLUMNS)


def test_the_ddl_states_every_column_and_how_long_rows_are_kept():
    statement = create_statement()
    assert statement.startswith(f"CREATE TABLE IF NOT EXISTS `{TABLE}`")
    assert all(f"    {name} {kind}" in statement for name, kind in COLUMNS.items())
    assert "ENGINE = MergeTree\nPARTITION BY toYYYYMM(time)" in statement
    assert statement.endswith("TTL toDateTime(time) + INTERVAL 30 DAY")


def test_the_ddl_adds_any_column_that_an_earlier_version_did_not_have():
    statement = add_statement()
    assert statement.startswith(f"ALTER TABLE `{TABLE}` ADD COLUMN")
    assert all(f"ADD COLUMN IF NOT EXISTS {name} {kind}" in statement for name, kind in COLUMNS.items())


def test_a_row_says_what_it_is_about():
    row = VerdictRow(time=TIME, stream="ratings", stage="classify", topic="dominate")
    assert row.about == Judged("ratings", "classify", "dominate", WHOLE_STAGE)
