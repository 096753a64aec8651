"""The small HTTP endpoint of a service: /health, /ready, /metrics, in a daemon thread."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from common.errors import SettingError
from common.process.health import Health
from common.settings.parts import ServiceSettings

CLIENT_TIMEOUT_S = 5.0
STOP_LOOK_S = 0.2
JSON = "application/json; charset=utf-8"
log = logging.getLogger(__name__)
Answer = tuple[int, str, bytes]


class Endpoint(ThreadingHTTPServer):
    """Answers GET and HEAD until `close()`."""

    daemon_threads = True

    @classmethod
    def of(
        cls, service: ServiceSettings, health: Health, registry: CollectorRegistry, now_s: Callable[[], float]
    ) -> Endpoint | None:
        """One that listens where the settings say; None if they name no port. Raises SettingError."""
        if service.http_port is None:
            return None
        return cls(health, registry, now_s, service.http_host, service.http_port)

    def __init__(
        self, health: Health, registry: CollectorRegistry, clock: Callable[[], float], host: str, port: int
    ) -> None:
        """Listen on `host` and `port` (0 takes a free one, see `port`) and answer from now on.

        `clock` is the monotonic clock that `health` is beaten with. Raises SettingError if it cannot listen there.
        """
        self._pages: dict[str, Callable[[], Answer]] = {
            "/health": lambda: as_json(*health.liveness(clock())),
            "/ready": lambda: as_json(*health.readiness()),
            "/metrics": lambda: (200, CONTENT_TYPE_LATEST, generate_latest(registry)),
        }
        try:
            super().__init__((host, port), Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise SettingError(
                f"HTTP_PORT={port} cannot be used on HTTP_HOST={host} ({reason}): give a free port, "
                "0 for any free one, or none for no endpoint"
            ) from None
        self.port: int = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(STOP_LOOK_S,), name="endpoint", daemon=True).start()

    def server_bind(self) -> None:
        """Bind without asking DNS for the name of this host, as HTTPServer would."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def answer(self, path: str) -> Answer:
        """Status, content type and body for a path."""
        page = self._pages.get(path.partition("?")[0])
        return page() if page else as_json(False, {"paths": list(self._pages)}, status_if_not=404)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what went wrong here; a client that went away is no concern of ours."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            log.warning("a request could not be answered", exc_info=error)

    def close(self) -> None:
        """Stop answering and free the port."""
        self.shutdown()
        self.server_close()


def as_json(is_ok: bool, answer: dict[str, Any], status_if_not: int = 503) -> Answer:
    """The answer with status 200 if all is well."""
    return 200 if is_ok else status_if_not, JSON, json.dumps(answer).encode() + b"\n"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Endpoint
    timeout = CLIENT_TIMEOUT_S

    def do_GET(self) -> None:
        """Answer with headers and body."""
        self.wfile.write(self.send_head())

    def do_HEAD(self) -> None:
        """Answer with headers alone."""
        self.send_head()

    def send_head(self) -> bytes:
        """Send status and headers; returns the body."""
        status, content_type, body = self.server.answer(self.path)
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return body

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not events of ours."""
