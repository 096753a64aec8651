import random
from types import SimpleNamespace

import numpy as np
import pytest

from common.columns import index_within, one_row_each, uint128


def as_integers(pairs):
    return [low + (high << 64) for low, high in pairs.tolist()]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([], id="none"),
        pytest.param([0, 1, 2**64 - 1], id="all below 64 bits"),
        pytest.param([2**64], id="just above 64 bits"),
        pytest.param([1, 20_722_398_914_405_051_728, 2**64 - 1], id="some above 64 bits"),
        pytest.param([2**128 - 1, 0], id="the largest"),
    ],
)
def test_uint128_is_exact(values):
    pairs = uint128(iter(values), len(values))
    assert (pairs.shape, pairs.dtype) == ((len(values), 2), np.uint64)
    assert as_integers(pairs) == values


def test_uint128_is_what_clickhouse_reads_sixteen_little_endian_bytes_a_value():
    values = [1, 2**64, 2**128 - 2]
    assert uint128(values, 3).tobytes() == b"".join(value.to_bytes(16, "little") for value in values)


@pytest.mark.parametrize("seed", range(5))
def test_uint128_is_exact_for_integers_of_any_size(seed):
    rng = random.Random(seed)
    values = [rng.getrandbits(rng.randint(1, 128)) for _ in range(500)]
    assert as_integers(uint128(values, 500)) == values


@pytest.mark.parametrize("value", [-1, -(2**64), 2**128, 2**200])
def test_uint128_refuses_what_does_not_fit(value):
    with pytest.raises(OverflowError):
        uint128([1, value], 2)


@pytest.mark.parametrize(
    ("lengths", "index"),
    [
        ([], []),
        ([3], [0, 1, 2]),
        ([2, 3], [0, 1, 0, 1, 2]),
        ([0, 1, 0, 2, 0], [0, 0, 1]),
    ],
)
def test_the_index_within_each_group_starts_anew(lengths, index):
    made = index_within(np.array(lengths, np.int64))
    assert (made.tolist(), made.dtype) == (index, np.uint32)


def events(*numbers):
    return [SimpleNamespace(small=number, large=number, name=f"#{number}") for number in numbers]


def test_one_row_each_makes_a_column_a_field():
    made = one_row_each(small=np.uint8, large=np.float64)(events(1, 2, 255))
    assert made.per_event is None
    assert {name: (column.dtype.name, column.tolist()) for name, column in made.columns.items()} == {
        "small": ("uint8", [1, 2, 255]),
        "large": ("float64", [1.0, 2.0, 255.0]),
    }


def test_one_row_each_keeps_strings_as_they_are():
    made = one_row_each(name=object)(events(1, 22))
    assert made.columns["name"].tolist() == ["#1", "#22"]


def test_one_row_each_makes_empty_columns_of_no_event():
    assert one_row_each(small=np.uint8)([]).columns["small"].tolist() == []


@pytest.mark.parametrize("number", [256, -1, 2**64, "seven", None, float("nan")])
def test_one_row_each_refuses_what_does_not_fit(number):
    with pytest.raises((OverflowError, ValueError, TypeError)):
        one_row_each(small=np.uint8)(events(1, number))
