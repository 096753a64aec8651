"""What an INSERT could not encode is found beforehand, and told without its value."""

import datetime
import uuid
from dataclasses import replace
from decimal import Decimal
from ipaddress import IPv4Address

import numpy as np
import pytest

from common.clickhouse_io.encoding import (
    NO_SUCH_NAME,
    NONE,
    NOT_VALID,
    OUT_OF_RANGE,
    TOO_LONG,
    WRONG_TYPE,
    EncodingCheck,
)
from common.errors import BadData, StartRefused
from common.model.columns import as_objects, joined, uint128
from common.model.encoders import encoder
from common.model.reasons import Kind
from common.model.record_columns import Key
from common.model.stream import Table

ADDRESS = {
    "_tp": np.zeros(0, "u8"),
    "_off": np.zeros(0, "u8"),
    "_row": np.zeros(0, "u4"),
    "_rows": np.zeros(0, "u4"),
}
ENUM = "Enum8('new' = 1, 'old' = 2)"


def table(kind):
    ddl = f"CREATE TABLE {{table}} (v {kind}, {{address}}) ENGINE = MergeTree ORDER BY () {{settings}}"
    return Table(name="t", ddl=ddl, rows=lambda events: None)


def check(kind, values):
    EncodingCheck([table(kind)])("t", {"v": values, **ADDRESS})


def objects(*values):
    return as_objects(values)


def array(values, dtype):
    return np.array(values, dtype)


