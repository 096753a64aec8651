"""Columns as tests compare them: what numpy has of a column, and what ClickHouse is to be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from ipaddress import IPv6Address
from typing import Any
from uuid import UUID

import numpy as np

from common.clickhouse_io.encoding import EncodingCheck
from common.model.conversions import HALVES, NULL, VALUE
from common.model.decimals import SCALED
from common.model.encoded import Encoded
from common.model.kinds import split
from common.model.record import Details
from common.model.stream import Feed
from common.model.texts import text
from consumer.rows import Made, RowMaker

TP = 7

COUNTED = {
    "DateTime64": "Int64",
    "DateTime": "UInt32",
    "Date32": "Int32",
    "Date": "UInt16",
    "IPv4": "UInt32",
    "Enum8": "Int8",
    "Enum16": "Int16",
}
"""Types whose values are numbers in numpy and on the wire, and of what type."""


def sent_and_told(feed: Feed, values: Sequence[bytes], offsets: np.ndarray) -> tuple[Made, Made]:
    """The rows of messages as a sink sends them, and as the stream makes them of those that pass the check."""
    sent = RowMaker(feed, TP, check=EncodingCheck(feed.tables)).make(
        values, offsets, details=details_of(values)
    )
    good = [index for index in range(len(values)) if index not in sent.bad]
    told = [values[index] for index in good]
    return sent, RowMaker(feed, TP).make(told, offsets[good], details=details_of(told))


def details_of(messages: Sequence[Any]) -> Details:
    """What messages may carry, one each."""
    number = len(messages)
    return Details([1_795_000_000_000] * number, [b"\xff key"] * number, [[("name", None)]] * number)


def plain(kind: str, column: np.ndarray | Encoded) -> list[Any]:
    """The values of a column as Python has them, counted where the wire counts. A UInt128 is pairs of halves."""
    if isinstance(column, Encoded):
        return column.tolist()
    if column.dtype.names == (NULL, VALUE):
        values = plain(split(kind)[1][0], column[VALUE])
        return [None if is_null else value for is_null, value in zip(column[NULL], values, strict=True)]
    if column.dtype.names == (SCALED,):
        return [Decimal(digits).scaleb(-int(split(kind)[1][-1])) for digits in column[SCALED].tolist()]
    if column.ndim == 2:
        return [low + (high << 64) for low, high in column.tolist()]
    if column.dtype == HALVES:
        return [str(UUID(int=high << 64 | low)) for high, low in column.tolist()]
    is_bytes = column.dtype.names is not None
    values = [value for (value,) in column.tolist()] if is_bytes else column.tolist()
    return [_readable(kind, value) for value in values]


def _readable(kind: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return str(IPv6Address(value)) if kind == "IPv6" else text(value)
    return str(value) if isinstance(value, UUID) else value


def counted(kind: str, column: str) -> str:
    """A column in SQL; of what is counted, its numbers."""
    name, arguments = split(kind)
    if name == "Nullable":
        return counted(arguments[0], column)
    if name == "IPv4" or name.startswith("Enum"):
        return f"CAST(`{column}`, 'Nullable({COUNTED[name]})')"
    return f"reinterpret(`{column}`, '{COUNTED[name]}')" if name in COUNTED else f"`{column}`"
