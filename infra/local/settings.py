"""Where the local stack listens and keeps its files: a mapping (the environment) becomes frozen values.

Called by the command and by tests; reads nothing by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from common.errors import SettingError

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_FOLDER = REPOSITORY / "var" / "local"
BROKERS = 3

KAFKA_PORTS = "LOCAL_KAFKA_PORTS"
CONTROLLER_PORTS = "LOCAL_CONTROLLER_PORTS"
CLICKHOUSE_PORT = "LOCAL_CLICKHOUSE_PORT"
HTTP_PORT = "LOCAL_CLICKHOUSE_HTTP_PORT"
CACHE = "PENSTOCK_CACHE"


@dataclass(frozen=True)
class Ports:
    """Every port of a stack, all on 127.0.0.1; node i of Kafka has brokers[i - 1] and controllers[i - 1]."""

    brokers: tuple[int, ...] = (29092, 29093, 29094)
    controllers: tuple[int, ...] = (29192, 29193, 29194)
    clickhouse: int = 19000
    http: int = 18123

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """The ports that `environ` names, the defaults for the others; a wrong value raises SettingError."""
        return cls(
            brokers=_ports(environ, KAFKA_PORTS, cls.brokers),
            controllers=_ports(environ, CONTROLLER_PORTS, cls.controllers),
            clickhouse=_ports(environ, CLICKHOUSE_PORT, (cls.clickhouse,))[0],
            http=_ports(environ, HTTP_PORT, (cls.http,))[0],
        )

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The inverse of `record`."""
        return cls(
            tuple(record["brokers"]), tuple(record["controllers"]), record["clickhouse"], record["http"]
        )

    def record(self) -> dict[str, Any]:
        """The ports as JSON-ready values."""
        return asdict(self)


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where downloads are kept for all checkouts: PENSTOCK_CACHE, or ~/.cache/penstock."""
    return Path(environ.get(CACHE) or Path.home() / ".cache" / "penstock").expanduser().absolute()


def _ports(environ: Mapping[str, str], variable: str, default: tuple[int, ...]) -> tuple[int, ...]:
    text = environ.get(variable, "").strip()
    if not text:
        return default
    words = [word.strip() for word in text.split(",")]
    ports = tuple(int(word) for word in words if word.isascii() and word.isdigit() and 0 < int(word) < 65536)
    if len(words) != len(default) or len(set(ports)) != len(default):
        wanted = "a port" if len(default) == 1 else f"{len(default)} different ports with commas between them"
        raise SettingError(f"{variable}={text!r}: expected {wanted}, each from 1 to 65535")
    return ports
