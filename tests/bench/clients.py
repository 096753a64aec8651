"""`python -m tests.bench.clients`: our bulk reader and writer beside kafka-python's own, on a stack of their own.

Every figure is the best of three, in messages a second and a CPU-second of this process.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from common.kafka_io.admin import connect_admin
from common.kafka_io.batches import CompiledBatch, decode_compiled, decode_pure
from common.kafka_io.connection import connect, consumer_options, producer_options
from common.kafka_io.reader import BulkConsumer
from common.kafka_io.sealed import COMPILED_BUILDER, Encoder
from common.kafka_io.writer import BulkWriter
from common.settings import KafkaSettings, TopicSettings
from common.topics import data_topic
from infra.local.stack import Stack

TOPIC = "bench-clients"
PARTITIONS = 4
SLICE = 5_000
STOCK_SHARE = 10
"""kafka-python's own path gets a tenth of the messages."""

Measured = tuple[int, float, float]


def measured(run: Callable[[], int]) -> Measured:
    """Messages, seconds and CPU-seconds of one run."""
    start_s, start_cpu_s = time.monotonic(), time.process_time()
    return run(), time.monotonic() - start_s, time.process_time() - start_cpu_s


def values(messages: int) -> list[bytes]:
    """67 bytes of JSON each."""
    return [
        b'{"number": %011d, "value": %011d, "at": 1795000000000}' % (n, n * 7919) for n in range(messages)
    ]


def write_bulk(writer: BulkWriter, messages: list[bytes]) -> int:
    """Through the bulk writer, until everything is acknowledged."""
    before = writer.acknowledged
    for first in range(0, len(messages), SLICE):
        writer.wait_for_room(60.0)
        partition = first // SLICE % PARTITIONS
        writer.send(TOPIC, partition, messages[first : first + SLICE], timestamp_ms=int(time.time() * 1000))
    assert writer.flush(60.0) and not writer.failed
    return writer.acknowledged - before


def write_stock(producer: KafkaProducer, messages: list[bytes]) -> int:
    """Through send(), until everything is acknowledged."""
    for index, value in enumerate(messages):
        producer.send(TOPIC, value, partition=index // SLICE % PARTITIONS)
    producer.flush(timeout=120)
    return len(messages)


def read(consumer: KafkaConsumer, count: Callable[[list], int], most: int) -> int:
    """`most` messages or more from the beginning."""
    tps = [TopicPartition(TOPIC, partition) for partition in range(PARTITIONS)]
    consumer.assign(tps)
    for tp in tps:
        consumer.seek(tp, 0)
    found = 0
    while found < most:
        found += sum(map(count, consumer.poll(1000).values()))
    return found


def main(argv: list[str]) -> None:
    """Start a stack, measure, print a line a measurement."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.clients", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    messages = values(parser.parse_args(argv).messages)
    with tempfile.TemporaryDirectory() as folder, Stack.on_free_ports(Path(folder)) as stack:
        kafka = KafkaSettings(bootstrap_servers=tuple(stack.bootstrap_servers.split(",")))
        clocks: dict[str, Any] = {"now_s": time.monotonic, "sleep": time.sleep}
        make: Any = partial(connect, timeout_s=30.0, **clocks)
        admin = connect_admin(kafka, **clocks)
        admin.create([data_topic(TOPIC, TopicSettings(partitions=PARTITIONS))])
        admin.wait_usable([TOPIC], 30.0)
        admin.close()
        runs: dict[str, Callable[[], int]] = {}
        for name, compiled in (("write, bulk, pure Python", False), ("write, bulk, compiled", True)):
            if COMPILED_BUILDER or not compiled:
                writer = BulkWriter(
                    make(KafkaProducer, producer_options(kafka)),
                    max_message_bytes=1_048_588,
                    encoder=Encoder(compiled=compiled),
                )
                runs[name] = partial(write_bulk, writer, messages)
        stock = make(KafkaProducer, producer_options(kafka) | {"linger_ms": 20, "batch_size": 256 << 10})
        runs["write, send()"] = partial(write_stock, stock, messages[: len(messages) // STOCK_SHARE])
        options = consumer_options(kafka, None)
        for name, decoder in (
            ("read, bulk, pure Python", decode_pure),
            ("read, bulk, compiled", decode_compiled),
        ):
            if CompiledBatch is not None or decoder is decode_pure:
                consumer = make(BulkConsumer, options | {"decoder": decoder})
                count = lambda slabs: sum(map(len, slabs))  # noqa: E731
                runs[name] = partial(read, consumer, count, len(messages))
        stock_reader = make(KafkaConsumer, options)
        runs["read, poll()"] = partial(read, stock_reader, len, len(messages) // STOCK_SHARE)
        for name, run in runs.items():
            best = min((measured(run) for _ in range(3)), key=lambda took: took[1] / took[0])
            print(f"{name:26} {best[0] / best[1]:>11,.0f} /s {best[0] / best[2]:>11,.0f} /CPU-s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
