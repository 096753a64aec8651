"""Columns onto the wire as an INSERT writes them, and back through the driver's own reader."""

from clickhouse_driver.block import BlockInfo
from clickhouse_driver.bufferedreader import BufferedSocketReader
from clickhouse_driver.bufferedwriter import BufferedSocketWriter
from clickhouse_driver.columns.service import read_column
from clickhouse_driver.connection import ServerInfo
from clickhouse_driver.defines import CLIENT_REVISION
from clickhouse_driver.reader import read_binary_str, read_binary_uint8
from clickhouse_driver.streams.native import BlockOutputStream
from clickhouse_driver.varint import read_varint

from common.clickhouse_io.wire import BlockClient
from common.model.encoded import Encoded
from common.model.kinds import split
from tests.support.columns import COUNTED

BUFFER_BYTES = 1 << 16


class Socket:
    """Gives back what it was sent."""

    def __init__(self):
        self.data = bytearray()

    def sendall(self, data):
        self.data += data

    def recv_into(self, buffer):
        some = self.data[: len(buffer)]
        buffer[: len(some)] = some
        del self.data[: len(some)]
        return len(some)


def through_the_wire(kinds, columns):
    """Column name → the values that ClickHouse would read; what is integers in an array is read as integers."""
    client, socket = BlockClient("nowhere"), Socket()
    context = client.connection.context
    context.server_info = ServerInfo("", 0, 0, 0, CLIENT_REVISION, "UTC", "", CLIENT_REVISION)
    client.connection.block_out = BlockOutputStream(BufferedSocketWriter(socket, BUFFER_BYTES), context)
    rows = len(next(iter(columns.values())))
    client._write_block([(name, kinds[name]) for name in columns], list(columns.values()), rows)
    reader = BufferedSocketReader(socket, BUFFER_BYTES)
    BlockInfo().read(reader)
    assert (read_varint(reader), read_varint(reader)) == (len(columns), rows)
    found = {}
    for column in columns.values():
        name, kind, flag = read_binary_str(reader), read_binary_str(reader), read_binary_uint8(reader)
        assert flag == 0
        found[name] = list(read_column(context, _in_ticks(kind, column), rows, reader))
    assert not socket.data
    return found


def _in_ticks(kind, column):
    name, arguments = split(kind)
    if isinstance(column, Encoded) or column.dtype.hasobject:
        return kind
    if name == "Nullable":
        return f"Nullable({COUNTED.get(split(arguments[0])[0], arguments[0])})"
    return COUNTED.get(name, kind)
