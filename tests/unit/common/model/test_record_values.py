"""Columns that the record fills: exact in every row of a message, or refused with column and type."""

import numpy as np
import pytest

from common.errors import DoesNotFit
from common.model.record import MOST_HEADERS, Details
from common.model.record_columns import Headers, Key, Messages, Offset, PartitionNumber, Timestamp, Topic
from common.model.record_values import MOST_REPEATED_BYTES, RecordValues
from common.model.stream import Table

LAST_MS = 10_413_791_999_999  # 2299-12-31 23:59:59.999
PAIRS = "Array(Tuple(String, Nullable(String)))"


def stated(kind, column, name="x"):
    ddl = f"CREATE TABLE {{table}} (n UInt8, {name} {kind}, {{address}}) ENGINE = MergeTree ORDER BY n {{settings}}"
    return Table(name="t", ddl=ddl, rows=None, record={"x": column})


def messages(*, timestamps=None, keys=None, headers=None, number=None):
    number = number or len(timestamps or keys or headers)
    details = Details(timestamps or [0] * number, keys or [None] * number, headers or [()] * number)
    return Messages("orders", 3, np.arange(10, 10 + number, dtype=np.uint64), details)


def rows(counts, first=10):
    """The address of rows of messages that make so many each."""
    counts = np.array(counts)
    offsets = np.arange(first, first + len(counts), dtype=np.uint64)
    index = [at for count in counts for at in range(count)]
    return {
        "n": np.zeros(counts.sum(), np.uint8),
        "_off": np.repeat(offsets, counts),
        "_row": np.array(index, np.uint32),
        "_rows": np.repeat(counts, counts).astype(np.uint32),
    }


def filled(kind, column, given, counts=None):
    counts = [1] * len(given.offsets) if counts is None else counts
    return RecordValues(stated(kind, column)).beside(rows(counts), given)["x"].tolist()


@pytest.mark.parametrize(
    ("kind", "column", "given", "wanted"),
    [
        ("Nullable(String)", Key(), {"keys": [None, b"", b"\xff"]}, [None, "", b"\xff"]),
        ("String", Key(), {"keys": [b"a"]}, ["a"]),
        ("LowCardinality(Nullable(String))", Key(), {"keys": [b"a", None]}, ["a", None]),
        ("FixedString(2)", Key(), {"keys": [b"\x00\xff"]}, [(b"\x00\xff",)]),
        ("DateTime64(3, 'UTC')", Timestamp(), {"timestamps": [0, -2, LAST_MS]}, [0, -2, LAST_MS]),
        ("DateTime64(6, 'UTC')", Timestamp(), {"timestamps": [1, -2]}, [1000, -2000]),
        ("Nullable(DateTime64(3))", Timestamp(), {"timestamps": [-1, 5]}, [(1, 0), (0, 5)]),
        ("DateTime('UTC')", Timestamp(), {"timestamps": [5000]}, [5]),
        ("Int64", Timestamp(), {"timestamps": [2**63 - 1]}, [2**63 - 1]),
        (PAIRS, Headers(), {"headers": [(), [("a", None), ("a", b"")]]}, [[], [(b"a", None), (b"a", b"")]]),
        ("LowCardinality(String)", Topic(), {"number": 2}, ["orders"] * 2),
        ("UInt32", PartitionNumber(), {"number": 2}, [3, 3]),
        ("UInt64", Offset(), {"number": 2}, [10, 11]),
    ],
)
def test_values_come_in_the_type_that_the_ddl_states(kind, column, given, wanted):
    assert filled(kind, column, messages(**given)) == wanted


