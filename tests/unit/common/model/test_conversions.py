from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest

from common.clickhouse_io.wire import wire_dtype
from common.model.conversions import NULL, VALUE, conversion, guarded, is_nullable
from common.model.kinds import names_of
from tests.unit.common.model.test_encoders import by_driver

REFUSED = [
    ("UInt8", 256),
    ("Int8", -129),
    ("UInt64", 2**64),
    ("UInt256", 2**256),
    ("Int128", 2**127),
    ("Float32", 1e39),
    ("Float64", float("nan")),
    ("Decimal(18, 2)", Decimal("12.345")),
    ("Decimal(4, 2)", Decimal("100")),
    ("Decimal(18, 2)", Decimal("NaN")),
    ("Decimal(18, 2)", Decimal("1e400")),
    ("Decimal(76, 0)", Decimal("1e76")),
    ("Date", date(1969, 12, 31)),
    ("Date", date(2149, 6, 7)),
    ("Date32", date(1899, 12, 31)),
    ("DateTime", datetime(2106, 2, 7, 6, 28, 16, tzinfo=UTC)),
    ("DateTime", datetime(2026, 1, 1, microsecond=1, tzinfo=UTC)),
    ("DateTime64(3)", datetime(2026, 1, 1, microsecond=1, tzinfo=UTC)),
    ("DateTime64(3)", datetime(9999, 1, 1, tzinfo=UTC)),
    ("DateTime64(9)", datetime(2263, 1, 1, tzinfo=UTC)),
    ("DateTime64(6)", datetime(2026, 1, 1)),
    ("DateTime64(6)", "2026-01-01T00:00:00"),
    ("DateTime64(6)", "2026-01-01T23:59:60Z"),
    ("DateTime64(6)", "2026-01-01T00:00:00.1234567Z"),
    ("DateTime64(6)", "0000-01-01T00:00:00Z"),
    ("IPv4", "10.0.0.256"),
    ("IPv4", "10.1"),
    ("IPv6", "1::2::3"),
    ("FixedString(3)", "abcd"),
    ("FixedString(3)", "ab"),
    ("Enum8('a' = 1)", "b"),
    ("Array(UInt8)", [1, 256]),
    ("Map(String, UInt8)", {"a": 256}),
    ("Array(Decimal(4, 1))", [Decimal("1.25")]),
    ("Nullable(UInt8)", 256),
    ("UInt8", 1.5),
    ("Int64", "5"),
    ("Float64", 2**53 + 1),
    ("Bool", "false"),
    ("FixedString(3)", 3),
    ("Decimal(9, 2)", Decimal("1." + "0" * 310 + "1")),
    ("DateTime64(9)", datetime(1677, 9, 21, 0, 12, 43, 145224, tzinfo=UTC)),
    ("LowCardinality(Date)", date(1900, 1, 1)),
]


@pytest.mark.parametrize(("kind", "value"), REFUSED, ids=lambda value: str(value)[:30])
def test_a_value_that_a_column_cannot_hold_exactly_is_refused(kind, value):
    with pytest.raises((ValueError, OverflowError, TypeError, ArithmeticError, LookupError, OSError)):
        conversion(kind).convert([value])


EXACT = [
    ("Float32", 21.1, [np.float32(21.1)]),
    ("DateTime64(9)", "2026-11-01T12:34:56.123456789+02:00", [1793529296123456789]),
    ("DateTime64(6)", "1900-01-01T00:00:00Z", [-2208988800000000]),
    ("DateTime64(0)", "2299-12-31T23:59:59Z", [10413791999]),
    ("DateTime('UTC')", "1970-01-01t00:00:01.000z", [1]),
    ("Decimal(9, 2)", Decimal("-12.3"), [(-1230,)]),
    ("Decimal(18, 0)", Decimal("1E+17"), [(10**17,)]),
    ("IPv4", "255.0.0.1", [4278190081]),
    ("IPv6", "::1", [(b"\0" * 15 + b"\1",)]),
    ("Enum16('a' = -5, 'b, c' = 7)", "b, c", [7]),
    ("Nullable(UInt8)", None, [(1, 0)]),
    ("Nullable(DateTime64(3))", datetime(1970, 1, 1, tzinfo=UTC), [(0, 0)]),
    ("UInt128", 2**128 - 1, [2**128 - 1]),
    ("LowCardinality(Date)", date(2026, 1, 1), [date(2026, 1, 1)]),
    ("FixedString(2)", "é", [(b"\xc3\xa9",)]),
]


@pytest.mark.parametrize(("kind", "value", "column"), EXACT, ids=lambda value: str(value)[:30])
def test_a_value_that_fits_is_stored_as_it_is(kind, value, column):
    assert conversion(kind).convert([value]).tolist() == column


