import pytest

from common.errors import DoesNotFit
from common.model.fitting import fitted


def test_what_fits_is_the_column():
    assert fitted("n", "UInt8", lambda: [1, 2]) == [1, 2]


@pytest.mark.parametrize(
    ("error", "flaw"),
    [
        (OverflowError(), "out of range"),
        (TypeError(), "wrong type, or None in a column that is not Nullable"),
        (ValueError(), "not a value of that type"),
        (ZeroDivisionError(), "not a value of that type"),
        (KeyError("secret"), "not a value of that type"),
        (OSError(), "not a value of that type"),
    ],
)
def test_what_does_not_fit_is_told_with_column_and_type(error, flaw):
    def fail():
        raise error

    with pytest.raises(DoesNotFit, match=rf"column n, UInt8: {flaw}$"):
        fitted("n", "UInt8", fail)


def test_memory_is_no_misfit():
    def fail():
        raise MemoryError

    with pytest.raises(MemoryError):
        fitted("n", "UInt8", fail)
