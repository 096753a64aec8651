"""What the set-up is told by the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from common.errors import SettingError
from common.settings.fields import read_secret


@dataclass(frozen=True)
class Settings:
    """Metabase, its administrator, and how Metabase reaches ClickHouse (over HTTP, as a user that only reads)."""

    url: str
    open_url: str
    email: str
    password: str = field(repr=False)
    wait_s: float
    clickhouse: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Raises SettingError; passwords may come from the file that NAME_FILE names."""
        url = environ.get("METABASE_URL") or "http://metabase:3000"
        return cls(
            url=url,
            open_url=environ.get("METABASE_OPEN_URL") or url,
            email=environ.get("METABASE_EMAIL") or "admin@penstock.example",
            password=_secret(environ, "METABASE_PASSWORD"),
            wait_s=_number(environ, "METABASE_WAIT_S", 600),
            clickhouse={
                "host": environ.get("CLICKHOUSE_HOST") or "clickhouse-server",
                "port": int(_number(environ, "METABASE_CLICKHOUSE_PORT", 8123)),
                "dbname": environ.get("CLICKHOUSE_DB") or "penstock",
                "user": environ.get("CLICKHOUSE_USER") or "reader",
                "password": _secret(environ, "CLICKHOUSE_PASSWORD"),
                "ssl": False,
            },
        )


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name) or str(default)
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise SettingError(f"{name}={text} is not allowed: give a number, above 0")
    return number


def _secret(environ: Mapping[str, str], name: str) -> str:
    """A password, from NAME or the file that NAME_FILE names; empty only where NAME says so."""
    path = environ.get(f"{name}_FILE")
    if path:
        return read_secret(f"{name}_FILE", path)
    if name not in environ:
        raise SettingError(f"{name} is missing: give it, or {name}_FILE (build-all.sh writes such files)")
    return environ[name]
