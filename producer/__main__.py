"""python -m producer STREAM | all: generates events and sends them. Reads settings and options, runs the loop."""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext

import msgspec

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
from common.streams import load
from producer.batcher import Batcher
from producer.emitter import Emitter, Source
from producer.metrics import registry_of
from producer.progress import Progress

ALL = "all"
DESCRIPTION = (
    "Generate the events of a stream and send them to Kafka. Exit code 0: every event is acknowledged."
)
OF_ALL = (
    "Generate the events of all streams at once in one process. Limits hold for each stream; --rate for those that "
    "have no pace of their own. Options of streams come from the environment."
)


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Send events until the end, a limit or a signal; 1 if any event was not acknowledged."""
    streams = load(environ)
    args = _parser(streams, environ).parse_args(argv)
    limits = options_from(args, ProducerLimits)
    chosen = _chosen(streams, args, environ)
    settings = Settings.from_env(environ)
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
    endpoint = Endpoint.of(settings.service, health, registry_of(writer, args.stream), time.monotonic)
    with (
        closing(endpoint) if endpoint else nullcontext(),
        Progress(args.stream, sys.stderr, logging.getLogger("producer"), health) as progress,
    ):
        sources = [_source(stream, options, writer, limits, args.stream == ALL) for stream, options in chosen]
        emitter = Emitter(writer, sources, now_s=time.monotonic, stop=stop, progress=progress.show)
        health.set_ready(True, "sending")
        summary = emitter.run(limits)
    print(summary)
    if summary.failed and summary.error:
        sys.stderr.write(f"{summary.error}\n")
    return 1 if summary.failed else 0


def _chosen(
    streams: Mapping[str, Stream], args: argparse.Namespace, environ: Mapping[str, str]
) -> list[tuple[Stream, msgspec.Struct]]:
    """The streams to generate, each with its options. Raises SettingError."""
    if args.stream == ALL:
        generating = [stream for stream in streams.values() if stream.generate is not None]
        return [(stream, _options_of(stream, environ)) for stream in generating]
    stream = streams[args.stream]
    if stream.generate is None:
        raise SettingError(
            f"the stream {stream.name} generates no events: others send them to {stream.read_topics[0]}"
        )
    return [(stream, options_from(args, stream.options))]


def _options_of(stream: Stream, environ: Mapping[str, str]) -> msgspec.Struct:
    """What the environment says, and the defaults."""
    parser = argparse.ArgumentParser()
    add_options(parser, stream.options, environ, "stream options")
    return options_from(parser.parse_args([]), stream.options)


def _source(
    stream: Stream, options: msgspec.Struct, writer: BulkWriter, limits: ProducerLimits, keeps_pace: bool
) -> Source:
    """`keeps_pace`: the stream's own pace goes before --rate."""
    assert stream.generate is not None
    own = stream.pace(options) if stream.pace else None
    first, second = (own, limits.rate) if keeps_pace else (limits.rate, own)
    emissions = stream.generate(random.Random(limits.seed), options, time.time)
    return Source(emissions, Batcher(writer, headers_of(stream), time.time), first or second)


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
        _add_limits(command, environ)
        add_options(command, stream.options, environ, "stream options")
    _add_limits(commands.add_parser(ALL, help="all streams at once", description=OF_ALL), environ)
    return parser


def _add_limits(command: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    add_options(command, ProducerLimits, environ, "limits")
    command.add_argument("--check", action="store_true", help="try options and settings, send nothing")


if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:], environment())))
