"""python -m consumer COMMAND. Reads settings, sets up the process, runs one command."""

from __future__ import annotations

import argparse
import importlib
import random
import sys
import time
from typing import Any

from common.errors import SettingError
from common.model.stream import Stream
from common.process.clock import Clock
from common.process.run import run
from common.settings.config import Settings, environment
from common.streams import load

COMMANDS = {
    "sink": "store the messages of streams in their tables, each event once, until stopped",
    "transform": "make new topics of topics, each message counted once, until stopped",
    "migrate": "create the tables of streams that do not exist yet",
    "audit": "compare Kafka and the tables: is anything missing or repeated?",
    "status": "show who works on which partition, how far, and which feeds are parked and why",
    "letters": "count, list and show dead letters: messages that nothing could be made of",
    "ask": "ask a stream's tables a question that its file states",
    "view": "show the newest rows of a stream's tables, and those that arrive",
    "plot": "draw a histogram that a transform makes, as it grows",
    "adopt": "let a consumer group resume after what the tables hold, when its offsets were lost or set by hand",
}
OF_ONE_STREAM = ("ask", "view")
OF_ALL_STREAMS = ("plot",)
CLOCK = Clock(time.monotonic, time.time, time.sleep, random.random)


def main(arguments: list[str]) -> int:
    """Run the command that the arguments name."""
    environ = environment()
    streams = load(environ)
    parser = argparse.ArgumentParser(
        prog="python -m consumer",
        description="Kafka to ClickHouse, each event exactly once. Settings come from the environment and .env: "
        "python -m common.config shows them.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        every = ", ".join(streams)
        if name in OF_ONE_STREAM:
            command.add_argument("streams", nargs=1, metavar="STREAM", help=f"one of: {every}")
        elif name not in OF_ALL_STREAMS:
            command.add_argument(
                "streams", nargs="*", metavar="STREAM", help=f"one or more of: {every} (default: all)"
            )
        _module(name).add_options(command)
    chosen = parser.parse_args(arguments)
    settings = Settings.from_env(environ)
    selected = _select(streams, vars(chosen).get("streams", []))
    return _module(chosen.command).run(settings, selected, chosen, CLOCK)


def _module(command: str) -> Any:
    return importlib.import_module(f"consumer.commands.{command}")


def _select(streams: dict[str, Stream], names: list[str]) -> list[Stream]:
    unknown = [name for name in names if name not in streams]
    if unknown:
        raise SettingError(f"no stream is called {unknown[0]}; there are: {', '.join(streams)}")
    return [streams[name] for name in names or streams]


if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:])))
