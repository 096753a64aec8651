"""python -m api: REST, WebSockets and pages. Reads settings, sets up the process, serves until a signal."""

from __future__ import annotations

import argparse
import contextlib
import logging
import random
import resource
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import uvicorn

from api.app import build
from common import VERSION
from common.errors import SettingError
from common.process.clock import Clock
from common.process.log import quieten_kafka, setup_logging
from common.process.run import run
from common.settings.config import Settings, environment
from common.streams import ABOUT, load

PORT = 8000
CONNECT_S = 2.0
BACKLOG = 2048
STOP_S = 3
MOST_FILES = 65_536
log = logging.getLogger(__name__)
CLOCK = Clock(time.monotonic, time.time, time.sleep, random.random)
MEANING = """
Settings come from the environment and .env: python -m common.config shows them. HTTP_HOST and HTTP_PORT say where it
listens (default 127.0.0.1, port 8000). It reads ClickHouse (CLICKHOUSE_…; a user that may only read is enough) and
looks at Kafka (BOOTSTRAP_SERVERS, KAFKA_GROUP_ID) without joining a group. It writes nothing.

  /                the pipeline, live          /docs, /openapi.json   every operation
  /live/STREAM     a stream, live              /health, /ready, /metrics

Exit code 0 after SIGTERM or Ctrl-C; 2: a wrong setting, or the port cannot be used.
"""


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="python -m api",
        description="REST, WebSockets and pages over what Penstock stores, and how it stands.",
        epilog=MEANING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(arguments)
    environ = environment()
    streams = load(environ)
    settings = Settings.from_env(environ)
    setup_logging("api", settings.service)
    quieten_kafka()
    settings = replace(settings, kafka=replace(settings.kafka, connect_timeout_s=CONNECT_S))
    port = PORT if settings.service.http_port is None else settings.service.http_port
    listener = listen(settings.service.http_host, port)
    _raise_file_limit()
    log.info("started", extra={"address": "http://{}:{}".format(*listener.getsockname()[:2])})
    server = Server(
        uvicorn.Config(
            build(settings, streams, ABOUT, CLOCK, VERSION),
            log_config=None,
            access_log=False,
            ws="websockets-sansio",
            ws_max_size=4096,  # a client has nothing to say
            timeout_graceful_shutdown=STOP_S,
            timeout_keep_alive=20,
            server_header=False,
            lifespan="on",
        )
    )
    server.run([listener])
    log.info("stopped")
    return 0


class Server(uvicorn.Server):
    """uvicorn's server, which a signal ends with exit code 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT end it, a second one at once."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises SettingError with what cannot be used."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        listener.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )  # connections inherit it; asyncio sets it on its own
        return listener
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingError(
            f"HTTP_PORT={port} cannot be used on HTTP_HOST={host} ({reason}): give a free port"
        ) from None


def _raise_file_limit() -> None:
    """A client takes a file descriptor: have as many as are allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else max(soft, MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, MOST_FILES), hard))


if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:])))
