"""Everything of clickhouse-driver that its documentation does not promise, in one place; checked at import.

Written for 0.2.11 ≤ version < 0.3. When clickhouse-driver moves on, this is the place to look.
"""

from __future__ import annotations

from importlib.metadata import version
from types import CodeType
from typing import Any

SUPPORTED = ">=0.2.11,<0.3"


def _gone(what: str) -> str:
    return (
        f"clickhouse-driver {version('clickhouse-driver')} has no {what}, which Penstock hooks into: install "
        f"clickhouse-driver{SUPPORTED}"
    )


try:
    from clickhouse_driver import Client
    from clickhouse_driver.block import BlockInfo, RowOrientedBlock
    from clickhouse_driver.bufferedwriter import BufferedSocketWriter
    from clickhouse_driver.columns.arraycolumn import ArrayColumn
    from clickhouse_driver.columns.base import Column
    from clickhouse_driver.columns.boolcolumn import BoolColumn
    from clickhouse_driver.columns.datecolumn import DateColumn
    from clickhouse_driver.columns.datetimecolumn import DateTimeColumn
    from clickhouse_driver.columns.decimalcolumn import DecimalColumn
    from clickhouse_driver.columns.exceptions import ColumnException
    from clickhouse_driver.columns.floatcolumn import FloatColumn
    from clickhouse_driver.columns.intcolumn import LargeIntColumn
    from clickhouse_driver.columns.ipcolumn import IPv6Column
    from clickhouse_driver.columns.service import get_column_by_spec, write_column
    from clickhouse_driver.columns.tuplecolumn import TupleColumn
    from clickhouse_driver.connection import Connection, ServerInfo
    from clickhouse_driver.context import Context
    from clickhouse_driver.defines import DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION
    from clickhouse_driver.protocol import ClientPacketTypes, ServerPacketTypes
    from clickhouse_driver.streams.native import BlockOutputStream
    from clickhouse_driver.varint import write_varint
    from clickhouse_driver.writer import write_binary_str, write_binary_uint8
except ImportError as error:
    raise ImportError(_gone(str(error).removeprefix("No module named ").strip("'"))) from error

__all__ = [
    "DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION",
    "ArrayColumn",
    "BlockInfo",
    "BoolColumn",
    "BufferedSocketWriter",
    "ClientPacketTypes",
    "Column",
    "ColumnException",
    "Context",
    "DateColumn",
    "DateTimeColumn",
    "DecimalColumn",
    "FloatColumn",
    "IPv6Column",
    "LargeIntColumn",
    "RowOrientedBlock",
    "ServerInfo",
    "ServerPacketTypes",
    "TupleColumn",
    "get_column_by_spec",
    "write_binary_str",
    "write_binary_uint8",
    "write_column",
    "write_varint",
]

_CLASS_NAMES: dict[type, tuple[str, ...]] = {
    Client: ("connection", "send_data"),
    Connection: ("block_out", "context", "fout", "hosts", "receive_packet", "send_data"),
    BlockOutputStream: ("finalize", "fout"),
    ServerInfo: ("used_revision",),
    Context: ("client_settings", "server_info", "settings"),
    Column: ("ch_type", "nullable", "prepare_items", "write_data", "write_state_prefix"),
    ArrayColumn: ("nested_column",),
    TupleColumn: ("nested_columns",),
    DecimalColumn: ("precision", "scale"),
    LargeIntColumn: ("ch_type", "int_size"),
    DateColumn: ("max_value", "min_value"),
}


def missing() -> list[str]:
    """The names that this clickhouse-driver does not have, as Class.name."""
    return [
        f"{owner.__name__}.{name}"
        for owner, names in _CLASS_NAMES.items()
        for name in names
        if not hasattr(owner, name) and name not in _assigned(owner)
    ]


def _assigned(owner: type) -> set[str]:
    """The attributes that methods of a class, or of those it inherits from, name."""
    methods = (value for base in owner.__mro__ for value in vars(base).values())
    codes = [code for method in methods if isinstance(code := getattr(method, "__code__", None), CodeType)]
    return {name for code in codes for name in code.co_names}


def check() -> None:
    """Raise ImportError that says which names are gone."""
    if gone := missing():
        raise ImportError(_gone(", ".join(gone)))


def server_revision(client: Any) -> int:
    """The revision of the protocol that is spoken with the server."""
    revision: int = client.connection.context.server_info.used_revision
    return revision


def was_greeted(client: Any) -> bool:
    """Whether a server has ever answered on this client's connection."""
    return client.connection.context.server_info is not None


def address(client: Any) -> str:
    """host:port of the server that is tried first."""
    host, port = client.connection.hosts[0]
    return f"{host}:{port}"


check()
