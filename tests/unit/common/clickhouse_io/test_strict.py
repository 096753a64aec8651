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
