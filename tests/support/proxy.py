"""A TCP proxy in front of ClickHouse (native protocol) that breaks things on purpose.

    with Proxy(stack.clickhouse_port) as proxy:
        proxy.lose_acknowledgements(1)     # the next INSERT gets through, its answer does not
        ...                                # talk to 127.0.0.1:proxy.port
        assert proxy.counters.lost_acknowledgements == 1

It starts by passing everything on; each method below changes that at once, for open connections too.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from infra.local.ports import HOST, pick_free

CHUNK_BYTES = 65536
INSERT = b"INSERT INTO"
# A Query packet is followed by an empty block, and so are the rows of an INSERT: the same bytes, compressed or not.
END_OF_DATA_BYTES = 12
EXCEPTION, END_OF_STREAM = b"\x02", b"\x05"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Counters:
    """What went through and what was broken, since the proxy was made."""

    connections: int = 0
    inserts: int = 0  # that began; those that were cut count too
    lost_acknowledgements: int = 0
    cut_requests: int = 0
    slow_pieces: int = 0  # that were passed on after a pause
    slow_inserts: int = 0  # that began while pieces were slow
    bytes_to_server: int = 0
    bytes_to_client: int = 0


class Proxy:
    """Listens on `port` of 127.0.0.1 and passes on to `target_port`, except where it is told not to."""

    def __init__(self, target_port: int, port: int | None = None) -> None:
        self.port = port or pick_free().clickhouse
        self.counters = Counters()
        self.lock = threading.Lock()
        self.moving, self.inserting, self.sending, self.answering = (threading.Event() for _ in range(4))
        for gate in self._gates:
            gate.set()
        self._target_port = target_port
        self._losses_left = 0
        self._cuts_left = 0
        self._cut_after_bytes = 0
        self._piece_bytes, self._pause_s = CHUNK_BYTES, 0.0
        self._hurried = threading.Event()  # set: nobody waits any more
        self._listener: socket.socket | None = None
        self._connections: set[Connection] = set()

    @property
    def _gates(self) -> tuple[threading.Event, ...]:
        return self.moving, self.inserting, self.sending, self.answering

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        return len(self._open_connections())

    def pass_on(self) -> None:
        """Pass everything on again: no fault is armed, nothing is held, connections are accepted."""
        with self.lock:
            self._losses_left = self._cuts_left = 0
            self._piece_bytes, self._pause_s = CHUNK_BYTES, 0.0
        self._hurried.set()
        for gate in self._gates:
            gate.set()
        self._listen()

    def lose_acknowledgements(self, times: int) -> None:
        """The next `times` INSERTs reach the server whole; when it says they are stored, the connection is reset."""
        with self.lock:
            self._losses_left = times

    def cut_requests(self, after_bytes: int, times: int) -> None:
        """The next `times` INSERTs longer than `after_bytes` (query text included) are reset after so many bytes.

        0: before the server sees anything of them.
        """
        with self.lock:
            self._cuts_left, self._cut_after_bytes = times, after_bytes

    def delay(self, pause_s: float) -> None:
        """Pass everything on so much later, in both directions, until `pass_on`."""
        self.trickle(CHUNK_BYTES, pause_s)

    def trickle(self, piece_bytes: int, pause_s: float) -> None:
        """Pass on so few bytes at a time, with a pause before each, in both directions, until `pass_on`."""
        with self.lock:
            self._piece_bytes, self._pause_s = piece_bytes, pause_s
        self._hurried.clear()

    def send(self, side: socket.socket, data: bytes) -> None:
        """Pass it on as slowly as was asked for. Called by connections."""
        rest = memoryview(data)
        while len(rest):
            piece_bytes, pause_s = self._piece_bytes, self._pause_s
            if pause_s:
                self._hurried.wait(pause_s)
                self.counters.slow_pieces += 1
            side.sendall(rest[:piece_bytes])
            rest = rest[piece_bytes:]

    def refuse(self) -> None:
        """Reset what is open and refuse what comes, as if the server were gone."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
            self._listener.close()
            self._listener = None
        for connection in self._open_connections():
            connection.reset()

    def hold(self) -> None:
        """Keep connections (new ones too) and move no byte, until `pass_on`."""
        self.moving.clear()

    def hold_inserts(self) -> None:
        """Keep every INSERT from the server until `pass_on`; what the client sent of it arrives then."""
        self.inserting.clear()

    def hold_rows(self) -> None:
        """Let INSERTs begin at the server, and keep their rows from it until `pass_on`."""
        self.sending.clear()

    def hold_answers(self) -> None:
        """Let INSERTs reach the server, and keep what it says to their rows until `pass_on`."""
        self.answering.clear()

    def close(self) -> None:
        """End for good."""
        self.refuse()
        self._hurried.set()
        for gate in self._gates:
            gate.set()

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def count_insert(self) -> None:
        """An INSERT begins."""
        with self.lock:
            self.counters.inserts += 1
            self.counters.slow_inserts += self._pause_s > 0

    def take_loss(self) -> bool:
        """Whether the acknowledgement at hand is to be lost; counts it."""
        with self.lock:
            lost = self._losses_left > 0
            self._losses_left -= lost
            self.counters.lost_acknowledgements += lost
            return lost

    def expects_loss(self) -> bool:
        """Whether the next acknowledgement of an INSERT is to be lost."""
        return self._losses_left > 0

    def take_cut(self, sent_bytes: int) -> int | None:
        """After how many bytes an INSERT is to be cut, if that point lies within `sent_bytes`; counts it."""
        with self.lock:
            if self._cuts_left <= 0 or sent_bytes <= self._cut_after_bytes:
                return None
            self._cuts_left -= 1
            self.counters.cut_requests += 1
            return self._cut_after_bytes

    def forget(self, connection: Connection) -> None:
        """Called by a connection that has ended."""
        with self.lock:
            self._connections.discard(connection)

    def _open_connections(self) -> list[Connection]:
        with self.lock:
            return list(self._connections)

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server((HOST, self.port))
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return  # closed
            try:
                server = socket.create_connection((HOST, self._target_port))
            except OSError:
                _reset(client)
                continue
            connection = Connection(self, client, server)
            with self.lock:
                self.counters.connections += 1
                self._connections.add(connection)
            connection.start()


