"""A ClickHouse with the users, rights and settings of infra/clickhouse, as compose gives them to the real one.

Its passwords are the names of its users. Of the brokers of a stack it makes another stack, with itself in it:

    with compose_clickhouse(stack, folder) as other, connected(other, "grafana") as client:
        client.execute("SELECT 1")
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from clickhouse_driver import Client

from infra.local.clickhouse import ClickHouse
from infra.local.ports import HOST, pick_free
from infra.local.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
IMAGE = ROOT / "tests" / "compose" / "images" / "clickhouse"
OURS = ROOT / "infra" / "clickhouse"
USERS = ("migrate", "ingest", "reader", "grafana")
DATABASE = "penstock"


class ComposeClickHouse(ClickHouse):
    """The server. It reads the files of the image that stands in for the real one, and ours over them."""

    def _prepare(self) -> list[str]:
        command = super()._prepare()
        config = (IMAGE / "config.xml").read_text().replace("/etc/clickhouse-server", str(self.folder))
        config = config.replace("0.0.0.0", HOST).replace(">9000<", f">{self._stack_ports.clickhouse}<")
        config = config.replace(">8123<", f">{self._stack_ports.http}<")
        (self.folder / "config.xml").write_text(config)
        (self.folder / "users.xml").write_text((IMAGE / "users.xml").read_text())
        passwords = self.folder / "passwords"
        passwords.write_text(_passwords())
        for name in ("config.d", "users.d"):
            text = (OURS / name / "penstock.xml").read_text()
            (self.folder / name).mkdir(exist_ok=True)
            (self.folder / name / "penstock.xml").write_text(
                text.replace("/run/secrets/clickhouse_passwords", str(passwords))
            )
        return command


@contextmanager
def compose_clickhouse(stack: Stack, folder: Path) -> Iterator[Stack]:
    """The brokers of a stack, and a ClickHouse of its own that has an empty database."""
    free = pick_free()
    ports = replace(stack.ports, clickhouse=free.clickhouse, http=free.http)
    other = copy.copy(stack)
    other.folder, other.ports, other.clickhouse = folder, ports, ComposeClickHouse(folder, ports)
    try:
        other.clickhouse.start()
        with connected(other, "default", "", database="default") as client:
            client.execute(f"CREATE DATABASE {DATABASE}")
        yield other
    finally:
        other.clickhouse.stop()


@contextmanager
def connected(
    stack: Stack, user: str, password: str | None = None, *, database: str = DATABASE
) -> Iterator[Client]:
    """A connection as one of the users, over the native protocol."""
    secret = user if password is None else password
    client = Client(
        stack.clickhouse_host, port=stack.clickhouse_port, user=user, password=secret, database=database
    )
    try:
        yield client
    finally:
        client.disconnect()


def _passwords() -> str:
    hashes = (
        f"<password_of_{user}>{hashlib.sha256(user.encode()).hexdigest()}</password_of_{user}>"
        for user in USERS
    )
    return f"<clickhouse>{''.join(hashes)}</clickhouse>"
