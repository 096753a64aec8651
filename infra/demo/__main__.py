"""python -m infra.demo: five streams through three brokers into ClickHouse, two processes killed, an audit.

DEMO_SECONDS (30) is how long the producer sends; 0: until Ctrl-C. Pages show it live, at the address that is printed.
Exit code 0 only if the audit finds nothing missing, nothing repeated.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from common.clickhouse_io.questions import Asker
from common.commits.groups import sink_group, transform_group
from common.errors import SettingError
from common.kafka_io.overview import connect_overview
from common.kafka_io.writer import connect_writer
from common.model.question import Answer
from common.process.run import run
from common.settings.config import Settings, environment
from common.streams import STREAMS
from infra.demo.asked import ASKED, FIRST
from infra.demo.memory import pss_bytes
from infra.demo.services import Services
from infra.demo.story import Kills, Patience, send_bad
from infra.demo.view import View
from infra.local import interrupts, ports
from infra.local.errors import StackFailed
from infra.local.stack import Stack

REPOSITORY = Path(__file__).resolve().parents[2]
EVENTS_PER_S = 200
MEMBERS = {
    f"{name}-{number}": ("-m", "consumer", command)
    for name, command in (("transformer", "transform"), ("consumer", "sink"))
    for number in (1, 2)
}
OURS = {
    "KAFKA_GROUP_ID": "demo",
    "KAFKA_SESSION_TIMEOUT_S": "6",
    "LOG_FORMAT": "text",
    "VISITS_WINDOW_S": "10",
    "VISITS_GRACE_S": "3",
}
AUDIT_EVERY_S = 10
API_PORT = 8000
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
    if not text.isdigit() or 0 < int(text) < 5:
        raise SettingError(f"DEMO_SECONDS={text}: a whole number of seconds, 5 or more; 0: until Ctrl-C")
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
        services.start(name, *command)
    services.start("auditor", "-m", "consumer", "audit", "--every", str(AUDIT_EVERY_S))
    page = f"http://127.0.0.1:{ports.free_or_other(API_PORT)}"
    services.start("api", "-m", "api", HTTP_PORT=page.rpartition(":")[2])
    console.print(
        f"[bold]Watch it live: {page}[/bold]\n"
        f"brokers: {','.join(settings.kafka.bootstrap_servers)}; "
        f"ClickHouse: {settings.clickhouse.host}:{settings.clickhouse.port}\n"
        f"{f'It ends after {seconds:g} s' if seconds else 'Ctrl-C ends it'}; then everything is audited.",
        highlight=False,
    )
    lasting = ("--seconds", str(seconds)) if seconds else ()
    services.start("producer", "-m", "producer", "all", "--rate", str(EVENTS_PER_S), *lasting)
    bad = _send_bad(settings)
    overview = connect_overview(settings.kafka, now_s=time.monotonic, sleep=time.sleep)
    asker = Asker(settings.clickhouse)
    groups = sink_group(settings), transform_group(settings)
    view = View(list(STREAMS.values()), *groups, overview, asker, time.monotonic)
    most_bytes = 0
    with Live(console=console, refresh_per_second=4, transient=False) as live:
        kills = Kills(services, MEMBERS, lambda note: console.print(note, highlight=False))
        with interrupts.asked(once=not seconds) as asked:
            for _ in _ticks(services, view, kills, asked):
                live.update(view.draw(f"live: {page}"))
                most_bytes = max(most_bytes, pss_bytes())
    console.print("", services.log_of("producer"), sep="\n", highlight=False)
    console.print(f"\n[bold]Dead letters of the {bad} bad messages that the demo has sent[/bold]")
    services.command("-m", "consumer", "letters")
    _answer_all(console, asker)
    overview.close()
    asker.close()
    console.print(f"All processes together took {most_bytes / 2**30:.2f} GiB of memory (PSS) at most.")
    console.print("[bold]The audit: what Kafka holds, against what transforms and tables made of it.[/bold]")
    return services.command("-m", "consumer", "audit", "--wait", "60").returncode


def _send_bad(settings: Settings) -> int:
    writer = connect_writer(
        settings.kafka,
        max_message_bytes=settings.topics.max_message_bytes,
        now_s=time.monotonic,
        sleep=time.sleep,
    )
    try:
        return send_bad(writer, STREAMS.values(), unix_ms=int(time.time() * 1000))
    finally:
        writer.close(1.0)


def _ticks(services: Services, view: View, kills: Kills, asked: threading.Event) -> Iterator[None]:
    """One a second until the producer has ended and its events are done, or no more are done for a minute.

    `asked`: somebody asked for the end, so the producer ends.
    """
    started_s = time.monotonic()
    patience = Patience(FINISH_S)
    has_ended = False
    while not has_ended or (view.is_behind and patience.is_left(view.lag, time.monotonic())):
        has_ended = has_ended or services.has_ended("producer")
        if asked.is_set() and not has_ended:
            kills.tell("Ctrl-C: the producer ends; what it has sent is finished and audited.")
            services.end("producer")
        elif not has_ended:
            kills.look(time.monotonic() - started_s, view.partitions)
        if failed := services.failed():
            raise SystemExit(f"{failed[0]} ended with an error:\n{services.log_of(failed[0])}")
        yield
        asked.wait(0 if asked.is_set() else 1)
        if asked.is_set():
            time.sleep(0.5)


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
