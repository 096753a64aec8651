from datetime import UTC, datetime
from decimal import Decimal

import pytest
from clickhouse_driver.bufferedwriter import BufferedSocketWriter
from clickhouse_driver.columns.service import get_column_by_spec

from common.clickhouse_io import strict


@pytest.mark.parametrize(
    ("kind", "items"),
    [
        ("UInt128", [2**128]),
        ("Bool", [7]),
        ("IPv6", [b"short"]),
        ("Tuple(UInt8, UInt8)", [(1, 2, 3)]),
        ("Array(Nullable(UInt256))", [[None, 2**256]]),
        ("Map(String, UInt128)", [{"a": -1}]),
        ("Decimal(9, 2)", [Decimal("1.005")]),
        ("Decimal(38, 0)", [0.5]),
        ("DateTime('UTC')", [datetime(2026, 1, 1, microsecond=1, tzinfo=UTC)]),
        ("Array(DateTime64(3, 'UTC'))", [[datetime(2026, 1, 1, microsecond=1_001, tzinfo=UTC)]]),
        ("Date", [datetime(2026, 1, 1, 12, tzinfo=UTC)]),
        ("Float32", [2**24 + 1]),
        ("Map(String, Float64)", [{"a": 2**53 + 1}]),
    ],
)
def test_what_the_driver_would_change_in_silence_is_refused(kind, items):
    silent = get_column_by_spec(kind, {"context": strict._context()})
    silent.write_data([*items], BufferedSocketWriter(None, 1 << 16))  # no error: why it is necessary
    with pytest.raises((OverflowError, TypeError, ValueError)):
        strict.encode(kind, items)


def test_values_are_encoded_as_often_as_one_likes():
    for _ in range(3):
        strict.encode("Array(LowCardinality(Nullable(String)))", [["a", None], []])


def test_more_than_a_buffer_is_no_obstacle():
    strict.encode("String", ["a" * 300_000, "b"])
    strict.encode("Array(String)", [["a" * 300_000] * 3])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Decimal(9, 2)", Decimal("1.5000")),
        ("Decimal(38, 2)", Decimal("1e3")),
        ("DateTime64(3, 'UTC')", datetime(2026, 1, 1, microsecond=1_000, tzinfo=UTC)),
        ("DateTime64(6, 'UTC')", datetime(2026, 1, 1, microsecond=1, tzinfo=UTC)),
        ("Date", datetime(2026, 1, 1, tzinfo=UTC)),
        ("Float32", 2**24),
        ("Float32", 0.1),
    ],
)
def test_what_is_exact_passes(kind, value):
    strict.encode(kind, [value])
