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
    """Every port of a stack, all on 127.0.0.1; node i of Kafka has brokers[i - 1] and controllers[i - 1].

    A stack with proxies has two more for each node: its clients connect to a proxy at proxied[i - 1], which passes
    them on to behind[i - 1], where the broker listens.
    """

    brokers: tuple[int, ...] = (29092, 29093, 29094)
    controllers: tuple[int, ...] = (29192, 29193, 29194)
    clickhouse: int = 19000
    http: int = 18123
    proxied: tuple[int, ...] = ()
    behind: tuple[int, ...] = ()

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
            brokers=tuple(record["brokers"]),
            controllers=tuple(record["controllers"]),
            clickhouse=record["clickhouse"],
            http=record["http"],
            proxied=tuple(record.get("proxied", ())),
            behind=tuple(record.get("behind", ())),
        )

    def record(self) -> dict[str, Any]:
        """The ports as JSON-ready values, without those that the stack has no use for."""
        return {name: ports for name, ports in asdict(self).items() if ports != ()}


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
