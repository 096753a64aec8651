"""`make bench`: how fast it is here, and against what. Brings up a stack of its own and leaves no server behind.

Each section's results are kept in var/bench/ as JSON, and BENCHMARKS.md is written from all that are there: so one
section can be measured anew. Exit code 1: something that was measured falls short of its target.

  main       every mode on the same topics: fetch, decode, sink, hand-written loop, Kafka engine, producers
  costs      what exactly-once costs: without intents, without addresses, without either
  freshness  produce to visible in a query, at 1,000 and 50,000 events/s
  memory     a sink's memory over --minutes
  growth     inserting into a table that grows to --rows
  questions  questions and counts on a table of --rows
  api        REST and WebSockets of the api, on that table, while a sink stores into it
  transforms topic to topic: messages a second of one process, and latency at 10,000/s
  restart    visits at 10,000/s, the transform killed with full windows: when outputs go on
  report     measures nothing: BENCHMARKS.md from what is kept
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from infra.local.errors import StackFailed
from infra.local.stack import Stack
from tests.bench import (
    costs,
    engine,
    freshness,
    growth,
    main_table,
    memory,
    questions,
    report,
    rest,
    restart,
    transforms,
)
from tests.bench.bench import Bench
from tests.bench.streams import PAYLOADS
from tests.bench.walks import Walks


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("sections", nargs="*", metavar="SECTION", help="which, in this order; default: all")
    made.add_argument("--runs", type=int, default=5, help="of each mode, interleaved (default 5)")
    made.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help="of the number of messages: 4,000,000 small, 300,000 wide, 1,000,000 readings, 20,000 walks (default 1)",
    )
    made.add_argument(
        "--payloads", type=_words(list(PAYLOADS), ","), default=list(PAYLOADS), help="e.g. small,wide"
    )
    made.add_argument("--partitions", type=_numbers, default=[1, 12], help="of main's topics (default 1,12)")
    made.add_argument(
        "--modes",
        type=_words(list(main_table.MODES), ";"),
        default=list(main_table.MODES),
        help="of main, with semicolons between them: 'fetch + decode;sink'",
    )
    made.add_argument(
        "--rows", type=lambda text: int(float(text)), default=10**7, help="of growth, questions (1e7)"
    )
    made.add_argument("--minutes", type=float, default=10.0, help="of memory (default 10)")
    made.add_argument(
        "--folder",
        metavar="DIR",
        type=_folder,
        help="on a disk like yours: the servers keep their data there (default: a temporary one)",
    )
    made.add_argument(
        "--seconds", type=float, default=30.0, help="of freshness, each rate, and of transforms (default 30)"
    )
    return made


def _words(allowed: list[str], separator: str) -> Any:
    def read(text: str) -> list[str]:
        found = [word.strip() for word in text.split(separator)]
        if wrong := [word for word in found if word not in allowed]:
            raise argparse.ArgumentTypeError(
                f"{', '.join(wrong)}: choose from {f'{separator} '.join(allowed)}"
            )
        return found

    return read


def _folder(text: str) -> str:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no folder")
    return text


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def main(arguments: list[str]) -> int:
    """Measure what was chosen, show it, keep it, and write BENCHMARKS.md."""
    options = parser()
    chosen = options.parse_args(arguments)
    sections = chosen.sections or list(report.SECTIONS)
    if wrong := [name for name in sections if name not in (*report.SECTIONS, "report")]:
        options.error(f"{', '.join(wrong)}: sections are {', '.join((*report.SECTIONS, 'report'))}")
    console = Console(width=None if sys.stdout.isatty() else 150)
    command = shlex.join(["python", "-m", "tests.bench", *arguments])
    measured: dict[str, list[dict[str, Any]]] = {}
    if sections != ["report"]:
        with (
            tempfile.TemporaryDirectory(prefix="penstock-bench-", dir=chosen.folder) as folder,
            Stack.on_free_ports(Path(folder) / "stack") as stack,
            engine.running(Path(folder) / "engine", stack.bootstrap_servers) as peer,
        ):
            bench = Bench(stack, console, chosen.runs, chosen.scale, peer)
            for section, results in _sections(bench, sections, chosen):
                measured[section] = results
                report.keep(section, results, command, datetime.now(UTC).strftime("%Y-%m-%d"))
                report.show(console, section, results)
    report.write()
    is_reached = report.show_targets(console, measured)
    console.print(f"written: {report.BENCHMARKS}. Again: {command}", highlight=False)
    return 0 if is_reached else 1


def _sections(bench: Bench, sections: list[str], chosen: argparse.Namespace) -> Any:
    """(section, results), as they are measured; `questions` and `api` ask the table that `growth` has left."""
    walks: Walks | None = None
    for section in sections:
        if section == "main":
            yield section, main_table.measure(bench, chosen.payloads, chosen.partitions, chosen.modes)
        elif section == "costs":
            yield section, costs.measure(bench, chosen.payloads)
        elif section == "freshness":
            yield section, freshness.measure(bench, chosen.seconds)
        elif section == "memory":
            yield section, memory.measure(bench, chosen.minutes)
        elif section == "growth":
            results, walks = growth.measure(bench, chosen.rows)
            yield section, results
        elif section == "questions":
            walks = walks or growth.measure(bench, chosen.rows)[1]
            yield section, questions.measure(bench, walks)
        elif section == "api":
            walks = walks or growth.measure(bench, chosen.rows)[1]
            yield section, rest.measure(bench, walks)
        elif section == "transforms":
            yield section, transforms.measure(bench, chosen.seconds)
        elif section == "restart":
            yield section, restart.measure(bench)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except StackFailed as error:
        sys.exit(str(error))