REFUSED = [
    ("Decimal(9, 2)", objects(Decimal("NaN")), NOT_VALID),
    ("Decimal(18, 2)", objects(Decimal("NaN")), NOT_VALID),
    ("Decimal(38, 2)", objects(Decimal("NaN")), NOT_VALID),
    ("Decimal(76, 2)", objects(Decimal("NaN")), NOT_VALID),
    ("Decimal(9, 2)", objects(Decimal("1e30")), OUT_OF_RANGE),
    ("Decimal(18, 2)", objects(Decimal("1e30")), OUT_OF_RANGE),
    ("Decimal(31, 2)", objects(Decimal("1e30")), OUT_OF_RANGE),
    ("Decimal(38, 2)", objects(Decimal("1e36")), OUT_OF_RANGE),
    ("Decimal(38, 2)", objects(Decimal("-1e36")), OUT_OF_RANGE),
    ("Decimal(76, 2)", objects(Decimal("1e400")), OUT_OF_RANGE),
    ("Decimal(76, 2)", objects(Decimal("1e99999999")), OUT_OF_RANGE),
    ("Decimal(10, 2)", objects(Decimal("123456789.00")), OUT_OF_RANGE),
    ("Decimal(18, 2)", objects(Decimal("Infinity")), OUT_OF_RANGE),
    ("Decimal(18, 2)", objects("12,5"), NOT_VALID),
    ("Decimal(18, 2)", objects(Decimal(1), None), NONE),
    ("Nullable(Decimal(18, 2))", objects(None, Decimal("NaN")), NOT_VALID),
    ("IPv4", objects("10.0.0.256"), NOT_VALID),
    ("IPv4", objects(2**32), OUT_OF_RANGE),
    ("IPv4", objects(-1), OUT_OF_RANGE),
    ("IPv4", objects(None), NONE),
    ("IPv6", objects("::g"), NOT_VALID),
    ("IPv6", objects(b"short"), NOT_VALID),
    ("String", objects("a", None), NONE),
    ("String", objects("a", 5), WRONG_TYPE),
    ("String", objects("a", "\ud800"), NOT_VALID),
    ("String", array([1.5], "f8"), WRONG_TYPE),
    ("LowCardinality(String)", objects("a", None), NONE),
    ("LowCardinality(String)", objects("a", 5), WRONG_TYPE),
    ("Nullable(String)", objects(None, 0), WRONG_TYPE),
    ("FixedString(3)", objects("abc", "abcd"), TOO_LONG),
    ("FixedString(3)", objects("éé"), TOO_LONG),
    (ENUM, objects("new", "lost"), NO_SUCH_NAME),
    (ENUM, objects(3), NO_SUCH_NAME),
    (ENUM, objects(None), NONE),
    ("UInt8", array([256], "i8"), OUT_OF_RANGE),
    ("UInt8", array([np.nan], "f8"), OUT_OF_RANGE),
    ("Int64", array([np.nan], "f8"), OUT_OF_RANGE),
    ("UInt64", array([-1], "i8"), OUT_OF_RANGE),
    ("UInt64", array([[1, 2]], "u8"), NOT_VALID),
    ("UInt8", objects(256), OUT_OF_RANGE),
    ("UInt8", objects(-1), OUT_OF_RANGE),
    ("UInt8", objects(float("nan")), WRONG_TYPE),
    ("UInt8", objects("1"), WRONG_TYPE),
    ("UInt8", objects(None), NONE),
    ("UInt8", array(["2026-01-01"], "M8[s]"), WRONG_TYPE),
    ("Nullable(UInt8)", objects(None, 256), OUT_OF_RANGE),
    ("UInt128", objects(2**128), OUT_OF_RANGE),
    ("UInt128", objects(-1), OUT_OF_RANGE),
    ("UInt128", objects(1.5), WRONG_TYPE),
    ("Int128", objects(2**127), OUT_OF_RANGE),
    ("Int256", objects(-(2**255) - 1), OUT_OF_RANGE),
    ("UInt256", objects(2**256), OUT_OF_RANGE),
    ("Array(UInt128)", objects([1], [2, 2**128]), OUT_OF_RANGE),
    ("Float32", objects(1e39), OUT_OF_RANGE),
    ("Float32", array([1e39], "f8"), OUT_OF_RANGE),
    ("Float64", objects("x"), WRONG_TYPE),
    ("Bool", objects("yes"), WRONG_TYPE),
    ("Bool", objects(2), OUT_OF_RANGE),
    ("Bool", objects(None), NONE),
    ("Date", objects(datetime.date(1969, 12, 31)), OUT_OF_RANGE),
    ("Date", objects(datetime.date(2200, 1, 1)), OUT_OF_RANGE),
    ("Date", objects("2026-01-01"), WRONG_TYPE),
    ("Date32", objects(datetime.date(1899, 12, 31)), OUT_OF_RANGE),
    ("DateTime", objects(datetime.datetime(1900, 1, 1)), OUT_OF_RANGE),
    ("DateTime('UTC')", objects(datetime.datetime(2200, 1, 1)), OUT_OF_RANGE),
    ("DateTime('UTC')", objects(2**32), OUT_OF_RANGE),
    ("DateTime64(3)", objects(2**63), OUT_OF_RANGE),
    ("DateTime64(9)", objects(datetime.datetime(2500, 1, 1)), OUT_OF_RANGE),
    ("DateTime64(3)", objects("2026"), WRONG_TYPE),
    ("DateTime64(3)", objects(datetime.datetime(1969, 12, 31, 12, 0, 0, 500_000)), NOT_VALID),
    ("UUID", objects("no uuid"), NOT_VALID),
    ("UUID", objects(5), WRONG_TYPE),
    ("Array(UInt8)", objects([1], [2, 256]), OUT_OF_RANGE),
    ("Array(UInt8)", objects([1], None), NONE),
    ("Array(UInt8)", objects(5), WRONG_TYPE),
    ("Array(String)", objects("abc"), WRONG_TYPE),
    ("Array(String)", objects(["a", None]), WRONG_TYPE),
    ("Map(String, String)", objects({"a": 1}), WRONG_TYPE),
    ("Map(String, UInt8)", objects({"a": 256}), OUT_OF_RANGE),
    ("Map(String, UInt8)", objects([1]), WRONG_TYPE),
    ("Tuple(UInt8, String)", objects((1, "a"), (2, "b", "c")), WRONG_TYPE),
    ("Tuple(UInt8, String)", objects((1, "a"), (2,)), WRONG_TYPE),
]

