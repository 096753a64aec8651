"""The ClickHouse of the local stack, as a handle; the server itself is `clickhouse_server`, in its own process."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from infra.local import probes
from infra.local.ports import HOST
from infra.local.service import Service
from infra.local.settings import CLICKHOUSE_PORT, HTTP_PORT, Ports

CONFIG = """\
<clickhouse>
    <tcp_port>{native}</tcp_port>
    <http_port>{http}</http_port>
    <listen_host>{host}</listen_host>
    <timezone>UTC</timezone>
</clickhouse>
"""


def server_config(ports: Ports) -> str:
    """The config.xml of the server: user `default` without password, from this machine only."""
    return CONFIG.format(native=ports.clickhouse, http=ports.http, host=HOST)


class ClickHouse(Service):
    """One ClickHouse that serves the native protocol and HTTP."""

    def __init__(self, stack_folder: Path, ports: Ports) -> None:
        """Touches nothing yet."""
        super().__init__("clickhouse", stack_folder)
        self._stack_ports = ports

    @property
    def address(self) -> str:
        """host:port of the native protocol."""
        return f"{HOST}:{self._stack_ports.clickhouse}"

    def answers(self) -> bool:
        """Whether it runs a query now."""
        return probes.clickhouse_answers(self._stack_ports.clickhouse, self._stack_ports.http)

    def _ports(self) -> Iterable[tuple[str | None, int]]:
        return (CLICKHOUSE_PORT, self._stack_ports.clickhouse), (HTTP_PORT, self._stack_ports.http)

    def _prepare(self) -> list[str]:
        (self.folder / "config.xml").write_text(server_config(self._stack_ports))
        module = "infra.local.clickhouse_server"
        return [sys.executable, "-m", module, str(self.folder), str(self._stack_ports.http)]
