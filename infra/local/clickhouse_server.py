"""`python -m infra.local.clickhouse_server FOLDER HTTP_PORT`: ClickHouse (chdb-core), serving until SIGTERM.

FOLDER holds config.xml and data/. The engine has no call that serves, so one query never ends: it sleeps in a
thread (the GIL is free meanwhile) and is killed over HTTP for a clean stop. Started by `clickhouse.ClickHouse`.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path

from infra.local.probes import http_query

SERVE = """
SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP;
SELECT sleepEachRow(1) FROM numbers(1e9)
SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0, max_execution_time = 0 FORMAT Null
"""
END = "KILL QUERY WHERE query LIKE '%sleepEachRow(1) FROM numbers(1e9)%' AND query NOT LIKE 'KILL%' ASYNC"
STOP_DEADLINE_S = 8.0
LOG = logging.getLogger("clickhouse_server")


class Engine(threading.Thread):
    """The engine, from `start` until its endless query ends."""

    def __init__(self, data: Path, changed: threading.Event) -> None:
        """`changed` is set when the engine has ended by itself."""
        super().__init__(daemon=True)
        self._data = data
        self._changed = changed

    def run(self) -> None:
        """Serve; HTTP clients that name no format get TabSeparated, as from any ClickHouse."""
        from chdb import _chdb  # its module, not its `query`, which would hold the GIL

        try:
            _chdb.query(SERVE, "TabSeparated", path=str(self._data))  # type: ignore[attr-defined]
        except Exception as error:
            LOG.error("the engine ended: %s", str(error)[:500])
        self._changed.set()

    def end(self, http_port: int) -> bool:
        """Let it write and close its files; False when it did not within the deadline."""
        try:
            http_query(http_port, END, STOP_DEADLINE_S)
        except OSError as error:
            LOG.error("the engine does not take the request to end: %s", error)
        self.join(STOP_DEADLINE_S)
        return not self.is_alive()


def main(folder: Path, http_port: int) -> int:
    """Serve until SIGTERM or SIGINT; 0 after a clean end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    changed = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: changed.set())
    import chdb  # noqa: F401  # opens a scratch engine that would read ./config.xml: so before chdir

    os.chdir(folder)
    engine = Engine(folder / "data", changed)
    engine.start()
    LOG.info("starting")
    while not changed.wait(timeout=1):
        pass
    asked = engine.is_alive()
    clean = asked and engine.end(http_port)
    LOG.info("stopped %s", "cleanly" if clean else "by force" if asked else "by itself")
    return 0 if clean else 1


if __name__ == "__main__":
    code = main(Path(sys.argv[1]), int(sys.argv[2]))
    logging.shutdown()
    os._exit(code)  # the engine's own exit handlers wait for its threads
