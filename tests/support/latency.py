"""TCP proxies that pass everything on some time later, as a long wire does.

with BrokersFarAway(stack) as far:
    far.set_delay(0.02, 0.3)           # seconds, drawn anew for each chunk, in both directions
    ...                                # clients with far.bootstrap_servers
"""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from collections.abc import Coroutine, Mapping
from types import TracebackType
from typing import NamedTuple, Self

from infra.local.ports import HOST
from infra.local.stack import Stack

CHUNK_BYTES = 65536
MOST_CHUNKS = 1024
"""On one wire at a time, of one direction of one connection; then nothing more is read from its sender."""
CONNECT_S = 5.0


class Chunk(NamedTuple):
    """Bytes and when they are to arrive, by the loop's clock. No bytes: the sender has said its last word."""

    due_s: float
    data: bytes


Line = asyncio.Queue[Chunk]


class LatencyProxy:
    """Listens on each of some ports of 127.0.0.1 and passes on to another; at once, until `set_delay`.

    Chunks of a connection keep their order. As many as there are may be under way: a delay does not limit how much
    passes. A connection that nobody takes is closed; one that either side breaks is closed on both.
    """

    def __init__(self, ports: Mapping[int, int], seed: int = 1) -> None:
        """`ports`: where to listen → the port to pass on to; `seed`: of the delays that are drawn."""
        self._ports = dict(ports)
        self._rng = random.Random(seed)
        self._delay_s = (0.0, 0.0)
        self._listeners: list[tuple[socket.socket, int]] = []
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._runner.get_loop()
        self._ended = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="latency", daemon=True)
        self.connections = 0  # since the beginning
        self.delayed_chunks = 0

    def set_delay(self, least_s: float, most_s: float) -> None:
        """What is read from now on arrives so much later; 0, 0: at once."""
        self._delay_s = (least_s, most_s)

    def __enter__(self) -> Self:
        for port, target_port in self._ports.items():
            listener = socket.create_server((HOST, port), backlog=128)
            listener.setblocking(False)
            self._listeners.append((listener, target_port))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection and end the thread."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        for listener, _ in self._listeners:
            listener.close()

    def _run(self) -> None:
        with self._runner:  # leaving it cancels every task
            self._runner.run(self._serve())

    async def _serve(self) -> None:
        for listener, target_port in self._listeners:
            self._begin(self._accept(listener, target_port))
        await self._ended.wait()

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket, target_port: int) -> None:
        while True:
            client, _ = await self._loop.sock_accept(listener)
            self.connections += 1
            self._begin(self._connect(client, target_port))

    async def _connect(self, client: socket.socket, target_port: int) -> None:
        with client, socket.socket() as server:
            server.setblocking(False)
            try:
                async with asyncio.timeout(CONNECT_S):
                    await self._loop.sock_connect(server, (HOST, target_port))
                for side in (client, server):
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                async with asyncio.TaskGroup() as wires:
                    for source, target in ((client, server), (server, client)):
                        line = Line(MOST_CHUNKS)
                        wires.create_task(self._take(source, line))
                        wires.create_task(self._deliver(line, target))
            except* OSError:
                pass  # nobody there, or broken by one side: `with` closes both

    async def _take(self, source: socket.socket, line: Line) -> None:
        due_s = 0.0
        while data := await self._loop.sock_recv(source, CHUNK_BYTES):
            due_s = max(due_s, self._due_s())
            await line.put(Chunk(due_s, data))
        await line.put(Chunk(max(due_s, self._due_s()), b""))

    def _due_s(self) -> float:
        least_s, most_s = self._delay_s
        self.delayed_chunks += most_s > 0
        return self._loop.time() + self._rng.uniform(least_s, most_s)

    async def _deliver(self, line: Line, target: socket.socket) -> None:
        while True:
            chunk = await line.get()
            while (left_s := chunk.due_s - self._loop.time()) > 0:
                await asyncio.sleep(left_s)
            if not chunk.data:
                target.shutdown(socket.SHUT_WR)
                return
            await self._loop.sock_sendall(target, chunk.data)


class BrokersFarAway(LatencyProxy):
    """A proxy for each broker of a stack that was made with `proxied=True`; its clients stay on these proxies."""

    def __init__(self, stack: Stack, seed: int = 1) -> None:
        super().__init__(stack.proxied_ports, seed)
        self.bootstrap_servers = ",".join(f"{HOST}:{port}" for port in stack.proxied_ports)
