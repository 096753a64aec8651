import numpy as np
import pytest

from common.clickhouse_io.wire import as_wire
from common.model.columns import uint128


def array(values, dtype):
    return np.array(values, dtype)


@pytest.mark.parametrize(
    ("kind", "values", "wire"),
    [
        ("UInt8", array([0, 255], "u1"), b"\x00\xff"),
        ("UInt16", array([258], "u2"), b"\x02\x01"),
        ("UInt32", array([258], "u4"), b"\x02\x01\x00\x00"),
        ("UInt64", array([2**64 - 1], "u8"), b"\xff" * 8),
        ("Int8", array([-1], "i1"), b"\xff"),
        ("Int16", array([-2], "i2"), b"\xfe\xff"),
        ("Int64", array([-1], "i8"), b"\xff" * 8),
        ("Float32", array([1.5], "f4"), b"\x00\x00\xc0\x3f"),
        ("Float64", array([1.5], "f8"), b"\x00" * 6 + b"\xf8\x3f"),
        ("Bool", array([True, False], "?"), b"\x01\x00"),
        ("Date", array([1], "u2"), b"\x01\x00"),
        ("DateTime", array([1], "u4"), b"\x01\x00\x00\x00"),
        ("DateTime64(3)", array([1], "i8"), b"\x01" + b"\x00" * 7),
        ("DateTime64(6, 'UTC')", array([1], "i8"), b"\x01" + b"\x00" * 7),
        ("UInt128", uint128([1 + (2 << 64)], 1), b"\x01" + b"\x00" * 7 + b"\x02" + b"\x00" * 7),
    ],
)
def test_an_array_is_written_as_the_type_wants_it(kind, values, wire):
    assert as_wire(kind, values).tobytes() == wire


@pytest.mark.parametrize(
    ("kind", "values", "dtype"),
    [
        pytest.param("UInt8", array([0, 255], "i8"), "<u1", id="narrower"),
        pytest.param("UInt64", array([0, 255], "u1"), "<u8", id="wider"),
        pytest.param("Int64", array([-5], "i2"), "<i8", id="wider with sign"),
        pytest.param("UInt32", array([1, 2**31], ">u4"), "<u4", id="other byte order"),
        pytest.param("UInt8", array([True], "?"), "<u1", id="bool to integer"),
        pytest.param("Bool", array([1, 0], "i8"), "<u1", id="integer to bool"),
        pytest.param("UInt16", array([3.0], "f8"), "<u2", id="whole floats"),
        pytest.param("Float64", array([0.1, np.nan, np.inf], "f4"), "<f8", id="wider float"),
        pytest.param("Float32", array([0.5, np.nan], "f8"), "<f4", id="narrower float, exact"),
        pytest.param("DateTime64(3)", array([5], "u4"), "<i8", id="ticks"),
        pytest.param("UInt8", array([], "i8"), "<u1", id="empty"),
    ],
)
def test_an_array_of_another_type_is_cast_when_every_value_fits(kind, values, dtype):
    cast = as_wire(kind, values)
    assert cast.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(cast, values)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        pytest.param("UInt8", array([1, 256], "i8"), id="too large"),
        pytest.param("UInt8", array([-1], "i8"), id="negative"),
        pytest.param("UInt64", array([-1], "i8"), id="negative of the same width"),
        pytest.param("Int64", array([2**63], "u8"), id="too large of the same width"),
        pytest.param("Int8", array([128], "u1"), id="too large by one"),
        pytest.param("UInt16", array([1.5], "f8"), id="a fraction"),
        pytest.param("Float32", array([0.1], "f8"), id="a float that loses digits"),
        pytest.param("Date", array([70_000], "i8"), id="a day too late"),
        pytest.param("DateTime", array([-5], "i8"), id="a second too early"),
        pytest.param("UInt128", array([[-1, 0]], "i8"), id="a negative half"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_not_wrapped(kind, values):
    with pytest.raises(OverflowError, match=f"do not fit {kind}"):
        as_wire(kind, values)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_a_float_that_is_no_integer_is_refused(value):
    with pytest.raises(OverflowError, match="do not fit"):
        as_wire("UInt32", array([value], "f8"))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("String", array(["a"], object)),
        ("UInt8", [1, 2]),
        ("Nullable(UInt8)", array([1], "u1")),
        ("Decimal(9, 2)", array([1], "i8")),
        ("Array(UInt8)", [[1], [2, 3]]),
        ("DateTime64(3)", array(["2026-01-01"], "datetime64[ms]")),
        ("LowCardinality(String)", ["a"]),
    ],
)
def test_other_types_and_sequences_are_left_to_the_driver(kind, values):
    assert as_wire(kind, values) is None


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        pytest.param("UInt128", array([1, 2], "u8"), id="UInt128 without its high halves"),
        pytest.param("UInt64", array([[1, 2]], "u8"), id="UInt64 with halves"),
    ],
)
def test_a_column_of_the_wrong_shape_is_refused(kind, values):
    with pytest.raises(ValueError):
        as_wire(kind, values)
