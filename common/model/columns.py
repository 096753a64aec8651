"""Numpy columns from events, for the `rows` function of a table. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from keyword import iskeyword
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from common.errors import DoesNotFit
from common.model.encoded import Encoded
from common.model.stream import Rows

_LOW_HALF = 2**64 - 1


def one_row_each(**dtypes: DTypeLike) -> Callable[[Sequence[Any]], Rows]:
    """A `rows` function for tables with a row an event: column name = field name, of the given numpy type.

    `object` keeps values as they are. Raises ValueError for a type that would cut or wrap values silently; the
    function raises DoesNotFit for a value that does not fit its type.
    """
    fields = [
        (_values_of(name), _column_maker(name, np.dtype(dtype)), name) for name, dtype in dtypes.items()
    ]

    def rows(events: Sequence[Any]) -> Rows:
        columns = {}
        for values, make, name in fields:
            try:
                columns[name] = make(values(events))
            except (OverflowError, ValueError, TypeError) as error:
                raise _misfit(name, np.dtype(dtypes[name]), error) from error
        return Rows(columns)

    return rows


def _misfit(name: str, dtype: np.dtype, error: Exception) -> DoesNotFit:
    flaw = "wrong type" if isinstance(error, TypeError) else "not a valid value"
    if isinstance(error, OverflowError):
        flaw = "out of range"
    return DoesNotFit(name, str(dtype), flaw)


def _column_maker(name: str, dtype: np.dtype) -> Callable[[list[Any]], np.ndarray]:
    if dtype.kind == "O":
        return as_objects
    if dtype.kind == "f":
        return partial(_floats, dtype=dtype)
    if dtype.kind not in "iub":
        raise ValueError(
            f"column {name}: numpy's {dtype} cuts or wraps values without a word. Use object for text and dates, "
            "or integers of the unit that the column counts in"
        )
    return partial(np.array, dtype=dtype)


def as_objects(values: Sequence[Any]) -> np.ndarray:
    """The values as they are in an array of one dimension, lists of equal length included."""
    return np.fromiter(values, object, len(values))


def _floats(values: list[Any], dtype: np.dtype) -> np.ndarray:
    """Floats of a type. Raises TypeError for None, which numpy takes for NaN, OverflowError for what becomes inf."""
    wide = np.array(values, np.float64)
    if np.isnan(wide).any() and None in values:
        raise TypeError("None in a column of floats")
    if dtype == wide.dtype:
        return wide
    with np.errstate(over="ignore"):
        narrow = wide.astype(dtype)
    if np.isinf(narrow).sum() != np.isinf(wide).sum():
        raise OverflowError("a float is too large for its column")
    return narrow


def joined(parts: Sequence[Any]) -> Any:
    """The parts of one column end to end, every value as it is: parts of different types become objects."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    if any(isinstance(part, Encoded) for part in parts):
        if len(set(map(type, parts))) == 1:
            return type(first).joined(parts)
        return as_objects([value for part in parts for value in part.tolist()])
    if all(part.dtype == first.dtype and part.shape[1:] == first.shape[1:] for part in parts):
        return np.concatenate(parts)
    if all(part.ndim == 1 and part.dtype.kind in "iub" for part in parts):
        together = np.result_type(*parts)
        if together.kind in "iub":  # numpy would make floats of signed and unsigned 64 bits
            return np.concatenate(parts)
    return as_objects([value for part in parts for value in _as_they_are(part)])


def _as_they_are(part: np.ndarray) -> Sequence[Any]:
    return list(part) if part.dtype.kind in "mMSU" else part.tolist()


def _values_of(field: str) -> Callable[[Sequence[Any]], list[Any]]:
    """[event.field for event in events], compiled for the field: twice as fast as through operator.attrgetter."""
    values: Callable[[Sequence[Any]], list[Any]] = eval(
        f"lambda events: [{attribute('event', field)} for event in events]"
    )
    return values


def attribute(owner: str, name: str) -> str:
    """Python's code for an attribute, which may be called `from`. Raises ValueError for what is no name of a field."""
    if not name.isidentifier():
        raise ValueError(f"{name!r} is no name of a field")
    return f"getattr({owner}, {name!r})" if iskeyword(name) else f"{owner}.{name}"


def uint128(values: Iterable[int], count: int) -> np.ndarray:
    """`count` integers of 0..2^128-1 as a (count, 2) array of uint64, low half first: ClickHouse's UInt128."""
    values = list(values)
    pairs = np.zeros((count, 2), np.uint64)
    try:
        pairs[:, 0] = np.array(values, np.uint64)
    except OverflowError:  # some are above 64 bits: twice the work, for this block only
        pairs[:, 0] = np.fromiter((value & _LOW_HALF for value in values), np.uint64, count)
        pairs[:, 1] = np.fromiter((value >> 64 for value in values), np.uint64, count)
    return pairs


def index_within(lengths: np.ndarray) -> np.ndarray:
    """0, 1, … within each group: lengths [2, 3] give [0, 1, 0, 1, 2], as uint32."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return (np.arange(total) - np.repeat(ends - lengths, lengths)).astype(np.uint32)
