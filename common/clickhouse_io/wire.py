"""Numpy arrays straight onto ClickHouse's native wire: the driver's own numpy mode needs pandas and copies more.

The driver still does the protocol; only the body of a data block is written here. Format of a block:
https://clickhouse.com/docs/native-protocol/columns (name, type, "custom serialization" flag, values).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from clickhouse_driver import Client
from clickhouse_driver.block import BlockInfo, RowOrientedBlock
from clickhouse_driver.columns.service import write_column
from clickhouse_driver.defines import DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION
from clickhouse_driver.protocol import ClientPacketTypes
from clickhouse_driver.varint import write_varint
from clickhouse_driver.writer import write_binary_str, write_binary_uint8

_FIXED_WIDTH = {
    **{
        f"{sign}Int{bits}": f"<{sign.lower() or 'i'}{bits // 8}"
        for sign in ("U", "")
        for bits in (8, 16, 32, 64)
    },
    "Float32": "<f4",
    "Float64": "<f8",
    "UInt128": "<u8",
    "Bool": "<u1",
    "Date": "<u2",
    "DateTime": "<u4",
}

_WIDE = {"UInt128": (2,)}


class BlockClient(Client):
    """A clickhouse-driver Client whose columnar inserts take numpy arrays and send them as one block.

    Integers are written as they are: DateTime64(3) takes int64 milliseconds, UInt128 an (n, 2) array of uint64.
    Other types take any sequence, through the driver's own columns.
    """

    def send_data(
        self, sample_block: Any, data: Any, types_check: bool = False, columnar: bool = False
    ) -> int:
        """Write `data` (one sequence a column, in the header's order) as one block; returns its rows."""
        if not columnar:
            return super().send_data(sample_block, data, types_check=types_check, columnar=columnar)
        connection = self.connection
        rows = len(data[0])
        write_varint(ClientPacketTypes.DATA, connection.fout)
        write_binary_str("", connection.fout)  # no external table
        self._write_block(sample_block.columns_with_types, data, rows)
        connection.send_data(RowOrientedBlock())  # empty: the end
        return rows

    def _write_block(self, header: Sequence[tuple[str, str]], data: Sequence[Any], rows: int) -> None:
        context, out = self.connection.context, self.connection.block_out.fout
        flagged = context.server_info.used_revision >= DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION
        BlockInfo().write(out)
        write_varint(len(header), out)
        write_varint(rows, out)
        for (name, kind), values in zip(header, data, strict=True):
            if len(values) != rows:
                raise ValueError(f"column {name} has {len(values)} rows, the first one has {rows}")
            write_binary_str(name, out)
            write_binary_str(kind, out)
            if flagged:
                write_binary_uint8(0, out)
            array = as_wire(kind, values)
            if array is None:
                write_column(context, name, kind, list(values), out)
            else:
                out.write(array.tobytes())
        self.connection.block_out.finalize()


def wire_dtype(kind: str) -> np.dtype | None:
    """What an array of this type is on the wire, None for types that the driver encodes."""
    text = "<i8" if kind.startswith("DateTime64") else _FIXED_WIDTH.get(kind)
    return None if text is None else np.dtype(text)


def as_wire(kind: str, values: Any) -> np.ndarray | None:
    """The array in the byte order and width of the type, or None when the driver should encode it.

    Raises OverflowError where a value does not fit (a plain cast would wrap it silently), ValueError for an array of
    another shape.
    """
    dtype = wire_dtype(kind)
    if dtype is None or not isinstance(values, np.ndarray) or values.dtype.kind not in "uifb":
        return None
    if values.shape[1:] != _WIDE.get(kind, ()):
        raise ValueError(f"an array of shape {values.shape} is no column of {kind}")
    if values.dtype == dtype:
        return values
    with np.errstate(invalid="ignore", over="ignore"):  # what does not fit is found by comparing
        cast = values.astype(dtype)
    is_same = np.array_equal(cast, values, equal_nan=values.dtype.kind == "f")
    if kind.startswith("Float") and values.dtype.kind in "ui":  # numpy compares those as floats
        is_same = is_same and np.array_equal(cast.astype(values.dtype), values)
    if not is_same:
        raise OverflowError(f"values of type {values.dtype} do not fit {kind}")
    return cast
