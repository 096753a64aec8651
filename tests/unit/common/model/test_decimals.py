"""Decimals are exact, or refused for what is wrong with them."""

import random
from decimal import Decimal

import pytest

from common.model.decimals import SCALED, decimal
from tests.unit.common.model.test_encoders import by_driver


def digits(precision, scale, values):
    return decimal(precision, scale).convert([Decimal(value) for value in values])[SCALED].tolist()


def test_decimals_are_their_digits_without_the_point():
    values = ["0", "-0", "1", "-1.5", "12.30", "1E+2", "1.000000000000000000000000000000", "-99999.99"]
    assert digits(7, 2, values) == [0, 0, 100, -150, 1230, 10_000, 100, -9_999_999]
    assert digits(18, 0, [str(10**18 - 1), str(1 - 10**18)]) == [10**18 - 1, 1 - 10**18]
    assert digits(18, 18, ["0.1", "1E-18"]) == [10**17, 1]


@pytest.mark.parametrize(("precision", "scale"), [(9, 2), (9, 9), (18, 2), (18, 0), (18, 18)])
def test_decimals_are_on_the_wire_what_the_driver_writes(precision, scale):
    rng = random.Random(precision * 100 + scale)
    ends = [10**precision - 1, 1 - 10**precision]
    numbers = ends + [rng.randrange(-(10 ** rng.randrange(1, precision)), 10**precision) for _ in range(100)]
    values = [Decimal(number).scaleb(-scale) for number in numbers]
    made = decimal(precision, scale).convert(values)
    assert made.tobytes() == by_driver(f"Decimal({precision}, {scale})", values)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("100", OverflowError),
        ("-100", OverflowError),
        ("1E+2", OverflowError),
        ("1e99999999", ArithmeticError),
        ("Infinity", OverflowError),
        ("NaN", ValueError),
        ("1.001", ValueError),
        ("0.001", ValueError),
        ("1e-99999999", ArithmeticError),
        ("1.00000000000000000000000000001", ValueError),
    ],
)
def test_one_that_does_not_fit_is_refused_among_others_that_do(value, error):
    with pytest.raises(error):
        digits(4, 2, ["1", value, "2"])
    assert digits(4, 2, ["1", "2"]) == [100, 200]


def test_short_decimals_are_marked_as_scaled_and_long_ones_stay_what_they_are():
    assert decimal(18, 2).convert([Decimal("-1.5")])["scaled"].tolist() == [-150]
    assert decimal(76, 2).convert([Decimal("-1.5")]).tolist() == [Decimal("-1.5")]


def test_a_decimal_of_digits_that_clickhouse_has_not_is_refused():
    with pytest.raises(ValueError, match="none that ClickHouse has"):
        decimal(77, 2)


@pytest.mark.parametrize("precision", [9, 76])
def test_a_zero_fits_whatever_its_exponent(precision):
    assert len(decimal(precision, 2).convert([Decimal("0E+90"), Decimal("-0E-90")])) == 2
