"""Which ports are free: checked before anything starts, and picked for stacks that tests start."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from itertools import islice

from common.errors import SettingError
from infra.local.settings import BROKERS, Ports

HOST = "127.0.0.1"
# Below the range that Linux hands to outgoing connections: a killed server finds its port free again.
SAFE_RANGE = range(20_000, 32_000)


def check_free(port: int, variable: str | None) -> None:
    """Raise SettingError, with the port and the variable (if any) that moves it, when another program has `port`."""
    if is_free(port):
        return
    taken = f"port {port} of {HOST} is taken by another program"
    if variable is None:
        raise SettingError(f"{taken}; stop that program")
    raise SettingError(f"{variable}: {taken}; stop that program or set {variable} to something else")


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def pick_free(*, proxied: bool = False) -> Ports:
    """Ports for a whole stack that nobody listens on now; `proxied`: also those of proxies before its brokers."""
    free = _free_ports()
    return Ports(
        brokers=tuple(islice(free, BROKERS)),
        controllers=tuple(islice(free, BROKERS)),
        clickhouse=next(free),
        http=next(free),
        proxied=tuple(islice(free, BROKERS if proxied else 0)),
        behind=tuple(islice(free, BROKERS if proxied else 0)),
    )


def free_or_other(port: int) -> int:
    """The port if nobody listens on it, else another one that is free."""
    return port if is_free(port) else next(_free_ports())


def _free_ports() -> Iterator[int]:
    for port in random.SystemRandom().sample(SAFE_RANGE, len(SAFE_RANGE)):
        if is_free(port):
            yield port
