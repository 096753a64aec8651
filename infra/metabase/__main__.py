"""python -m infra.metabase: sets Metabase up once it is ready; safe to run again. Settings come from the environment.

`python -m infra.metabase --help` lists them.
"""

from __future__ import annotations

import argparse
import sys
import time

from common.process.run import run
from common.settings.config import environment
from infra.metabase.client import Client
from infra.metabase.dashboards import DASHBOARDS
from infra.metabase.errors import MetabaseFailed
from infra.metabase.settings import Settings
from infra.metabase.setup import Setup, await_ready

SETTINGS = """\
METABASE_URL               Metabase, as this process reaches it (http://metabase:3000)
METABASE_OPEN_URL          Metabase, as people open it (METABASE_URL)
METABASE_EMAIL             its administrator (admin@penstock.example)
METABASE_PASSWORD          its password, or METABASE_PASSWORD_FILE
METABASE_WAIT_S            so many seconds it may take until it is healthy (600)
CLICKHOUSE_HOST            ClickHouse, as Metabase reaches it (clickhouse-server)
METABASE_CLICKHOUSE_PORT   its HTTP port (8123)
CLICKHOUSE_DB              the database (penstock)
CLICKHOUSE_USER            a user that only reads (reader)
CLICKHOUSE_PASSWORD        its password, or CLICKHOUSE_PASSWORD_FILE
"""


def main(arguments: list[str]) -> int:
    """0: everything is there, and each question has an answer; 1: Metabase says no, or nothing; 2: a wrong setting."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.metabase",
        description=(__doc__ or "").splitlines()[0],
        epilog=SETTINGS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(arguments)
    settings = Settings.from_env(environment())
    client = Client(settings.url)

    def say(line: str) -> None:
        print(line, flush=True)

    try:
        await_ready(client, settings.wait_s, say, time.monotonic, time.sleep)
        paths = Setup(client, settings, say).run(DASHBOARDS)
    except MetabaseFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for path in paths:
        print(f"{settings.open_url}{path}")
    return 0


if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:])))
