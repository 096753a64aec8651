"""`python -m common.probe PORT`: asks this machine's own /health; exit code 0 if the service says it is alive.

For HEALTHCHECK: slim images hold no curl. The standard library alone, because it runs every few seconds.
"""

from __future__ import annotations

import sys
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


if __name__ == "__main__":
    sys.exit(0 if is_alive(int(sys.argv[1])) else 1)