@pytest.mark.parametrize(
    ("kind", "nullable"),
    [
        ("Nullable(UInt8)", True),
        ("LowCardinality( Nullable(String))", True),
        ("Array(Nullable(UInt8))", False),
    ],
)
def test_only_the_outermost_nullable_takes_null(kind, nullable):
    assert is_nullable(kind) is nullable


def test_the_names_of_an_enum_may_hold_what_they_like():
    assert names_of(r"Enum8('a, b' = 1, 'it\'s' = -2, '=' = 3)") == {"a, b": 1, "it's": -2, "=": 3}


def test_a_type_that_is_not_known_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match="Variant.*is no type that values can be made for.*UInt8"):
        conversion("Variant(UInt8, String)")


@pytest.mark.parametrize("kind", ["LowCardinality(Float64)", "LowCardinality(Nullable(Float32))"])
def test_a_dictionary_of_floats_is_refused_for_it_would_lose_the_sign_of_zero(kind):
    with pytest.raises(ValueError, match="0.0 and -0.0 for one value"):
        conversion(kind)


@pytest.mark.parametrize("argument", ["a UInt8", "SKIP a.b", "SKIP REGEXP 'a'"])
def test_json_with_paths_of_their_own_is_refused(argument):
    with pytest.raises(ValueError, match="a path of a type of its own"):
        conversion(f"JSON(max_dynamic_paths = 8, {argument})")


@pytest.mark.parametrize("kind", ["Array(JSON)", "Map(String, Nullable(JSON))"])
def test_json_within_an_array_or_a_map_is_refused(kind):
    with pytest.raises(ValueError, match="JSON is a column of its own"):
        conversion(kind)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("UInt8", 1.5), ("UInt8", "7"), ("UInt8", True), ("Bool", 1), ("Float64", 2**60 + 1), ("Date", "x")],
)
def test_a_value_of_a_type_that_nobody_has_checked_is_never_made_into_another(kind, value):
    with pytest.raises(TypeError):
        guarded(conversion(kind))([value])


def test_a_guard_lets_through_what_fits():
    assert guarded(conversion("Nullable(UInt8)"))([1, None]).tolist() == [(0, 1), (1, 0)]
    assert guarded(conversion("Bool"))([True]).tolist() == [True]


@pytest.mark.parametrize("kind", ["Array(DateTime64(6, 'UTC'))", "Map(String, DateTime64(3))"])
def test_a_unit_within_an_array_or_a_map_is_refused(kind):
    with pytest.raises(ValueError, match="a unit is for a time of its own"):
        conversion(kind, "ms")


EAST = timezone(timedelta(hours=5, minutes=45))
MANY = [
    ("UUID", [UUID(int=0), UUID(int=2**128 - 1), UUID("01234567-89ab-cdef-0123-456789abcdef"), UUID(int=1)]),
    ("IPv6", ["::", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::7"]),
    ("IPv4", ["0.0.0.0", "255.255.255.255", "10.0.0.1"]),
    ("FixedString(3)", ["abc", "é\0", b"\xff\xfe\xfd"]),
    (
        "DateTime64(6, 'UTC')",
        [datetime(1970, 1, 1, tzinfo=UTC), datetime(2299, 12, 31, 23, 59, 59, 999_999, UTC)],
    ),
    (
        "DateTime64(6, 'UTC')",
        [datetime(2026, 11, 1, 12, 34, 56, 123_456, EAST), datetime(2026, 1, 1, tzinfo=UTC)],
    ),
    ("Nullable(UUID)", [UUID(int=5), None]),
    ("Nullable(IPv6)", [None, "::1"]),
]


@pytest.mark.parametrize(("kind", "values"), MANY, ids=lambda value: value if isinstance(value, str) else "")
def test_columns_are_on_the_wire_what_the_driver_writes(kind, values):
    column = conversion(kind).convert(values)
    assert column.dtype == wire_dtype(kind)
    written = (
        b"".join(column[name].tobytes() for name in (NULL, VALUE)) if is_nullable(kind) else column.tobytes()
    )
    assert written == by_driver(kind, list(values))


def test_times_before_1970_and_in_zones_of_seconds_are_exact():
    odd = timezone(timedelta(hours=1, seconds=7, microseconds=3))
    moments = [datetime(1900, 1, 1, 0, 0, 0, 1, UTC), datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)]
    moments += [datetime(2150, 6, 1, 1, 2, 3, 4, odd)]
    exact = [(moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) for moment in moments]
    assert conversion("DateTime64(6, 'UTC')").convert(moments).tolist() == exact


@pytest.mark.parametrize("kind", ["DateTime(3)", "Enum8('it''s' = 1)", "Nullable", "Nullable(Array(UInt8))"])
def test_a_type_that_is_another_one_to_the_server_is_refused(kind):
    with pytest.raises(ValueError, match=re.escape(kind)):
        conversion(kind)
