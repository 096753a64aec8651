"""make chaos SEED=n MINUTES=m: seeded faults on real brokers, ClickHouse, sinks and transforms, then two audits."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from itertools import islice
from pathlib import Path

from rich.console import Console

from infra.local import interrupts
from infra.local.errors import StackFailed
from tests.chaos import sinks_part
from tests.chaos.schedule import BY_NAME, Round, listed, rounds
from tests.chaos.transforms import part as transforms_part
from tests.chaos.transforms import schedule as transforms_schedule
from tests.chaos.world import Interrupted, Stuck

EPILOG = f"""
Every fault and its moment are drawn from the seed: the same seed gives the same schedule (--plan prints it), and a
longer run begins with the rounds of a shorter one. What the machine does in between is its own: a failure of one seed
may need a few tries.

{listed()}

Lone faults come in turn with storms, in which the lanes sinks, brokers, clickhouse, network, distance and data overlap.
Sinks and producers reach the brokers through proxies, which make the way there and back long for a while (brokers-far).
Pauses are measured after lone faults. At the end everything is healed, awaited, and judged twice: by SQL against what
the producers know was acknowledged, and by `python -m consumer audit`.

The second half runs all streams with one to three transforms, whose requests to the brokers a proxy keeps, swallows and
stalls one by one; a process or a broker is hurt while a request of a transaction is in its hand. At the end plain
loops over what stock consumers read, which share no code with the streams, and the audit compare all of it.

{transforms_schedule.listed()}

exit code 0: nothing is missing, nothing repeated, no process ended by itself, every pause within its bar.
exit code 1: something is missing or repeated (the first wrong address is named), or one ended by itself (its last
words are among the remarks); all data and logs are kept.
exit code 2: the driver itself failed, or the flow did not come back; all data and logs are kept.
exit code 3: every row is right, a pause was longer than its bar (other work on the machine does that too).
exit code 130: interrupted.
"""
SINKS, TRANSFORMS = PARTS = ("sinks", "transforms")
KINDS = BY_NAME | transforms_schedule.BY_NAME
SOUND, WRONG, FAILED, TOO_SLOW, INTERRUPTED = 0, 1, 2, 3, 130
PLANNED = 12
DEFAULT_ROWS_PER_S = 15_000


def main(arguments: list[str]) -> int:
    """Run it."""
    chosen = _parser().parse_args(arguments)
    seed = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    console = Console(soft_wrap=True)
    if chosen.plan:
        _show_plan(seed, chosen, console)
        return SOUND
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
    """The chosen parts one after the other; each has its share of the time, on servers of its own."""
    without, replay = _left_out(chosen), _replay(seed, chosen)
    minutes = chosen.minutes / len(chosen.part)
    reports: list[sinks_part.Report | transforms_part.Report] = []
    with interrupts.raised():
        if SINKS in chosen.part:
            reports.append(
                sinks_part.run(seed, folder / SINKS, console, minutes, chosen.rate, without, replay)
            )
        if TRANSFORMS in chosen.part:
            reports.append(transforms_part.run(seed, folder / TRANSFORMS, console, minutes, without, replay))
    if chosen.report:
        chosen.report.write_text("\n".join(report.markdown() for report in reports), encoding="utf-8")
    for report in reports:
        console.print(report.verdict(), highlight=False, markup=False)
    if not all(report.is_sound for report in reports):
        return WRONG
    return TOO_SLOW if any(report.beyond_bars for report in reports) and not chosen.no_bars else SOUND


def _show_plan(seed: int, chosen: argparse.Namespace, console: Console) -> None:
    without = _left_out(chosen)
    plans = {SINKS: rounds(seed, without), TRANSFORMS: transforms_schedule.rounds(seed, without)}
    for part in chosen.part:
        for round_ in islice(plans[part], PLANNED):
            console.print(_told(round_), highlight=False)


def _told(round_: Round) -> str:
    kind = "storm" if round_.is_storm else "lone"
    strikes = (f"{strike.at_s:5.1f} s {strike.kind.name} {strike.lasts_s:.1f} s" for strike in round_.strikes)
    return "\n".join(
        [f"round {round_.number}, {kind}, {round_.sinks} sinks", *(f"  {each}" for each in strikes)]
    )


def _replay(seed: int, chosen: argparse.Namespace) -> str:
    """The command that gives the same schedule and load."""
    extra = f"--rate {chosen.rate:g} " if chosen.rate != DEFAULT_ROWS_PER_S else ""
    if len(chosen.part) == 1:
        extra += f"--part {chosen.part[0]} "
    if without := _left_out(chosen):
        extra += f"--without {','.join(sorted(without))} "
    return f"make chaos SEED={seed} MINUTES={chosen.minutes:g}" + (
        f' CHAOS="{extra.strip()}"' if extra else ""
    )


def _left_out(chosen: argparse.Namespace) -> frozenset[str]:
    return frozenset(chosen.without | (KINDS.keys() - chosen.only))


def _kinds(text: str) -> frozenset[str]:
    names = frozenset(text.split(","))
    if unknown := names - KINDS.keys():
        raise argparse.ArgumentTypeError(f"no fault {', '.join(unknown)}; there are {', '.join(KINDS)}")
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
    parser.add_argument(
        "--part",
        type=lambda text: (text,),
        choices=[(part,) for part in PARTS],
        default=PARTS,
        metavar="sinks|transforms",
        help="one half alone, with all the time (default: both, half the time each)",
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="of faults, more or less (default 5)")
    parser.add_argument(
        "--rate",
        type=float,
        default=DEFAULT_ROWS_PER_S,
        help=f"rows a second (default {DEFAULT_ROWS_PER_S:,})",
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report there as markdown")
    every, none = frozenset(KINDS), frozenset[str]()
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
