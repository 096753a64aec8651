"""Creates and grows the streams' topics. Safe to run repeatedly and concurrently."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Mapping, Sequence

from common.errors import StartRefused
from common.kafka_io.admin import connect_admin
from common.model.topics import Plan, TopicSpec, TopicState, fixed_topics, plan, wanted
from common.process.clock import Clock
from common.settings.config import Settings
from common.streams import load

USABLE_TIMEOUT_S = 30.0

EPILOG = """\
Every topic comes with a companion, TOPIC.dead, where messages go of which no row can be made; it has one partition
and keeps for ever. What exists already is left as it is. New topics follow the settings PARTITIONS,
REPLICATION_FACTOR, MIN_INSYNC_REPLICAS, RETENTION_BYTES (of each partition) and MAX_MESSAGE_BYTES; the companion of
a topic that exists gets as many replicas as that topic has.

examples:
  python -m common.topics                              create what is missing, wait until it is usable
  python -m common.topics collatz ratings              those of two streams
  python -m common.topics --dry-run                    only say what would be done
  python -m common.topics --grow conjecture.data=12    also give a topic more partitions

Growing a topic moves keys to other partitions: the order of one key holds before and after, not across the change.
Topics whose keys, windows or counts belong to a partition's number cannot grow: the command says which transform it is.
Partitions cannot be taken away: the command says so and does nothing. Nor does it move replicas: it says where a
topic has other ones than REPLICATION_FACTOR says, and Kafka's kafka-reassign-partitions.sh moves them.
"""


def main(argv: Sequence[str], environ: Mapping[str, str], clock: Clock) -> int:
    """Create and grow topics. Raises StartRefused when something asked for is impossible."""
    known = load(environ)
    args = _parser(known).parse_args(argv)
    settings = Settings.from_env(environ)
    streams = [known[name] for name in args.streams or known]
    specs = wanted(streams, settings.topics)
    admin = connect_admin(settings.kafka, now_s=clock.now_s, sleep=clock.sleep)
    try:
        states = admin.states([spec.name for spec in specs])
        todo = plan(specs, states, dict(args.grow), fixed_topics(streams))
        if todo.problems:
            raise StartRefused("\n".join(todo.problems))
        if not args.dry_run:
            admin.create(todo.create)
            admin.grow(todo.grow)
            admin.wait_usable([spec.name for spec in specs], USABLE_TIMEOUT_S)
    finally:
        admin.close()
    words = ("would create", "would grow") if args.dry_run else ("created", "grown")
    for line in _report(specs, states, todo, *words):
        sys.stdout.write(f"{line}\n")
    return 0


def _report(
    specs: Sequence[TopicSpec],
    states: Mapping[str, TopicState],
    todo: Plan,
    created: str,
    grown: str,
) -> list[str]:
    new = {spec.name: spec for spec in todo.create}
    lines = []
    for spec in specs:
        now = new.get(spec.name) or states[spec.name]
        size = todo.grow.get(spec.name, now.partitions)
        done = created if spec.name in new else grown if spec.name in todo.grow else "present"
        line = f"{done:13}{spec.name}  partitions={size} replicas={now.replication_factor}"
        if spec.name not in new and now.replication_factor != spec.replication_factor:
            line += f", REPLICATION_FACTOR says {spec.replication_factor}"
        lines.append(line)
    return lines


def _parser(streams: Collection[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m common.topics",
        description="Create the topics of streams, where they are missing.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "streams",
        nargs="*",
        metavar="STREAM",
        type=_one_of(streams),
        help=f"one or more of: {', '.join(streams)} (default: all)",
    )
    parser.add_argument(
        "--grow",
        metavar="TOPIC=N",
        type=_size,
        action="append",
        default=[],
        help="give a topic N partitions (repeats)",
    )
    parser.add_argument("--dry-run", action="store_true", help="change nothing")
    return parser


def _one_of(names: Collection[str]) -> Callable[[str], str]:
    def read(name: str) -> str:
        if name not in names:
            raise argparse.ArgumentTypeError(f"no stream is called {name}; there are: {', '.join(names)}")
        return name

    return read


def _size(text: str) -> tuple[str, int]:
    name, _, number = text.rpartition("=")
    if not name or not number.isascii() or not number.isdigit() or int(number) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not TOPIC=N with a whole number N of at least 1")
    return name, int(number)
