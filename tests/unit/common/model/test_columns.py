import random
from types import SimpleNamespace

import numpy as np
import pytest

from common.errors import DoesNotFit
from common.model.columns import as_objects, index_within, joined, one_row_each, uint128


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
    with pytest.raises(DoesNotFit, match="column small, uint8: "):
        one_row_each(small=np.uint8)(events(1, number))


@pytest.mark.parametrize("number", [None, 1e300, -1e300, "seven", 10**400])
def test_one_row_each_refuses_floats_that_would_become_something_else(number):
    with pytest.raises(DoesNotFit, match="column small, float32: "):
        one_row_each(small=np.float32)(events(1, number))


def test_one_row_each_refuses_none_among_floats_of_any_width():
    with pytest.raises(ValueError, match="column small, float64: wrong type"):
        one_row_each(small=np.float64)(events(1.5, None))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_row_each_keeps_floats_that_are_no_numbers(dtype):
    made = one_row_each(small=dtype)(events(float("nan"), float("inf"), float("-inf"), 1.5)).columns["small"]
    assert made.dtype == dtype
    np.testing.assert_equal(made.tolist(), [np.nan, np.inf, -np.inf, 1.5])


@pytest.mark.parametrize("dtype", ["S8", "U", "U8", "datetime64[s]", "timedelta64[s]", "V4", "c16"])
def test_one_row_each_refuses_types_that_cut_or_wrap_in_silence(dtype):
    with pytest.raises(ValueError, match="column name: numpy's .* cuts or wraps values without a word"):
        one_row_each(name=dtype)


def test_lists_of_one_length_are_values_too():
    for lists in ([[1, 2], [3, 4]], [[1], [2, 3]], [[], []], []):
        made = as_objects(lists)
        assert (made.shape, made.tolist()) == ((len(lists),), lists)


@pytest.mark.parametrize(
    "parts",
    [
        [np.array([1], "u1"), np.array([300], "u2")],
        [np.array([-1], "i8"), np.array([2**64 - 1], "u8")],
        [np.array([2**63 + 1], "u8"), np.array([0.5])],
        [np.array([1], "i8"), np.array([2**70], object)],
        [as_objects([[1, 2], [3, 4]]), as_objects([[5]])],
        [np.array([[1, 2], [3, 4]], object), as_objects([[5]])],
        [np.array([[1, 2]]), np.array([[3, 4, 5]])],
        [np.array(["a"]), np.array(["bcd"]), as_objects(["e"])],
        [np.array([1], "i8")],
    ],
    ids=lambda parts: "+".join(str(part.dtype) for part in parts),
)
def test_parts_of_any_type_are_joined_value_for_value(parts):
    made = joined(parts)
    assert made.ndim == 1
    assert made.tolist() == [value for part in parts for value in part.tolist()]


def test_parts_of_one_type_keep_it():
    made = joined([uint128([1], 1), uint128([2**127], 1)])
    assert (made.dtype, as_integers(made)) == (np.uint64, [1, 2**127])
