"""Requests and answers of Kafka's protocol, as far as a proxy needs to tell them apart."""

from __future__ import annotations

import socket
import struct
from enum import IntEnum

MOST_AT_ONCE_BYTES = 1 << 20
LENGTH = struct.Struct(">i")
REQUEST = struct.Struct(">ihhi")


class Api(IntEnum):
    """Requests that producers and consumers send, by their number in the protocol."""

    PRODUCE = 0
    OFFSET_COMMIT = 8
    INIT_PRODUCER_ID = 22
    ADD_PARTITIONS_TO_TXN = 24
    ADD_OFFSETS_TO_TXN = 25
    END_TXN = 26
    TXN_OFFSET_COMMIT = 28


def read_frame(side: socket.socket) -> bytes:
    """The next request or answer, its length in front. Raises EOFError, OSError."""
    length = _read_exactly(side, LENGTH.size)
    return length + _read_exactly(side, *LENGTH.unpack(length))


def _read_exactly(side: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = side.recv(min(size, MOST_AT_ONCE_BYTES))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def api_of(request: bytes) -> int:
    """What a request asks for."""
    _, api, _, _ = REQUEST.unpack_from(request)
    return int(api)


def correlation_of_request(request: bytes) -> int:
    """The number that its answer will bear."""
    *_, number = REQUEST.unpack_from(request)
    return int(number)


def correlation_of_answer(answer: bytes) -> int:
    """The number of the request that it answers."""
    (number,) = LENGTH.unpack_from(answer, LENGTH.size)
    return int(number)


def error_of(api: Api, answer: bytes) -> int:
    """The error code of a transactional request's answer (version 3 of each: the code is followed by empty tags).

    Two levels deep in the answers that list partitions: that of the last partition.
    """
    from_end = 3 if api in (Api.ADD_OFFSETS_TO_TXN, Api.END_TXN) else 5
    (code,) = struct.unpack_from(">h", answer, len(answer) - from_end)
    return int(code)
