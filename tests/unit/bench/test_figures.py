"""Medians, spreads and percentiles of measurements."""

import pytest

from tests.bench.figures import per_cpu_second, per_second, percentile, spread

RUNS = [
    {"rows": 100, "wall_s": 1.0, "cpu_s": 2.0, "clickhouse_cpu_s": 3.0},
    {"rows": 100, "wall_s": 2.0, "cpu_s": 4.0, "clickhouse_cpu_s": 1.0},
    {"rows": 100, "wall_s": 4.0, "cpu_s": 5.0, "clickhouse_cpu_s": 5.0},
]


def test_a_spread_is_the_median_between_the_lowest_and_the_highest():
    assert spread([5, 1, 3]) == (3, 1, 5)
    assert spread([4, 2]) == (3, 2, 4)


def test_nothing_measured_is_an_error():
    with pytest.raises(ValueError, match="no run"):
        spread([])
    with pytest.raises(ValueError, match="no value"):
        percentile([], 0.5)


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(share, value):
    assert percentile(list(range(100, 0, -1)), share) == value


def test_a_percentile_of_few_values_is_one_of_them():
    assert percentile([7.0], 0.99) == 7.0
    assert percentile([1.0, 2.0], 0.5) == 1.0


def test_rates_are_rows_a_second_and_a_cpu_second():
    assert per_second(RUNS) == (50, 25, 100)
    assert per_cpu_second(RUNS, "cpu_s") == 25
    assert per_cpu_second(RUNS, "cpu_s", "clickhouse_cpu_s") == 20


def test_cpu_too_short_to_measure_does_not_divide_by_zero():
    assert per_cpu_second([{"rows": 100, "cpu_s": 0.0}], "cpu_s") == 10_000
