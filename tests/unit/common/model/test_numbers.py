import numpy as np
import pytest

from common.model.numbers import boolean, floating, integer


@pytest.mark.parametrize(
    ("made", "values", "column"),
    [
        (integer(8, signed=False), [0, 255], np.array([0, 255], "u1")),
        (integer(64, signed=True), [-(2**63), 2**63 - 1], np.array([-(2**63), 2**63 - 1], "i8")),
        (integer(256, signed=True), [-(2**255), 2**255 - 1], np.array([-(2**255), 2**255 - 1], object)),
        (floating(32), [-0.0, 21.1], np.array([-0.0, 21.1], "f4")),
        (boolean(), [True, False], np.array([1, 0], "u1")),
    ],
    ids=lambda value: str(value)[:20],
)
def test_numbers_become_arrays_of_their_width(made, values, column):
    found = made.convert(values)
    assert (found.dtype, found.tolist()) == (column.dtype, column.tolist())


@pytest.mark.parametrize(
    ("made", "value", "error"),
    [
        (integer(8, signed=False), 256, OverflowError),
        (integer(256, signed=False), -1, OverflowError),
        (integer(8, signed=False), True, TypeError),
        (integer(64, signed=True), 1.0, TypeError),
        (floating(32), 1e39, OverflowError),
        (floating(64), float("nan"), ValueError),
        (floating(64), 1, TypeError),
        (boolean(), 1, TypeError),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_number_that_would_be_changed_is_refused(made, value, error):
    with pytest.raises(error):
        made.convert([value])
