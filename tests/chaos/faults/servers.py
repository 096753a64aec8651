"""What can be done to a server, a broker or ClickHouse: killed, frozen, restarted. The others choose which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from infra.local.service import Service
from tests.chaos.schedule import Strike
from tests.chaos.world import World

Choose = Callable[[World, Strike], Sequence[Service]]
Fault = Callable[[World, Strike], AbstractContextManager[str | None]]


def killed(choose: Choose) -> Fault:
    """SIGKILL, started again at the end."""
    return _ended(choose, lambda server: server.kill())


def restarted(choose: Choose) -> Fault:
    """SIGTERM, a clean end, started again."""
    return _ended(choose, lambda server: server.stop())


def frozen(choose: Choose) -> Fault:
    """SIGSTOP, SIGCONT at the end."""

    @contextmanager
    def fault(world: World, strike: Strike) -> Iterator[str | None]:
        chosen = choose(world, strike)
        for server in chosen:
            server.freeze()
        try:
            yield f"{_told(chosen)} for {strike.lasts_s:.1f} s"
        finally:
            for server in chosen:
                server.thaw()

    return fault


def _ended(choose: Choose, end: Callable[[Service], None]) -> Fault:
    @contextmanager
    def fault(world: World, strike: Strike) -> Iterator[str | None]:
        chosen = choose(world, strike)
        said = _told(chosen)
        for server in chosen:
            end(server)
        try:
            yield said
        finally:
            _start(chosen)

    return fault


def _start(servers: Sequence[Service]) -> None:
    for server in servers:
        if server.pid is None:
            server.launch()
    for server in servers:
        server.await_ready()


def _told(servers: Sequence[Service]) -> str:
    return ", ".join(f"{server.name} (pid {server.pid})" for server in servers)
