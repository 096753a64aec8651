"""Serves until SIGTERM, as the real server does.

The engine has no call that serves: a query that never ends does it, in a thread.
"""

import os
import signal
import threading
import urllib.request

os.chdir("/")  # importing chdb opens a scratch engine that would read ./config.xml
from chdb import _chdb  # noqa: E402

SERVE = """
SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP;
SELECT sleepEachRow(1) FROM numbers(1e9)
SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0, max_execution_time = 0 FORMAT Null
"""
END = "KILL QUERY WHERE query LIKE '%sleepEachRow(1) FROM numbers(1e9)%' AND query NOT LIKE 'KILL%' ASYNC"
changed, ended = threading.Event(), threading.Event()


def serve():
    try:
        _chdb.query(SERVE, "TabSeparated", path="/var/lib/clickhouse")
    except BaseException as error:
        print("the engine ended:", str(error)[:500], flush=True)
    ended.set()
    changed.set()


def create_database(name):
    while not changed.is_set():
        try:
            sql = f"CREATE DATABASE IF NOT EXISTS `{name}`".encode()
            urllib.request.urlopen("http://127.0.0.1:8123/", data=sql, timeout=30).read()
            return
        except OSError:
            changed.wait(0.1)  # it does not listen yet


for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: changed.set())
os.chdir("/etc/clickhouse-server")  # where it looks for config.xml
threading.Thread(target=serve, daemon=True).start()
if os.environ.get("CLICKHOUSE_DB"):
    create_database(os.environ["CLICKHOUSE_DB"])
while not changed.wait(timeout=1):
    pass
asked = not ended.is_set()
if asked:
    try:
        urllib.request.urlopen("http://127.0.0.1:8123/", data=END.encode(), timeout=8).read()
        ended.wait(8)
    except OSError as error:
        print("it does not take the request to end:", error, flush=True)
print("stopped", "cleanly" if asked and ended.is_set() else "hard", flush=True)
os._exit(0 if asked and ended.is_set() else 1)  # its exit handlers wait for its threads
