"""A TCP proxy in front of the brokers that keeps, delays and swallows single requests of its clients.

    with KafkaProxy(stack) as proxy:
        late = proxy.hold(Api.END_TXN)     # the next one: its connection is cut, and nothing of it arrives …
        ...                                # a client with proxy.bootstrap_servers
        late.release()                     # … until now
        assert late.error == 0             # what the broker answered to the late copy

It starts by passing everything on. A test that hurts requests says which: by their kind, and by bytes in them.
"""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from infra.local.ports import HOST
from infra.local.stack import Stack
from tests.support.kafka_fault import PATIENCE_S, Fault
from tests.support.kafka_frames import (
    Api,
    api_of,
    correlation_of_answer,
    correlation_of_request,
    read_frame,
)

CONNECT_S = 5.0


class KafkaProxy:
    """A listener for each broker of a stack that was made with `proxied=True`; its clients stay on these listeners."""

    def __init__(self, stack: Stack) -> None:
        self._ports = stack.proxied_ports
        self.bootstrap_servers = ",".join(f"{HOST}:{port}" for port in self._ports)
        self.seen: Counter[int] = Counter()  # requests by kind, since the beginning
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._held: list[Fault] = []
        self._open: set[socket.socket] = set()
        self._listeners: list[socket.socket] = []

    def hold(self, api: Api, match: bytes = b"") -> Fault:
        """Cut the connection of the next such request; it arrives when it is released."""
        return self._arm(Fault(api, match, 1, cuts=True, keeps=True, delivers=True))

    def delay(self, api: Api, match: bytes = b"") -> Fault:
        """Let the next such request wait until it is released; its connection stays, and gets the answer."""
        return self._arm(Fault(api, match, 1, cuts=False, keeps=True, delivers=True))

    def swallow(self, api: Api, match: bytes = b"") -> Fault:
        """Let the next such request arrive, and cut its connection in place of the answer."""
        return self._arm(Fault(api, match, 1, cuts=True, keeps=False, delivers=True))

    def stall(self, api: Api, match: bytes = b"") -> Fault:
        """Let the next such request arrive, and never pass the answer on; its connection stays."""
        return self._arm(Fault(api, match, 1, cuts=False, keeps=False, delivers=True))

    def refuse(self, api: Api, match: bytes = b"") -> Fault:
        """Cut the connection of every such request, which never arrives, until `pass_on`."""
        return self._arm(Fault(api, match, 10**9, cuts=True, keeps=False, delivers=False))

    def pass_on(self) -> None:
        """Hurt no more requests; those that are held arrive now."""
        with self._lock:
            self._faults.clear()
            held, self._held = self._held, []
        for fault in held:
            fault.released.set()

    def disarm(self, fault: Fault) -> None:
        """Hurt no request by this fault from now on; if it holds one, that arrives now."""
        with self._lock:
            self._faults = [each for each in self._faults if each is not fault]
            self._held = [each for each in self._held if each is not fault]
        fault.released.set()

    def cut(self) -> None:
        """Close every connection that is open now."""
        with self._lock:
            open_now = list(self._open)
        for side in open_now:
            _end(side)

    def _arm(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def take_fault(self, request: bytes) -> Fault | None:
        """What is to happen to a request; counts it. Called by connections."""
        api = api_of(request)
        with self._lock:
            self.seen[api] += 1
            for fault in self._faults:
                if fault.api == api and fault.match in request:
                    fault.times -= 1
                    if not fault.times:
                        self._faults.remove(fault)
                    if fault.keeps:
                        self._held.append(fault)
                    return fault
        return None

    def __enter__(self) -> Self:
        for port, target_port in self._ports.items():
            listener = socket.create_server((HOST, port), backlog=128)
            self._listeners.append(listener)
            _in_background(partial(self._accept, listener, target_port))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for listener in self._listeners:
            _end(listener)
        self.pass_on()
        self.cut()

    def _accept(self, listener: socket.socket, target_port: int) -> None:
        while True:
            client, _ = listener.accept()
            try:
                server = socket.create_connection((HOST, target_port), CONNECT_S)
            except OSError:
                _end(client)
                continue
            server.settimeout(None)
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open |= {client, server}
            Connection(self, client, server).start()

    def forget(self, *sides: socket.socket) -> None:
        """Close them. Called by connections."""
        with self._lock:
            self._open -= set(sides)
        for side in sides:
            _end(side)


class Connection:
    """One client's connection to one broker: a thread for each direction."""

    def __init__(self, proxy: KafkaProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._hurt: dict[int, Fault] = {}  # by the number of the request whose answer is waited for
        self._is_cut = False

    def start(self) -> None:
        """Begin to pass on."""
        _in_background(self._to_server)
        _in_background(self._to_client)

    def _to_server(self) -> None:
        try:
            while not self._is_cut:
                request = read_frame(self._client)
                fault = self._proxy.take_fault(request)
                if fault is None:
                    self._server.sendall(request)
                else:
                    self._hurt_request(request, fault)
        finally:
            self._proxy.forget(self._client, self._server)

    def _hurt_request(self, request: bytes, fault: Fault) -> None:
        fault.request, fault.port = request, self._server.getpeername()[1]
        fault.hang_up = partial(self._proxy.forget, self._client)
        self._hurt[correlation_of_request(request)] = fault
        self._is_cut = fault.cuts
        if fault.cuts and (fault.keeps or not fault.delivers):
            self._proxy.forget(self._client)
        if fault.keeps or not fault.delivers:
            fault.fired.set()
        if fault.keeps:
            fault.released.wait()
        if fault.delivers:
            self._server.sendall(request)
        if fault.delivers:
            fault.answered.wait(PATIENCE_S)

    def _to_client(self) -> None:
        try:
            while True:
                answer = read_frame(self._server)
                fault = self._hurt.pop(correlation_of_answer(answer), None)
                if fault is not None:
                    fault.answer = answer
                    fault.answered.set()
                    fault.fired.set()
                is_heard = fault is None or (fault.keeps and not fault.cuts)
                if is_heard and not self._is_cut:
                    self._client.sendall(answer)
        finally:
            self._proxy.forget(self._client)


def _in_background(work: Callable[[], None]) -> None:
    def run() -> None:
        try:
            work()
        except (OSError, EOFError):
            pass  # one side has ended it

    threading.Thread(target=run, daemon=True).start()


def _end(side: socket.socket) -> None:
    try:
        side.shutdown(socket.SHUT_RDWR)  # wakes a thread that reads
    except OSError:
        pass
    side.close()
