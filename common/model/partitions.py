"""Tells the table partitions of rows apart, for the PARTITION BY expressions that are known here. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from common.model.encoded import Encoded
from common.model.kinds import split

_CALL = re.compile(r"(\w+)\(`?(\w+)`?\)")
_STEPS = {
    "toYYYYMM": "M",
    "toStartOfMonth": "M",
    "toYYYYMMDD": "D",
    "toDate": "D",
    "toStartOfDay": "D",
    "toMonday": "W",
    "toYear": "Y",
    "toStartOfYear": "Y",
    "toStartOfHour": "h",
}
PartitionOf = Callable[[Mapping[str, np.ndarray]], np.ndarray]
"""Gives a number for each row: the same for rows of one table partition, of another block, too."""


def partition_of(expression: str, types: Mapping[str, str]) -> PartitionOf:
    """For PARTITION BY of a column, or of a function of _STEPS: an array that tells partitions apart.

    Raises ValueError for another expression, and for times without the zone 'UTC', whose days the server decides.
    """
    if expression in types:
        return lambda columns: _plain(columns[expression])
    call = _CALL.fullmatch(expression.strip())
    if call is None or call[1] not in _STEPS or call[2] not in types:
        known = ", ".join(f"{name}(column)" for name in _STEPS)
        raise ValueError(f"PARTITION BY {expression}: only a column, or one of {known}")
    name, arguments = split(types[call[2]])
    column, step = call[2], _STEPS[call[1]]
    if name in ("Date", "Date32"):
        return lambda columns: _in_steps(columns[column], "D", step)
    if name in ("DateTime", "DateTime64") and arguments[-1:] == ["'UTC'"]:
        places = int(arguments[0]) if name == "DateTime64" else 0
        return lambda columns: _in_steps(columns[column] // 10**places, "s", step)
    raise ValueError(
        f"PARTITION BY {expression}: {column} is {types[column]}, it has to be a date or a time in 'UTC'"
    )


def _in_steps(counted: np.ndarray, unit: str, step: str) -> np.ndarray:
    times: Any = counted.astype(np.int64).astype(f"datetime64[{unit}]")
    if step == "W":  # numpy's weeks begin on Thursdays, as 1970 did
        return np.asarray((times.astype("datetime64[D]").astype(np.int64) + 3) // 7)
    return np.asarray(times.astype(f"datetime64[{step}]").astype(np.int64))


def _plain(column: np.ndarray | Encoded) -> np.ndarray:
    if isinstance(column, np.ndarray) and column.dtype.names is None and not column.dtype.hasobject:
        return column
    values = column.tolist()
    try:
        numbers = {value: hash(repr(value)) for value in set(values)}
    except TypeError:  # lists
        return np.fromiter(map(hash, map(repr, values)), np.int64, len(values))
    return np.fromiter(map(numbers.__getitem__, values), np.int64, len(values))
