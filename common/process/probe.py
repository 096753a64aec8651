"""Asks this machine's own /health.

For HEALTHCHECK: slim images hold no curl. The standard library alone, because it runs every few seconds.
"""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException

TIMEOUT_S = 2.0


def is_alive(port: int) -> bool:
    """Whether /health on this machine's `port` answers 200 in time."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
