"""One run of the half with transforms: storms, the end, both judges, the report."""

from __future__ import annotations

import signal
from collections.abc import Set
from itertools import chain
from pathlib import Path

from clickhouse_driver import Client
from rich.console import Console

from tests.chaos.transforms.check import Check, judge_audit
from tests.chaos.transforms.conductor import Conductor
from tests.chaos.transforms.report import Report
from tests.chaos.transforms.schedule import rounds, workers
from tests.chaos.transforms.world import WINDOW_S, TransformWorld

__all__ = ["Report", "run"]
AUDIT_WAIT_S = 90.0


def run(seed: int, folder: Path, console: Console, minutes: float, without: Set[str], replay: str) -> Report:
    """Everything. Raises Stuck, StackFailed, Interrupted."""
    with TransformWorld(seed, folder, console) as world:
        conductor = Conductor(world)
        signal.signal(signal.SIGINT, lambda *_: world.stop.set())
        plan = rounds(seed, without)
        first = next(plan)
        world.begin(workers(0.0), first.sinks)
        begun_s = world.journal.now_s
        conductor.run(chain([first], plan), begun_s + 60 * minutes)
        took_s = world.journal.now_s - begun_s
        world.finish()
        world.journal.say("the audit waits for the sinks, and looks")
        audit = world.audit(AUDIT_WAIT_S)
        world.journal.say("plain loops over topics and tables compare them with the ledger")
        client = Client(world.stack.clickhouse_host, port=world.stack.clickhouse_port)
        check = Check(client, world.stack.bootstrap_servers, world.ledger, round(WINDOW_S * 1000))
        result = check.run()
        client.disconnect()
        audited = judge_audit(audit.exit_code, audit.report, result.events)
        if audited:
            world.journal.say(audit.said)
        report = Report(
            replay,
            took_s,
            conductor.rounds,
            world.journal,
            result,
            audited,
            world.ledger.unknown,
            world.transforms.started,
            world.sinks.started,
            len(world.ended_by_themselves),
            conductor.not_begun,
        )
        console.print(f"\n{report.markdown()}", highlight=False, markup=False)
    return report
