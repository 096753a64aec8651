"""`python -m common.probe PORT`: exit code 0 if the service on this machine's PORT says that it is alive."""

from __future__ import annotations

import sys

from common.process.probe import is_alive

if __name__ == "__main__":
    sys.exit(0 if is_alive(int(sys.argv[1])) else 1)
