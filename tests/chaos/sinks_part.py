"""One run of the half with sinks: rounds, the end, both judges, the report."""

from __future__ import annotations

import signal
from collections.abc import Set
from itertools import chain
from pathlib import Path

from rich.console import Console

from tests.chaos.check import SHOWN, Check, Result
from tests.chaos.conductor import Conductor
from tests.chaos.report import Report
from tests.chaos.schedule import rounds
from tests.chaos.trace import lines_about
from tests.chaos.world import World

__all__ = ["Report", "run"]
AUDIT_WAIT_S = 30.0


def run(
    seed: int,
    folder: Path,
    console: Console,
    minutes: float,
    rows_per_s: float,
    without: Set[str],
    replay: str,
) -> Report:
    """Everything. Raises Stuck, StackFailed, Interrupted."""
    with World(seed, folder, console, rows_per_s) as world:
        conductor = Conductor(world)
        signal.signal(signal.SIGINT, lambda *_: world.stop.set())
        plan = rounds(seed, world.not_here | without)
        first = next(plan)
        world.begin(first.sinks)
        begun_s = world.journal.now_s
        conductor.run(chain([first], plan), begun_s + 60 * minutes)
        took_s = world.journal.now_s - begun_s
        world.finish()
        world.journal.say("comparing the table with the ledger")
        check = Check(world.pipeline.clickhouse, world.pipeline.table, world.ledger)
        result = check.run(world.stack.bootstrap_servers, world.pipeline.dead_topic)
        audit = world.pipeline.audit(AUDIT_WAIT_S, **world.stack.environment())
        report = Report(
            replay,
            took_s,
            conductor.rounds,
            world.journal,
            result,
            audit.report,
            audit.exit_code,
            world.crew.started,
            len(world.crew.ended_by_themselves),
            world.cluster.partitions,
            sum(producer.replaced for producer in world.load.producers),
            conductor.not_begun,
        )
        _show(report, result, world, console, audit.said)
    return report


def _show(report: Report, result: Result, world: World, console: Console, said: str) -> None:
    def tell(text: str) -> None:
        console.print(text, highlight=False, markup=False)

    tell(f"\n{report.markdown()}")
    for finding in result.findings[:SHOWN]:
        tell(str(finding))
    if result.findings:
        first = result.findings[0]
        tell(f"\nthe sinks' lines about {first}")
        where = f"{world.pipeline.topic}/{first.partition}"
        for text in lines_about(world.pipeline.folder, where, first.offset):
            tell(text)
    if not report.is_sound:
        tell(said)
    for line in report.beyond_bars:
        tell(f"{line.kind}: paused for {max(line.pauses_s):.1f} s, the bar is {line.bar_s:g} s")
