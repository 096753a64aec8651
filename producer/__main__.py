"""python -m producer STREAM: generates a stream's events and sends them. Reads settings and options, runs the loop."""

from __future__ import annotations

import argparse
import logging
import math
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from common.errors import SettingError
from common.kafka_io.writer import BulkWriter, connect_writer
from common.model.stream import Stream
from common.process.endpoint import Endpoint
from common.process.health import Health
from common.process.log import quieten_kafka, setup_logging
from common.process.run import run, stop_on_signals
from common.settings.config import Settings, environment
from common.settings.options import add_options, options_from
from common.settings.parts import ServiceSettings
from common.streams import load
from producer.batcher import Lanes, headers_of
from producer.emitter import Emitter, Limits
from producer.metrics import registry_of
from producer.progress import Progress

DESCRIPTION = (
    "Generate the events of a stream and send them to Kafka. Exit code 0: every event is acknowledged."
)


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Send events until the end, a limit or a signal; 1 if any event was not acknowledged."""
    streams = load(environ)
    args = _parser(streams, environ).parse_args(argv)
    stream = streams[args.stream]
    options = options_from(args, stream.options)
    settings = Settings.from_env(environ)
    if args.check:
        print("all settings are allowed")
        return 0
    setup_logging("producer", settings.service)
    health = Health(time.monotonic())
    writer = connect_writer(
        settings.kafka,
        max_message_bytes=settings.topics.max_message_bytes,
        now_s=time.monotonic,
        sleep=time.sleep,
    )
    stop = stop_on_signals()  # from here on there is something to flush
    quieten_kafka()
    with (
        _endpoint(settings.service, health, writer, stream),
        Progress(stream.name, sys.stderr, logging.getLogger("producer"), health) as progress,
    ):
        lanes = Lanes(writer, headers_of(stream), time.time)
        emitter = Emitter(writer, lanes, now_s=time.monotonic, stop=stop, progress=progress.show)
        events = stream.generate(random.Random(args.seed), options, time.time)
        health.set_ready(True, "sending")
        summary = emitter.run(events, Limits(events=args.events, rate=args.rate, seconds=args.seconds))
    print(summary)
    if summary.failed and summary.error:
        sys.stderr.write(f"{summary.error}\n")
    return 1 if summary.failed else 0


@contextmanager
def _endpoint(
    settings: ServiceSettings, health: Health, writer: BulkWriter, stream: Stream
) -> Iterator[None]:
    """/health, /ready and /metrics while the block runs, if HTTP_PORT is set."""
    if settings.http_port is None:
        yield
        return
    registry = registry_of(writer, stream.name)
    endpoint = Endpoint(health, registry, time.monotonic, settings.http_host, settings.http_port)
    try:
        yield
    finally:
        endpoint.close()


def _parser(streams: Mapping[str, Stream], environ: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m producer",
        description=f"{DESCRIPTION} Settings come from the environment and .env: python -m common.config shows them.",
    )
    commands = parser.add_subparsers(dest="stream", required=True, metavar="STREAM")
    for name, stream in streams.items():
        topics = ", ".join(stream.topics)
        command = commands.add_parser(
            name, help=f"its topics: {topics}", description=f"{DESCRIPTION} ({topics})"
        )
        limits = command.add_argument_group("limits", "without any, it goes on until it is stopped")
        for flag, variable, kind, text in LIMITS:
            limits.add_argument(
                flag,
                type=kind,
                default=_from(environ, variable, kind),
                metavar="N",
                help=f"{text} (variable {variable})",
            )
        add_options(command, stream.options, environ)
        command.add_argument("--check", action="store_true", help="try options and settings, send nothing")
    return parser


def _from(environ: Mapping[str, str], variable: str, kind: Callable[[str], float]) -> float | None:
    text = environ.get(variable)
    try:
        return kind(text) if text else None
    except argparse.ArgumentTypeError as error:
        raise SettingError(f"{variable}: {error}") from None


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


LIMITS: tuple[tuple[str, str, Callable[[str], float], str], ...] = (
    ("--events", "PRODUCER_EVENTS", _whole, "stop after so many events"),
    ("--rate", "PRODUCER_RATE", _number, "events a second; without it as fast as possible"),
    ("--seconds", "PRODUCER_SECONDS", _number, "stop after so many seconds"),
    ("--seed", "PRODUCER_SEED", _whole, "generate the same events every time"),
)

if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:], environment())))
