"""python -m infra.demo: Collatz walks through three brokers into ClickHouse, a consumer killed on the way, an audit.

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

from common.clickhouse_io.questions import Asker
from common.errors import SettingError
from common.kafka_io.overview import connect_overview
from common.model.stream import Stream
from common.process.run import run
from common.settings.config import Settings, environment
from common.streams import STREAMS
from consumer.groups import sink_group
from infra.demo.services import Services
from infra.demo.view import View
from infra.local import interrupts
from infra.local.errors import StackFailed
from infra.local.stack import Stack

REPOSITORY = Path(__file__).resolve().parents[2]
EVENTS_PER_S = 300
KILL_AFTER = 0.4  # of the time that the producer sends
CONSUMERS = ("consumer-1", "consumer-2")
ASKED = {"longest_step_chain": {}, "highest_value": {}, "part": {"x": 1024}, "steps": {"n": 27}}
SHOWN_ROWS = 3


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
    settings_of_ours = {"KAFKA_GROUP_ID": "demo", "KAFKA_SESSION_TIMEOUT_S": "6", "LOG_FORMAT": "text"}
    services = Services(folder, _inherited(environ) | stack.environment() | settings_of_ours)
    try:
        with interrupts.raised():
            stack.up(lambda step: console.print(f"[dim]{step}[/dim]"))
            return _show(
                console, services, Settings.from_env(stack.environment() | settings_of_ours), seconds
            )
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
    foreign = ("KAFKA_", "CLICKHOUSE_", "BOOTSTRAP_", "BATCH_", "HTTP_", "PRODUCER_")
    return {name: value for name, value in environ.items() if not name.startswith(foreign)}


def _show(console: Console, services: Services, settings: Settings, seconds: float) -> int:
    stream = STREAMS["collatz"]
    for words in (("-m", "common.topics"), ("-m", "consumer", "migrate")):
        if services.command(*words).returncode:
            raise SystemExit(f"python {' '.join(words)} failed")
    for name in CONSUMERS:
        services.start(name, "-m", "consumer", "sink")
    services.start(
        "producer", "-m", "producer", stream.name, "--rate", str(EVENTS_PER_S), "--seconds", str(seconds)
    )
    overview = connect_overview(settings.kafka, now_s=time.monotonic, sleep=time.sleep)
    asker = Asker(settings.clickhouse)
    view = View(stream, sink_group(settings), overview, asker, time.monotonic)
    with Live(console=console, refresh_per_second=4, transient=False) as live:
        for _ in _ticks(services, view, seconds):
            live.update(view.draw())
    console.print("", services.log_of("producer"), sep="\n", highlight=False)
    for told, answer in _answers(stream, asker):
        console.print("", told, answer, sep="\n")
    overview.close()
    asker.close()
    console.print("[bold]The audit: what Kafka holds, against what the table holds.[/bold]")
    return services.command("-m", "consumer", "audit", stream.name, "--wait", "60").returncode


def _ticks(services: Services, view: View, seconds: float) -> Iterator[None]:
    """One a second until the producer has ended; on the way the first consumer is killed."""
    kill_s, killed = time.monotonic() + seconds * KILL_AFTER, False
    while not services.has_ended("producer"):
        if not killed and time.monotonic() >= kill_s:
            services.kill(CONSUMERS[0])
            killed = True
            view.note = (
                f"kill -9 {services.pid(CONSUMERS[0])}: {CONSUMERS[0]} is gone without a word. Kafka notices after "
                f"its session timeout; then {CONSUMERS[1]} takes over and recovers what was in flight."
            )
        if failed := services.failed():
            raise SystemExit(f"{failed[0]} ended with an error:\n{services.log_of(failed[0])}")
        yield
        time.sleep(1)


def _answers(stream: Stream, asker: Asker) -> Iterator[tuple[str, Table]]:
    for question in stream.questions:
        parameters = ASKED[question.name]
        rows = asker.ask(stream, question, parameters)
        asked = "".join(f" {name} = {value}" for name, value in parameters.items())
        table = Table(show_header=False)
        for row in rows[:SHOWN_ROWS]:
            table.add_row(*map(str, row))
        if len(rows) > SHOWN_ROWS:
            table.add_row(f"… {len(rows)} rows in all")
        yield f"[bold]{question.name}{asked}[/bold]: {question.help}", table


if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:])))
