"""make chaos SEED=n MINUTES=m: seeded faults on real brokers, a real ClickHouse and real sinks, then two audits."""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
from itertools import chain, islice
from pathlib import Path

from rich.console import Console

from infra.local import interrupts
from infra.local.errors import StackFailed
from tests.chaos.check import SHOWN, Check, Result
from tests.chaos.conductor import Conductor
from tests.chaos.report import Report
from tests.chaos.schedule import BY_NAME, Round, listed, rounds
from tests.chaos.trace import lines_about
from tests.chaos.world import Interrupted, Stuck, World

EPILOG = f"""
Every fault and its moment are drawn from the seed: the same seed gives the same schedule (--plan prints it), and a
longer run begins with the rounds of a shorter one. What the machine does in between is its own: a failure of one seed
may need a few tries.

{listed()}

Lone faults come in turn with storms, in which the lanes sinks, brokers, clickhouse, network, distance and data overlap.
Sinks and producers reach the brokers through proxies, which make the way there and back long for a while (brokers-far).
Pauses are measured after lone faults. At the end everything is healed, awaited, and judged twice: by SQL against what
the producers know was acknowledged, and by `python -m consumer audit`.

exit code 0: nothing is missing, nothing repeated, no sink ended by itself, every pause within its bar.
exit code 1: something is missing or repeated (the first wrong address is named), or a sink ended by itself (its last
words are among the remarks); all data and logs are kept.
exit code 2: the driver itself failed, or the flow did not come back; all data and logs are kept.
exit code 3: every row is right, a pause was longer than its bar (other work on the machine does that too).
exit code 130: interrupted.
"""
SOUND, WRONG, FAILED, TOO_SLOW, INTERRUPTED = 0, 1, 2, 3, 130
PLANNED = 12
AUDIT_WAIT_S = 30.0
DEFAULT_ROWS_PER_S = 15_000


def main(arguments: list[str]) -> int:
    """Run it."""
    chosen = _parser().parse_args(arguments)
    seed = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    console = Console(soft_wrap=True)
    if chosen.plan:
        for round_ in islice(rounds(seed, _left_out(chosen)), PLANNED):
            console.print(_told(round_), highlight=False)
        return 0
    replay = _replay(seed, chosen)
    console.print(f"seed {seed}; again: {replay}", highlight=False)
    folder = Path(tempfile.mkdtemp(prefix=f"penstock-chaos-{seed}-"))
    try:
        code = _run(seed, folder, chosen, console)
    except (Stuck, StackFailed, TimeoutError) as error:
        console.print(f"FAILED: {error}\nagain: {replay}", highlight=False, markup=False)
        code = FAILED
    except (Interrupted, KeyboardInterrupt, SystemExit):
        console.print("interrupted")
        code = INTERRUPTED
    except Exception:
        console.print_exception(width=200)
        console.print(f"FAILED; again: {replay}", highlight=False)
        code = FAILED
    if code in (SOUND, INTERRUPTED, TOO_SLOW) and not chosen.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        console.print(f"data, logs and events.jsonl: {folder}", highlight=False)
    return code


def _run(seed: int, folder: Path, chosen: argparse.Namespace, console: Console) -> int:
    with interrupts.raised(), World(seed, folder, console, chosen.rate) as world:
        conductor = Conductor(world)
        signal.signal(signal.SIGINT, lambda *_: world.stop.set())
        plan = rounds(seed, world.not_here | _left_out(chosen))
        first = next(plan)
        world.begin(first.sinks)
        begun_s = world.journal.now_s
        conductor.run(chain([first], plan), begun_s + 60 * chosen.minutes)
        took_s = world.journal.now_s - begun_s
        world.finish()
        world.journal.say("comparing the table with the ledger")
        check = Check(world.pipeline.clickhouse, world.pipeline.table, world.ledger)
        result = check.run(world.stack.bootstrap_servers, world.pipeline.dead_topic)
        audit = world.pipeline.audit(AUDIT_WAIT_S, **world.stack.environment())
        report = Report(
            _replay(seed, chosen),
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
    if chosen.report:
        chosen.report.write_text(report.markdown(), encoding="utf-8")
    if not report.is_sound:
        return WRONG
    return TOO_SLOW if report.beyond_bars and not chosen.no_bars else SOUND


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
    tell(report.verdict())


def _told(round_: Round) -> str:
    kind = "storm" if round_.is_storm else "lone"
    strikes = (f"{strike.at_s:5.1f} s {strike.kind.name} {strike.lasts_s:.1f} s" for strike in round_.strikes)
    return "\n".join(
        [f"round {round_.number}, {kind}, {round_.sinks} sinks", *(f"  {each}" for each in strikes)]
    )


def _replay(seed: int, chosen: argparse.Namespace) -> str:
    """The command that gives the same schedule and load."""
    extra = f"--rate {chosen.rate:g} " if chosen.rate != DEFAULT_ROWS_PER_S else ""
    if without := _left_out(chosen):
        extra += f"--without {','.join(sorted(without))} "
    return f"make chaos SEED={seed} MINUTES={chosen.minutes:g}" + (
        f' CHAOS="{extra.strip()}"' if extra else ""
    )


def _left_out(chosen: argparse.Namespace) -> frozenset[str]:
    return frozenset(chosen.without | (BY_NAME.keys() - chosen.only))


def _kinds(text: str) -> frozenset[str]:
    names = frozenset(text.split(","))
    if unknown := names - BY_NAME.keys():
        raise argparse.ArgumentTypeError(f"no fault {', '.join(unknown)}; there are {', '.join(BY_NAME)}")
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--seed", type=int, help="of an earlier run, to repeat its faults (default: a new one)"
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="of faults, more or less (default 5)")
    parser.add_argument(
        "--rate",
        type=float,
        default=DEFAULT_ROWS_PER_S,
        help=f"rows a second (default {DEFAULT_ROWS_PER_S:,})",
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report there as markdown")
    every, none = frozenset(BY_NAME), frozenset[str]()
    parser.add_argument(
        "--only", type=_kinds, default=every, metavar="KIND,…", help="these faults and no others"
    )
    parser.add_argument("--without", type=_kinds, default=none, metavar="KIND,…", help="all faults but these")
    parser.add_argument(
        "--no-bars",
        action="store_true",
        help="long pauses are told but no failure: on a machine with other work to do",
    )
    parser.add_argument("--keep", action="store_true", help="keep data and logs, whatever comes out")
    parser.add_argument("--plan", action="store_true", help=f"print the first {PLANNED} rounds, do nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