ACCEPTED = [
    ("UInt64", array([2**64 - 1], "u8")),
    ("UInt8", array([255], "i8")),
    ("Float32", array([1.5, np.nan, np.inf], "f8")),
    ("Nullable(Float32)", objects(None, 1.5)),
    ("UInt128", uint128([2**128 - 1], 1)),
    ("UInt128", objects(0, 2**128 - 1)),
    ("Int256", objects(-(2**255), 2**255 - 1)),
    ("Bool", array([True], "?")),
    ("Bool", objects(True, 0)),
    ("String", objects("", "sjö 🌊", "a" * 200_000)),
    ("String", objects(b"\xff", "a")),
    ("Nullable(String)", objects(None, "", "é")),
    ("LowCardinality(Nullable(String))", objects(None, "a", None)),
    ("FixedString(3)", objects("abc", "a")),
    (ENUM, objects("new", 2)),
    ("Decimal(18, 2)", objects(Decimal("9999999999999999.99"), Decimal("-0.01"), 5, 1.5, Decimal("0E+99"))),
    ("Decimal(38, 2)", objects(Decimal("1e30"))),
    ("Date", objects(datetime.date(1970, 1, 1), datetime.date(2149, 6, 6))),
    ("DateTime", array([0], "u4")),
    ("DateTime('UTC')", objects(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), 5)),
    ("DateTime64(3)", objects(datetime.datetime(1900, 1, 1), datetime.datetime(2299, 12, 31))),
    ("UUID", objects(uuid.UUID(int=5), str(uuid.UUID(int=6)))),
    ("IPv4", objects("10.0.0.1", IPv4Address("10.0.0.2"), 5)),
    ("IPv4", array([0, 2**32 - 1], "u4")),
    ("IPv6", objects("::1", b"\0" * 16)),
    ("Array(UInt8)", objects([], [1, 255])),
    ("Array(Array(String))", objects([["a"], []])),
    ("Map(String, Array(UInt8))", objects({}, {"a": [1]})),
    ("Tuple(UInt8, Nullable(String))", objects((1, None))),
    ("JSON", objects({"a": {"b": [1, "x"]}}, '{"a": 1}')),
    ("String", array(["a", "bc"], "U2")),
    ("Decimal(9, 2)", objects()),
    ("Array(LowCardinality(String))", objects([], ["a"])),
]


def case_id(case):
    return f"{case[0]}-{case[1].dtype}"