class Connection:
    """One client's connection: a thread for each direction, and where in an INSERT it is."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._insert_bytes = 0  # that the client sent of the INSERT at hand; 0: there is none
        self._query_bytes = 0  # of those, what came before the rows
        self._end_of_data = b""  # known once the server has answered the query
        self._tail = b""

    def start(self) -> None:
        """Begin to pass on."""
        for pump in (self._to_server, self._to_client):
            threading.Thread(target=self._run, args=(pump,), daemon=True).start()

    def reset(self) -> None:
        """End it with a TCP reset on both sides."""
        self._proxy.forget(self)
        for side in (self._client, self._server):
            _reset(side)

    def _run(self, pump: Callable[[], None]) -> None:
        try:
            pump()
        except OSError:
            pass  # the other direction ended it
        self.reset()

    def _to_server(self) -> None:
        while chunk := self._client.recv(CHUNK_BYTES):
            self._proxy.moving.wait()
            before_bytes = self._insert_bytes
            self._follow_request(chunk)
            if self._insert_bytes:
                self._proxy.inserting.wait()
            if self._end_of_data:
                self._proxy.sending.wait()
            cut = self._proxy.take_cut(self._insert_bytes) if self._insert_bytes else None
            if cut is not None:
                self._server.sendall(chunk[: max(cut - before_bytes, 0)])
                return
            self._proxy.send(self._server, chunk)
            self._proxy.counters.bytes_to_server += len(chunk)

    def _follow_request(self, chunk: bytes) -> None:
        if self._insert_bytes == 0 and INSERT in chunk:
            self._proxy.count_insert()
            self._insert_bytes, self._end_of_data, self._tail = len(chunk), b"", b""
        elif self._insert_bytes:
            self._insert_bytes += len(chunk)
        self._tail = (self._tail + chunk)[-END_OF_DATA_BYTES:]

    def _follow_answer(self) -> None:
        """The client sends no row before the server's first answer: what ended its query will end its rows."""
        if self._insert_bytes and not self._end_of_data:
            self._end_of_data = self._tail
            self._query_bytes = self._insert_bytes

    def _is_delivered(self) -> bool:
        """Whether all rows of an INSERT have been passed on."""
        return (
            bool(self._end_of_data)
            and self._insert_bytes > self._query_bytes
            and self._tail == self._end_of_data
        )

    def _to_client(self) -> None:
        while chunk := self._server.recv(CHUNK_BYTES):
            self._proxy.moving.wait()
            self._follow_answer()
            if self._is_delivered():
                self._proxy.answering.wait()
                refused = chunk.startswith(EXCEPTION)
                ended = refused or chunk.endswith(END_OF_STREAM)
                if not refused and self._proxy.expects_loss():
                    if ended and self._proxy.take_loss():
                        return
                    continue  # progress and profile events: the client must not see that anything arrived
                if ended:
                    self._insert_bytes, self._end_of_data = 0, b""
            self._proxy.send(self._client, chunk)
            self._proxy.counters.bytes_to_client += len(chunk)


def _reset(side: socket.socket) -> None:
    try:
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        side.shutdown(socket.SHUT_RD)  # wakes a thread in recv()
    except OSError:
        pass
    side.close()
