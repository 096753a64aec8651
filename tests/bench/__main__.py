"""`make bench`: how fast it is here, and against what. Brings up a stack of its own and leaves nothing behind."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from infra.local.stack import Stack
from tests.bench import engine, main_table
from tests.bench.bench import Bench
from tests.bench.streams import PAYLOADS


def main(arguments: list[str]) -> int:
    """Measure what was chosen."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("sections", nargs="*", default=["main"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--payloads", default=",".join(PAYLOADS))
    parser.add_argument("--partitions", default="1,12")
    parser.add_argument("--modes", default="")
    chosen = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 140)
    with (
        tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder,
        Stack.on_free_ports(Path(folder) / "stack") as stack,
        engine.running(Path(folder) / "engine", stack.bootstrap_servers) as peer,
    ):
        bench = Bench(stack, console, chosen.runs, chosen.scale, peer)
        payloads, sizes = chosen.payloads.split(","), [int(size) for size in chosen.partitions.split(",")]
        modes = [mode for mode in main_table.MODES if not chosen.modes or mode in chosen.modes.split(";")]
        main_table.show(bench, main_table.measure(bench, payloads, sizes, modes))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