@pytest.mark.parametrize(
    ("kind", "values", "flaw"), REFUSED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_cannot_be_encoded_is_refused_with_column_type_and_flaw(kind, values, flaw):
    with pytest.raises(BadData) as caught:
        check(kind, values)
    assert str(caught.value) == f"cannot be encoded: column v, {kind}: {flaw}"
    assert caught.value.kind is Kind.NOT_ENCODABLE


@pytest.mark.parametrize(("kind", "values"), ACCEPTED, ids=map(case_id, ACCEPTED))
def test_what_can_be_encoded_is_let_through_and_left_as_it_is(kind, values):
    before = values.tolist()
    check(kind, values)
    np.testing.assert_equal(values.tolist(), before)


def test_every_column_of_the_table_is_checked_address_included():
    with pytest.raises(BadData, match="column _tp, UInt64: out of range"):
        EncodingCheck([table("UInt8")])("t", ADDRESS | {"v": array([1], "u1"), "_tp": array([-1], "i8")})


def test_a_column_that_the_ddl_does_not_state_is_left_to_the_server():
    EncodingCheck([table("UInt8")])("t", {"v": array([1], "u1"), "w": objects("anything"), **ADDRESS})


def test_a_column_that_rows_leave_out_is_not_left_to_a_default_of_the_server():
    with pytest.raises(BadData, match="column v, UInt8: rows have no such column"):
        EncodingCheck([table("UInt8")])("t", ADDRESS)


def test_a_long_type_is_cut():
    names = ", ".join(f"'name{number}' = {number}" for number in range(100))
    with pytest.raises(BadData) as caught:
        check(f"Enum8({names})", objects("x"))
    assert len(str(caught.value)) < 150
    assert str(caught.value).endswith("…: not a name of the Enum")


@pytest.mark.parametrize("kind", ["Time", "BFloat16"])
def test_a_type_that_the_driver_cannot_write_is_refused_at_the_start(kind):
    with pytest.raises(StartRefused, match="cannot write column v of type"):
        EncodingCheck([table(kind)])


def test_pieces_of_other_types_are_joined_in_the_form_of_the_wire():
    """1 in one message and 2.0 in the next: each fits an Int64, and so must both together."""
    checks = EncodingCheck([table("Int64")])
    pieces = [checks("t", {"v": values, **ADDRESS})["v"] for values in (array([1], "i4"), array([2.0], "f8"))]
    assert joined(pieces).dtype == np.dtype("<i8")
    assert joined(pieces).tolist() == [1, 2]


def test_columns_of_texts_come_back_as_the_bytes_of_the_wire():
    checked = EncodingCheck([table("String")])("t", {"v": objects("a", "é"), **ADDRESS})
    assert b"".join(checked["v"].wire()) == b"\x01a\x02\xc3\xa9"


@pytest.mark.parametrize("kind", ["JSON", "Nullable(JSON)", "JSON(max_dynamic_paths = 8)"])
def test_json_is_sent_as_text_a_dict_too(kind):
    columns = {"v": objects('{"a": [false]}', {"a": [1, "x"]}), **ADDRESS}
    made = EncodingCheck([table(kind)])("t", columns)
    assert made["v"].tolist() == ['{"a": [false]}', '{"a":[1,"x"]}']


@pytest.mark.parametrize("value", ["[1]", '{"a": 1, "a": 2}', '{"a": [9007199254740993]}', None, 5])
def test_json_that_would_be_changed_or_refused_is_refused(value):
    with pytest.raises(BadData, match="column v, JSON: "):
        check("JSON", objects(value))


@pytest.mark.parametrize(
    "kind", ["String", "Nullable(String)", "LowCardinality(String)", "Map(String,String)"]
)
def test_a_column_that_is_encoded_already_is_taken_if_it_is_of_that_type(kind):
    made = encoder(kind)([])
    checked = EncodingCheck([table(kind)])("t", {"v": made, **ADDRESS})
    assert checked["v"] is made
    with pytest.raises(BadData, match="column v, Array\\(String\\): wrong type"):
        EncodingCheck([table("Array(String)")])("t", {"v": made, **ADDRESS})


def test_a_column_that_cannot_hold_what_the_record_has_is_refused_at_the_start():
    with pytest.raises(StartRefused, match="t: column v: UInt8 cannot hold Key, "):
        EncodingCheck([replace(table("UInt8"), record={"v": Key()})])
    with pytest.raises(
        StartRefused, match="t: the record is to fill the column w, which the DDL does not state"
    ):
        EncodingCheck([replace(table("String"), record={"w": Key()})])
    EncodingCheck([replace(table("String"), record={"v": Key()})])


@pytest.mark.parametrize(
    ("kind", "number", "other"),
    [("Bool", 1, 2), ("Enum8('a' = 1, 'b' = -3)", -3, 0), ("Enum16('a' = 300)", 300, 1)],
)
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "i8", "f8"])
def test_a_number_that_no_bool_or_enum_has_is_refused(kind, number, other, dtype):
    checks = EncodingCheck([table(kind)])
    with np.errstate(invalid="ignore"):
        good, bad = (np.array([given]).astype(dtype) for given in (number, other))
    if good.tolist() == [number]:
        assert checks("t", {"v": good, **ADDRESS})["v"].tolist() == [number]
    with pytest.raises(BadData, match="column v, .*: out of range"):
        checks("t", {"v": bad, **ADDRESS})


def test_a_type_that_the_server_takes_for_another_is_refused_at_the_start():
    with pytest.raises(StartRefused, match=r"t: column v: DateTime\(3\): DateTime has no such arguments"):
        EncodingCheck([table("DateTime(3)")])


@pytest.mark.parametrize("kind", ["Array(String)", "Array(UInt8)"])
def test_arrays_that_the_server_takes_for_one_nested_are_of_one_length(kind):
    columns = ", ".join(f"`{name}` {kind}" for name in ("n.a", "n.b", "m.a"))
    ddl = f"CREATE TABLE {{table}} ({columns}, {{address}}) ENGINE = MergeTree {{settings}}"
    checks = EncodingCheck([Table(name="t", ddl=ddl, rows=None)])
    one, two = (as_objects([["x" if "String" in kind else 1] * count]) for count in (1, 2))
    checks("t", {"n.a": two, "n.b": two, "m.a": one, **ADDRESS})
    with pytest.raises(BadData, match="column n.b, .*: not as many items as in n.a"):
        checks("t", {"n.a": two, "n.b": one, "m.a": one, **ADDRESS})
