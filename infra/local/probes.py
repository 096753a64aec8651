"""Whether a server answers: one question over its own protocol, without retries.

Kafka is asked by hand, because a client asks whichever broker it likes and here each one is asked itself.
"""

from __future__ import annotations

import http.client
import socket
import struct

from infra.local.ports import HOST

TIMEOUT_S = 1.0
METADATA_V1 = (3, 1)
NO_CLIENT_ID = -1
# Packet 0 (hello): client name, version 1.1, protocol revision 50000, no database, user `default`, no password.
NATIVE_HELLO = b"\x00\x08penstock\x01\x01\xd0\x86\x03\x00\x07default\x00"
NATIVE_WELCOME = b"\x00"


def brokers_seen_by(port: int) -> frozenset[int]:
    """Node ids of the brokers that the broker on `port` believes to be usable; empty when it does not answer."""
    request = struct.pack(">hhihi", *METADATA_V1, 1, NO_CLIENT_ID, 0)  # correlation id 1, of 0 topics
    try:
        with socket.create_connection((HOST, port), TIMEOUT_S) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            with connection.makefile("rb") as answer:
                size_bytes = struct.unpack(">i", answer.read(4))[0]
                return frozenset(_node_ids(answer.read(size_bytes)))
    except (OSError, struct.error):
        return frozenset()


def _node_ids(answer: bytes) -> list[int]:
    """Of a Metadata v1 answer: correlation id, then an array of (node id, host, port, nullable rack)."""
    (count,) = struct.unpack_from(">i", answer, 4)
    at, found = 8, []
    for _ in range(count):
        node_id, host_bytes = struct.unpack_from(">ih", answer, at)
        (rack_bytes,) = struct.unpack_from(">h", answer, at + 6 + host_bytes + 4)
        at += 6 + host_bytes + 4 + 2 + max(rack_bytes, 0)
        found.append(node_id)
    return found


def clickhouse_answers(native_port: int, http_port: int) -> bool:
    """Whether the native port lets `default` in and SELECT 1 works over HTTP (the same engine serves both)."""
    try:
        with socket.create_connection((HOST, native_port), TIMEOUT_S) as connection:
            connection.sendall(NATIVE_HELLO)
            if connection.recv(1) != NATIVE_WELCOME:
                return False
        return http_query(http_port, "SELECT 1", TIMEOUT_S).strip() == b"1"
    except OSError:
        return False


def http_query(port: int, sql: str, timeout_s: float) -> bytes:
    """The answer of the ClickHouse whose HTTP port this is; OSError when there is none."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request("POST", "/", sql.encode())
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise OSError(f"ClickHouse answered {answer.status}: {body[:300].decode(errors='replace')}")
        return body
    except http.client.HTTPException as error:
        raise OSError(f"port {port} does not speak HTTP: {error!r}") from error
    finally:
        connection.close()
