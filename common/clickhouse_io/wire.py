"""Numpy arrays straight onto ClickHouse's native wire: the driver's own numpy mode needs pandas and copies more.

The driver still does the protocol; only the body of a data block is written here. Format of a block:
https://clickhouse.com/docs/native-protocol/columns (name, type, "custom serialization" flag, values).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from clickhouse_driver import Client

from common.clickhouse_io.internals import (
    DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION,
    BlockInfo,
    ClientPacketTypes,
    RowOrientedBlock,
    ServerPacketTypes,
    server_revision,
    write_binary_str,
    write_binary_uint8,
    write_column,
    write_varint,
)
from common.model.conversions import HALVES, NULL, VALUE, bytes_of, is_json
from common.model.decimals import LONGEST_DECIMAL, SCALED
from common.model.encoded import Encoded
from common.model.kinds import split

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
    "Date32": "<i4",
    "DateTime": "<u4",
    "DateTime64": "<i8",
    "Enum8": "<i1",
    "Enum16": "<i2",
    "IPv4": "<u4",
}
_DIGITS = {"Decimal32": 9, "Decimal64": 18}

_BYTES = {"UUID": HALVES, "IPv6": bytes_of(16)}

_WIDE = {"UInt128": (2,)}

_JSON_AS_TEXTS = (1).to_bytes(8, "little")  # a version of the serialization of JSON

DROPPED_BLOCKS, WHOLE_QUERY = "DuplicatedInsertedBlocks", 0
"""The profile event of a dropped block, and the thread number under which servers report sums of all threads."""


class BlockClient(Client):
    """A clickhouse-driver Client whose columnar inserts take numpy arrays and send them as one block.

    Integers are written as they are: DateTime64(3) takes int64 milliseconds, UInt128 an (n, 2) array of uint64.
    Encoded columns are written as they are. Other types take any sequence, through the driver's own columns.

    `dropped_blocks` counts the blocks that servers have dropped because they knew their deduplication token, in the
    table or in a view behind it. The driver itself throws away what servers report of an INSERT.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.dropped_blocks = 0
        self._receive_packet = self.connection.receive_packet
        self.connection.receive_packet = self._receive_and_count

    def _receive_and_count(self) -> Any:
        packet = self._receive_packet()
        if packet.type == ServerPacketTypes.PROFILE_EVENTS:
            self.dropped_blocks += _dropped_blocks(packet.block)
        return packet

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
        flagged = server_revision(self) >= DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION
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
            if isinstance(values, Encoded):
                for chunk in values.wire():
                    out.write(chunk)
                continue
            array = as_wire(kind, values)
            if is_json(kind):
                _write_json(kind, values, out)
            elif array is None:
                write_column(context, name, kind, list(values), out)
            else:
                for part in _parts(array):
                    out.write(part.tobytes())
        self.connection.block_out.finalize()


def _write_json(kind: str, texts: Sequence[str | None], out: Any) -> None:
    """As texts, which the server reads: the driver's own way loses values of lists."""
    out.write(_JSON_AS_TEXTS)
    if kind.startswith("Nullable"):
        out.write(bytes(text is None for text in texts))
    out.write_strings(["{}" if text is None else text for text in texts], encoding="utf-8")


def _parts(array: np.ndarray) -> list[np.ndarray]:
    """A Nullable column is written as all marks, then all values."""
    return [array[NULL], array[VALUE]] if array.dtype.names == (NULL, VALUE) else [array]


def _dropped_blocks(events: Any) -> int:
    """What a packet of profile events says since the one before it: host, time, thread, type, name and value a row."""
    columns = dict(zip((name for name, _ in events.columns_with_types), events.get_columns(), strict=True))
    counts = zip(columns.get("name", ()), columns.get("thread_id", ()), columns.get("value", ()), strict=True)
    return sum(value for name, thread, value in counts if name == DROPPED_BLOCKS and thread == WHOLE_QUERY)


def wire_dtype(kind: str) -> np.dtype | None:
    """What an array of this type is on the wire, None for types that the driver encodes.

    A Nullable is an array of (NULL, VALUE), a decimal one of SCALED alone, as `common.model.conversions` makes them.
    """
    name, arguments = split(kind)
    if name == "Nullable":
        inner = wire_dtype(arguments[0])
        return None if inner is None or arguments[0] in _WIDE else np.dtype([(NULL, "u1"), (VALUE, inner)])
    if name.startswith("Decimal"):
        digits = int(arguments[0]) if name == "Decimal" else _DIGITS.get(name, LONGEST_DECIMAL)
        return np.dtype([(SCALED, "<i4" if digits <= 9 else "<i8")]) if digits <= 18 else None
    if name in _BYTES or name == "FixedString":
        return _BYTES.get(name) or bytes_of(int(arguments[0]))
    text = _FIXED_WIDTH.get(name)
    return None if text is None else np.dtype(text)


def as_wire(kind: str, values: Any) -> np.ndarray | None:
    """The array in the byte order and width of the type, or None when the driver should encode it.

    Raises OverflowError where a value does not fit (a plain cast would wrap it silently), ValueError for an array of
    another shape.
    """
    dtype = wire_dtype(kind)
    if dtype is None or not isinstance(values, np.ndarray):
        return None
    if dtype.names is not None:
        return values if values.dtype == dtype else None
    if values.dtype.kind not in "uifb":
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