@pytest.mark.parametrize(
    ("kind", "column", "given", "flaw"),
    [
        ("String", Key(), {"keys": [b"a", None]}, "the record has none"),
        ("FixedString(2)", Key(), {"keys": [b"abc"]}, "not a value of that type"),
        ("DateTime64(3, 'UTC')", Timestamp(), {"timestamps": [-1]}, "the record has none"),
        ("DateTime64(3, 'UTC')", Timestamp(), {"timestamps": [LAST_MS + 1]}, "out of range"),
        ("DateTime64(3, 'UTC')", Timestamp(), {"timestamps": [-(2**63)]}, "out of range"),
        ("DateTime64(9, 'UTC')", Timestamp(), {"timestamps": [LAST_MS]}, "out of range"),
        ("DateTime('UTC')", Timestamp(), {"timestamps": [1]}, "not a value of that type"),
        (
            PAIRS,
            Headers(),
            {"headers": [[("a", None)] * (MOST_HEADERS + 1)]},
            "the record has more than 1,000",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_column_and_type(kind, column, given, flaw):
    with pytest.raises(DoesNotFit) as caught:
        filled(kind, column, messages(**given))
    assert f"column x, {kind}: {flaw}" in str(caught.value)


def test_a_thousand_headers_are_stored():
    given = messages(headers=[[("a", b"1")] * MOST_HEADERS])
    assert len(filled(PAIRS, Headers(), given)[0]) == MOST_HEADERS


def test_every_row_of_a_message_has_what_its_record_says():
    given = messages(keys=[b"a", b"b", None])
    assert filled("Nullable(String)", Key(), given, [2, 1, 3]) == ["a", "a", "b", None, None, None]
    given = messages(timestamps=[-1, 7, 8])
    assert filled("Nullable(DateTime64(3))", Timestamp(), given, [1, 2, 0]) == [(1, 0), (0, 7), (0, 7)]
    assert filled("UInt64", Offset(), given, [0, 0, 2]) == [12, 12]


def test_what_makes_no_row_need_not_fit():
    given = messages(timestamps=[-1, 7, 2**62])
    assert filled("DateTime64(3, 'UTC')", Timestamp(), given, [0, 2, 0]) == [7, 7]
    assert filled("DateTime64(3, 'UTC')", Timestamp(), given, [0, 0, 0]) == []


@pytest.mark.parametrize(
    ("kind", "column", "field", "value"),
    [
        ("String", Key(), "keys", b"k" * (1 << 20)),
        (PAIRS, Headers(), "headers", [("h", b"v" * (1 << 20))]),
    ],
)
def test_what_would_fill_the_memory_once_it_is_in_every_row_is_refused(kind, column, field, value):
    given, most = messages(**{field: [value]}), MOST_REPEATED_BYTES >> 20
    assert len(filled(kind, column, given, [most // 2])) == most // 2
    with pytest.raises(DoesNotFit, match="in every row of its message it takes more than 64 MiB"):
        filled(kind, column, given, [most + 1])


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("UInt8", Key()),
        ("JSON", Key()),
        ("Array(String)", Key()),
        ("String", Timestamp()),
        ("Date", Timestamp()),
        ("Map(String, String)", Headers()),
        ("Array(Tuple(String, String))", Headers()),
        ("UInt16", Topic()),
        ("String", Offset()),
    ],
)
def test_a_type_that_cannot_hold_it_is_refused_at_the_declaration(kind, column):
    with pytest.raises(ValueError, match=f"column x: .* cannot hold {type(column).__name__}, "):
        RecordValues(stated(kind, column))


def test_a_column_that_the_ddl_does_not_state_is_refused():
    with pytest.raises(ValueError, match="the record is to fill the column x, which the DDL does not state"):
        RecordValues(stated("String", Key(), name="y"))


def test_a_column_that_rows_make_as_well_is_refused():
    with pytest.raises(ValueError, match="rows make the column x, which the record fills"):
        RecordValues(stated("String", Key())).beside(rows([1]) | {"x": np.zeros(1)}, messages(keys=[b"a"]))


@pytest.mark.parametrize(("column", "needs"), [(Key(), True), (Topic(), False)])
def test_details_are_needed_only_for_what_the_record_alone_knows(column, needs):
    assert RecordValues(stated("String", column)).need_details is needs


@pytest.mark.parametrize("kind", ["String", "Nullable(String)", "LowCardinality(String)"])
def test_a_key_that_ends_in_nul_is_whole_in_every_row(kind):
    given = messages(keys=[b"a\0", b"\xff"])
    assert filled(kind, Key(), given, [2, 1]) == ["a\0", "a\0", b"\xff"]
