"""python -m producer STREAM: generates a stream's events and sends them. Reads settings and options, runs the loop."""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from common.errors import SettingError
from common.kafka_io.writer import BulkWriter, connect_writer
from common.model.headers import headers_of
from common.model.stream import Stream
from common.process.endpoint import Endpoint
from common.process.health import Health
from common.process.log import quieten_kafka, setup_logging
from common.process.run import run, stop_on_signals
from common.settings.config import Settings, check, environment
from common.settings.limits import ProducerLimits
from common.settings.options import add_options, options_from
from common.settings.parts import ServiceSettings
from common.streams import load
from producer.batcher import Batcher
from producer.emitter import Emitter
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
    limits, options = options_from(args, ProducerLimits), options_from(args, stream.options)
    settings = Settings.from_env(environ)
    if stream.generate is None:
        raise SettingError(
            f"the stream {stream.name} generates no events: others send them to {', '.join(stream.read_topics[:1])}"
        )
    if args.check:
        check(environ)
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
        batcher = Batcher(writer, headers_of(stream), time.time)
        emitter = Emitter(writer, batcher, now_s=time.monotonic, stop=stop, progress=progress.show)
        events = stream.generate(random.Random(limits.seed), options, time.time)
        health.set_ready(True, "sending")
        summary = emitter.run(events, limits)
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
        add_options(command, ProducerLimits, environ, "limits")
        add_options(command, stream.options, environ, "stream options")
        command.add_argument("--check", action="store_true", help="try options and settings, send nothing")
    return parser


if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:], environment())))
