"""A sink or a source in a process of its own, for sections that look at it from outside.

python -m tests.bench.serve sink TOPIC_PARTITIONS PURPOSE: until SIGTERM, with the default settings.
python -m tests.bench.serve source … --rate 1000 --seconds 30: points that bear the time, through the producer's loop.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time
from typing import Any

from common.kafka_io.writer import connect_writer
from common.model.headers import headers_of
from common.process.run import Stop, stop_on_signals
from common.settings.config import Settings, environment
from common.settings.limits import ProducerLimits
from producer.batcher import Batcher
from producer.emitter import Emitter, Source
from tests.bench import sinks
from tests.bench.streams import PAYLOADS, NoOptions, Payload, stamped


def sink(settings: Settings, payload: Payload, stop: Stop) -> None:
    """A sink of a group of its own."""
    with sinks.running(settings, payload, "sink") as loop:
        loop.run(stop.is_set)


def source(settings: Settings, payload: Payload, stop: Stop, rate: float, seconds: float) -> int:
    """Events at a rate; returns how many were not acknowledged."""
    clocks: dict[str, Any] = {"now_s": time.monotonic, "sleep": time.sleep}
    writer = connect_writer(settings.kafka, max_message_bytes=1_000_000, **clocks)
    batcher = Batcher(writer, headers_of(payload.stream), time.time)
    events = stamped(random.Random(0), NoOptions(), time.time)
    named = (event._replace(topic=payload.feed.topic) for event in events)
    sources = [Source(named, batcher, rate)]
    emitter = Emitter(writer, sources, now_s=time.monotonic, stop=stop, progress=lambda *_: None)
    summary = emitter.run(ProducerLimits(seconds=seconds))
    print(summary.acknowledged)
    return summary.failed


def main(argv: list[str]) -> int:
    """Run until told to stop, or until the seconds are over."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.serve", description=__doc__)
    parser.add_argument("role", choices=("sink", "source"))
    parser.add_argument("partitions", type=int)
    parser.add_argument("purpose")
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    chosen = parser.parse_args(argv)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    settings, stop = Settings.from_env(environment()), stop_on_signals()
    payload = PAYLOADS["small"].on(chosen.partitions, chosen.purpose)
    if chosen.role == "sink":
        sink(settings, payload, stop)
        return 0
    return 1 if source(settings, payload, stop, chosen.rate, chosen.seconds) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
