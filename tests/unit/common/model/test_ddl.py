import pytest

from common.model.ddl import (
    definitions,
    inserted_columns,
    normal_order,
    order_of,
    projections,
    stated_columns,
)
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


def table_with(items="n UInt64", tail="ENGINE = MergeTree ORDER BY n"):
    return Table(
        name="t", ddl=f"CREATE TABLE {{table}} ({items}, {{address}}) {tail} {{settings}}", rows=None
    )


def test_projections_are_stated_with_their_text_that_of_the_address_too():
    text = "PROJECTION `by value` (SELECT n, count() GROUP BY n)"
    by_value, by_address = projections(table_with(f"n UInt64, {text}"))
    assert (by_value.name, by_value.text) == ("by value", text)
    assert by_address.name == "by_address"


@pytest.mark.parametrize(
    ("tail", "order"),
    [
        ("ENGINE = MergeTree ORDER BY n", "n"),
        ("ENGINE = MergeTree\nORDER BY ( n,  `m` )", "n,m"),
        (
            "ENGINE = MergeTree PARTITION BY toYYYYMM(t) ORDER BY (a, toDate(t)) TTL t + INTERVAL 1 DAY",
            "a,toDate(t)",
        ),
        ("ENGINE = MergeTree ORDER BY tuple()", ""),
        ("ENGINE = MergeTree ORDER BY ()", ""),
        ("ENGINE = MergeTree PRIMARY KEY n", None),
    ],
)
def test_the_order_is_read_however_it_is_spelled(tail, order):
    assert order_of(table_with(tail=tail)) == order


def test_an_order_as_the_server_tells_it_is_the_same():
    assert normal_order("device, t") == normal_order("(device, `t`)") == "device,t"
    assert normal_order("(a), (b)") == "(a),(b)"


@pytest.mark.parametrize("item", ["PRIMARY KEY (n)", "INDEX i n TYPE minmax", "CONSTRAINT c CHECK n > 0"])
def test_what_is_no_column_is_none(item):
    assert stated_columns(table_with(f"n UInt64 COMMENT 'a, b)', {item}")).keys() == {"n", *ADDRESS_COLUMNS}


def test_dashes_in_quotes_begin_no_comment():
    columns = (
        "    n UInt8 COMMENT 'it\\'s -- odd', -- 'a comment\n    `a--b` Enum8('x--y' = 1),\n    c String"
    )
    assert stated(columns) == {"n": "UInt8", "a--b": "Enum8('x--y' = 1)", "c": "String"}


def test_what_the_ddl_states_of_a_column_is_given_in_one_line():
    made = table_with("n UInt64, m UInt64\n  MATERIALIZED  n * 2 -- twice\n COMMENT 'a  -- b'")
    assert definitions(made)["n"] == "UInt64"
    assert definitions(made)["m"] == "UInt64 MATERIALIZED n * 2 COMMENT 'a  -- b'"
