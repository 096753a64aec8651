import pytest

from common.clickhouse_io.schema import inserted_columns, objection_to, stated_columns
from common.model.stream import ADDRESS_COLUMNS, Table
from common.streams.collatz import DATA_SERIES


def stated(columns, tail=") ENGINE = MergeTree ORDER BY n {settings}"):
    """The columns a DDL states, the address left out."""
    ddl = f"CREATE TABLE IF NOT EXISTS {{table}} (\n{columns},\n    {{address}}\n{tail}"
    found = stated_columns(Table(name="t", ddl=ddl, rows=None))
    assert ADDRESS_COLUMNS.items() <= found.items()
    return {name: kind for name, kind in found.items() if name not in ADDRESS_COLUMNS}


def test_the_columns_of_a_stream_are_found_with_their_types():
    assert stated_columns(DATA_SERIES) == {
        "number": "UInt64",
        "step": "UInt32",
        "value": "UInt128",
        "timestamp": "DateTime64(3)",
        **ADDRESS_COLUMNS,
    }


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("n UInt64", "UInt64"),
        ("    n UInt64", "UInt64"),
        ("`n` UInt64", "UInt64"),
        ("n UInt64 CODEC(DoubleDelta, ZSTD(1))", "UInt64"),
        ("n DateTime64(3)", "DateTime64(3)"),
        ("n DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))", "DateTime64(3, 'UTC')"),
        ("n LowCardinality(String)", "LowCardinality(String)"),
        ("n Array(Float64)", "Array(Float64)"),
        ("n Decimal(18, 4)", "Decimal(18, 4)"),
        ("n Enum8('a' = 1, 'b' = 2)", "Enum8('a' = 1, 'b' = 2)"),
    ],
)
def test_a_column_is_its_name_and_type_without_codec(line, kind):
    assert stated(line) == {"n": kind}


@pytest.mark.parametrize(
    "line",
    [
        "PROJECTION by_n (SELECT n ORDER BY n)",
        "INDEX by_n n TYPE minmax GRANULARITY 1",
        "CONSTRAINT positive CHECK n > 0",
        "-- N holds the number",
    ],
)
def test_what_is_no_column_is_left_out(line):
    assert stated(f"n UInt64,\n    {line}") == {"n": "UInt64"}


def test_columns_keep_their_order():
    assert list(stated("b UInt8,\n    a UInt8,\n    n UInt8")) == ["b", "a", "n"]


@pytest.mark.parametrize(
    "kind",
    ["LowCardinality(Nullable(String))", "Array(Tuple(Float64, Float64))", "Map(String, Array(UInt64))"],
)
def test_a_type_within_a_type_is_whole(kind):
    assert stated(f"n {kind} CODEC(ZSTD(1))") == {"n": kind}


def test_the_clauses_after_the_columns_may_stand_on_lines_of_their_own():
    tail = ")\nENGINE = MergeTree\nPARTITION BY toYYYYMM(n)\nORDER BY (n)\n{settings}"
    assert stated("n UInt64", tail) == {"n": "UInt64"}


@pytest.mark.parametrize(
    ("line", "name", "kind"),
    [
        ("n UInt64 COMMENT 'a, b) c'", "n", "UInt64"),
        ("n Enum8('a)' = 1, 'b, c' = 2, 'it\\'s' = 3)", "n", "Enum8('a)' = 1, 'b, c' = 2, 'it\\'s' = 3)"),
        ("`a column` String", "a column", "String"),
        ("`INDEX` UInt8", "INDEX", "UInt8"),
    ],
    ids=["a comment", "names of an Enum", "a name with a blank", "a keyword in quotes"],
)
def test_quotes_are_no_end_of_a_column(line, name, kind):
    assert stated(f"{line},\n    other UInt8") == {name: kind, "other": "UInt8"}


def test_columns_that_the_server_computes_are_stated_and_not_inserted():
    ddl = "CREATE TABLE {table} (n UInt64, twice UInt64 MATERIALIZED n * 2, half UInt64 ALIAS intDiv(n, 2), {address})"
    table = Table(name="t", ddl=ddl + " ENGINE = MergeTree ORDER BY n {settings}", rows=None)
    assert {"twice", "half"} <= stated_columns(table).keys()
    assert inserted_columns(table).keys() == {"n", *ADDRESS_COLUMNS}


def test_a_mergetree_is_what_a_sink_fills():
    assert objection_to("MergeTree", "t") == ""


@pytest.mark.parametrize(
    "engine", ["ReplicatedMergeTree", "ReplicatedReplacingMergeTree", "SharedMergeTree", "Distributed"]
)
def test_a_table_of_many_servers_is_not_supported_yet_and_the_sentence_says_why(engine):
    said = objection_to(engine, "t")
    assert said.startswith(f"table t is a {engine}, which is not supported yet: ")
    assert "be there twice when it returns" in said


@pytest.mark.parametrize(
    "engine", ["Null", "ReplacingMergeTree", "SummingMergeTree", "Memory", "Kafka", "View"]
)
def test_a_table_that_loses_or_merges_rows_is_no_table_of_a_feed(engine):
    assert objection_to(engine, "t").startswith(f"table t is a {engine}: a sink counts what it has inserted")
