"""python -m infra.demo: five streams through three brokers into ClickHouse, two processes killed, an audit.

DEMO_SECONDS (30) is how long the producer sends. Exit code 0 only if the audit finds nothing missing, nothing repeated.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from common.clickhouse_io.questions import Answer, Asker
from common.errors import SettingError
from common.kafka_io.overview import connect_overview
from common.process.run import run
from common.settings.config import Settings, environment
from common.streams import STREAMS
from consumer.groups import sink_group, transform_group
from infra.demo.asked import ASKED, FIRST
from infra.demo.memory import pss_bytes
from infra.demo.services import Services
from infra.demo.view import View
from infra.local import interrupts
from infra.local.errors import StackFailed
from infra.local.stack import Stack

REPOSITORY = Path(__file__).resolve().parents[2]
EVENTS_PER_S = 200
KILL_AFTER = {"transformer-1": 0.3, "consumer-1": 0.5}  # of the time that the producer sends
MEMBERS = {"transformer": "transform", "consumer": "sink"}
OURS = {
    "KAFKA_GROUP_ID": "demo",
    "KAFKA_SESSION_TIMEOUT_S": "6",
    "LOG_FORMAT": "text",
    "VISITS_WINDOW_S": "10",
    "VISITS_GRACE_S": "3",
}
SHOWN_ROWS = 8
FINISH_S = 60.0


def main(arguments: list[str]) -> int:
    """Run the demo; its data and logs stay in var/demo until the next one."""
    parser = argparse.ArgumentParser(prog="python -m infra.demo", description=__doc__)
    parser.parse_args(arguments)
    environ, console = environment(), Console()
    seconds = _seconds(environ)
    folder = REPOSITORY / "var" / "demo"
    stack = Stack(folder)
    stack.down()  # of a demo that was killed
    stack.wipe()
    stack = Stack.on_free_ports(folder)
    services = Services(folder, _inherited(environ) | stack.environment() | OURS)
    try:
        with interrupts.raised():
            stack.up(lambda step: console.print(f"[dim]{step}[/dim]"))
            return _show(console, services, Settings.from_env(stack.environment() | OURS), seconds)
    except StackFailed as error:
        raise SystemExit(f"{error} (logs: {folder}/logs)") from None
    finally:
        services.stop()
        stack.down(lambda step: console.print(f"[dim]{step}[/dim]"))


def _seconds(environ: Mapping[str, str]) -> float:
    text = environ.get("DEMO_SECONDS") or "30"
    if not text.isdigit() or int(text) < 5:
        raise SettingError(f"DEMO_SECONDS={text}: a whole number of seconds, 5 or more")
    return float(text)


def _inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without settings that point somewhere else."""
    foreign = ("KAFKA_", "CLICKHOUSE_", "BOOTSTRAP_", "BATCH_", "HTTP_", "PRODUCER_", "TRANSACTION_")
    return {name: value for name, value in environ.items() if not name.startswith(foreign)}


def _show(console: Console, services: Services, settings: Settings, seconds: float) -> int:
    for words in (("-m", "common.topics"), ("-m", "consumer", "migrate")):
        if services.command(*words).returncode:
            raise SystemExit(f"python {' '.join(words)} failed")
    for name, command in MEMBERS.items():
        for number in (1, 2):
            services.start(f"{name}-{number}", "-m", "consumer", command)
    sending = ("--rate", str(EVENTS_PER_S), "--seconds", str(seconds))
    services.start("producer", "-m", "producer", "all", *sending)
    overview = connect_overview(settings.kafka, now_s=time.monotonic, sleep=time.sleep)
    asker = Asker(settings.clickhouse)
    groups = sink_group(settings), transform_group(settings)
    view = View(list(STREAMS.values()), *groups, overview, asker, time.monotonic)
    most_bytes = 0
    with Live(console=console, refresh_per_second=4, transient=False) as live:
        for _ in _ticks(services, view, seconds):
            live.update(view.draw())
            most_bytes = max(most_bytes, pss_bytes())
    console.print("", services.log_of("producer"), sep="\n", highlight=False)
    _answer_all(console, asker)
    overview.close()
    asker.close()
    console.print(f"All processes together took {most_bytes / 2**30:.2f} GiB of memory (PSS) at most.")
    console.print("[bold]The audit: what Kafka holds, against what transforms and tables made of it.[/bold]")
    return services.command("-m", "consumer", "audit", "--wait", "60").returncode


def _ticks(services: Services, view: View, seconds: float) -> Iterator[None]:
    """One a second until the producer has ended and its events are done; on the way two processes are killed."""
    kills = {name: time.monotonic() + seconds * share for name, share in KILL_AFTER.items()}
    over_s = time.monotonic() + seconds + FINISH_S
    while not services.has_ended("producer") or (view.is_behind and time.monotonic() < over_s):
        for name in [name for name, at_s in kills.items() if time.monotonic() >= at_s]:
            del kills[name]
            services.kill(name)
            view.notes.append(
                f"kill -9 {services.pid(name)}: {name} is gone without a word. Kafka notices after its session, "
                f"and {name[:-1]}2 takes over: it recovers what was in flight."
            )
        if failed := services.failed():
            raise SystemExit(f"{failed[0]} ended with an error:\n{services.log_of(failed[0])}")
        yield
        time.sleep(1)


def _answer_all(console: Console, asker: Asker) -> None:
    first: object = None
    for asked in ASKED:
        parameters = {name: first if value is FIRST else value for name, value in asked.parameters.items()}
        stream = STREAMS[asked.stream]
        (question,) = (each for each in stream.questions if each.name == asked.question)
        answer = asker.answer(stream, question, parameters)
        first = answer.rows[0][0] if answer.rows else 0
        given = "".join(f" {name} = {value}" for name, value in parameters.items())
        console.print("", f"[bold]{stream.name} {question.name}{given}[/bold]: {question.help}", sep="\n")
        console.print(_table(answer))


def _table(answer: Answer) -> Table:
    """The first rows of an answer."""
    table = Table(*answer.columns)
    for row in answer.rows[:SHOWN_ROWS]:
        table.add_row(*map(str, row))
    if len(answer.rows) > SHOWN_ROWS:
        table.add_row(f"… {len(answer.rows)} rows in all")
    return table


if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:])))
