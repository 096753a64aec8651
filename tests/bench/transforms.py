"""Section `transforms`: one process that transforms a topic that is full, and how long an output takes to be there.

Throughput: the messages of a topic of 4 partitions, from an empty group to the last commit. Latency: a rating made by
the producer, from its record's time until a reader of committed messages has its output.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, islice
from typing import Any

from kafka import TopicPartition

from common.kafka_io.clients import Clients
from common.kafka_io.writer import connect_writer
from common.model.codec import encode
from common.model.headers import SOURCE, headers_of
from common.model.stream import Stream
from common.model.transform import Transform
from common.streams import ratings, visits
from infra.local.settings import REPOSITORY
from tests.bench.bench import WORKER_DEADLINE_S, Bench
from tests.bench.figures import per_cpu_second, per_second, percentile
from tests.bench.reading import CLOCK
from tests.bench.streams import NoOptions, now_ms
from tests.bench.topics import PATIENCE_S, create
from tests.bench.transforming import BY_NAME, transform_of

PARTITIONS = 4
MESSAGES = 1_000_000
SLICE = 4_000
RATE = 10_000
WARM_UP_S = 10.0  # joining the group
STOP_S = 20.0
DECODE = "fetch + decode"
LATENCY = f"ratings, classify, at {RATE:,} messages/s"
HEADINGS = (
    "",
    "M messages/s",
    "spread",
    "µs of CPU a message, own",
    "of fetch + decode",
    "messages a transaction",
    "ms each",
    "p50 ms",
    "p99 ms",
)


def measure(bench: Bench, seconds: float) -> list[dict[str, Any]]:
    """Throughput of each transform beside fetch + decode of the same topic, interleaved; then latency."""
    messages = max(1_000, round(MESSAGES * bench.scale))
    for name in BY_NAME:
        _fill(bench, name, messages)
    results: list[dict[str, Any]] = [
        {"name": name, "is_decode": is_decode, "runs": []} for name in BY_NAME for is_decode in (True, False)
    ]
    for turn in range(1, bench.runs + 1):
        for result in results:
            _measure_one(bench, result, messages, turn)
    return [*results, _latency(bench, seconds)]


def _measure_one(bench: Bench, result: dict[str, Any], messages: int, turn: int) -> None:
    transform = transform_of(result["name"], turn)
    if not result["is_decode"]:
        create(bench.settings, transform.target, transform.target_partitions or PARTITIONS)
    arguments = [result["name"], f"--messages={messages}", f"--turn={turn}"]
    command = [sys.executable, "-m", "tests.bench.transforming", *arguments]
    command += ["--decode"] if result["is_decode"] else []
    environ = os.environ | bench.stack.environment()
    done = subprocess.run(
        command, env=environ, cwd=REPOSITORY, stdout=subprocess.PIPE, timeout=WORKER_DEADLINE_S
    )
    if done.returncode != 0:
        raise SystemExit(f"{result['name']} failed: see above")
    taken = json.loads(done.stdout)
    result["runs"].append(taken)
    what = DECODE if result["is_decode"] else "transform"
    rate = taken["rows"] / taken["wall_s"] / 1e6
    bench.console.print(
        f"run {turn} of {bench.runs}: {result['name']:20} {what:16} {rate:.3f} M messages/s", highlight=False
    )


def _fill(bench: Bench, name: str, messages: int) -> None:
    """Spread evenly over the source's partitions; what another transform makes says where it comes from."""
    stream, index = BY_NAME[name]
    transform = transform_of(name)
    create(bench.settings, transform.source, PARTITIONS)
    writer = connect_writer(
        bench.settings.kafka, max_message_bytes=1_000_000, now_s=time.monotonic, sleep=time.sleep
    )
    values, common = _values(stream, index), headers_of(stream)
    for turn, first in enumerate(range(0, messages, SLICE)):
        part = list(islice(values, min(SLICE, messages - first)))
        rows = range(first, first + len(part))
        made_from = [[*common, (SOURCE, b"%016x:%d:0" % (row % PARTITIONS, row))] for row in rows]
        headers = made_from if index else [common] * len(part)
        if not writer.wait_for_room(PATIENCE_S):
            raise SystemExit(f"the brokers took nothing of {transform.source} for {PATIENCE_S:g} s")
        writer.send(transform.source, turn % PARTITIONS, part, headers=headers, timestamp_ms=now_ms())
    writer.close(PATIENCE_S)
    if writer.acknowledged != messages:
        raise SystemExit(
            f"{transform.source}: only {writer.acknowledged} of {messages} messages were acknowledged"
        )


def _values(stream: Stream, index: int) -> Iterator[bytes]:
    """Events of a stream; those that are counted are of one minute, all of it open."""
    rng, minute_ms = random.Random(0), now_ms() // 60_000 * 60_000 - 60_000
    numbers = count()
    at_s = (lambda: (minute_ms + next(numbers) // 20 % 60_000) / 1000) if index else time.time
    options = visits.Options() if stream is visits.STREAM else NoOptions()
    assert stream.generate is not None
    return (encode(emission.event) for emission in stream.generate(rng, options, at_s))


def _latency(bench: Bench, seconds: float) -> dict[str, Any]:
    """Both services as they are, at a steady rate."""
    transform = ratings.STREAM.transforms[0]
    for topic in (transform.source, transform.target):
        create(bench.settings, topic, PARTITIONS)
    with (
        service(bench, "consumer", "transform", "ratings"),
        service(
            bench, "producer", "ratings", f"--rate={RATE}", f"--seconds={seconds + WARM_UP_S}"
        ) as producer,
    ):
        waits = _waits(bench, transform, lambda: producer.poll() is None)
    if not waits:
        raise SystemExit(f"no output came within {seconds + WARM_UP_S:g} s: the transform did not start?")
    p50, p99 = (percentile(waits, share) * 1000 for share in (0.5, 0.99))
    return {
        "name": LATENCY,
        "is_decode": False,
        "runs": [],
        "measured": len(waits),
        "p50_ms": p50,
        "p99_ms": p99,
    }


def _waits(bench: Bench, transform: Transform, goes_on: Any) -> list[float]:
    """Seconds from each rating to its output, without the first WARM_UP_S."""
    consumer = Clients(bench.settings.kafka, CLOCK.now_s, CLOCK.sleep).consumer(None)
    consumer.assign([TopicPartition(transform.target, number) for number in range(PARTITIONS)])
    consumer.seek_to_beginning()
    from_s, waits = time.time() + WARM_UP_S, []
    while goes_on():
        slabs = consumer.poll(10)
        at_s = time.time()
        for slab in (slab for run in slabs.values() for slab in run):
            times, _ = slab.times_and(None)
            waits += [at_s - time_ms / 1000 for time_ms in times if time_ms / 1000 >= from_s]
    consumer.close()
    return waits


@contextmanager
def service(bench: Bench, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """A service of ours while the block runs, in a process of its own; ended with SIGTERM."""
    environ = os.environ | bench.stack.environment() | {"LOG_LEVEL": "ERROR"} | settings
    running = subprocess.Popen(
        [sys.executable, "-m", *arguments], env=environ, cwd=REPOSITORY, stdout=subprocess.DEVNULL
    )
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(STOP_S)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def lines(results: list[dict[str, Any]]) -> list[tuple[str, list[list[str]]]]:
    """Lines of text. Pure."""
    decodes = {r["name"]: per_second(r["runs"]).median for r in results if r["is_decode"] and r["runs"]}
    return [(f"topic to topic, {PARTITIONS} partitions", [_line(each, decodes) for each in results])]


def _line(result: dict[str, Any], decodes: dict[str, float]) -> list[str]:
    runs, name = result["runs"], result["name"]
    if not runs:
        return [name, *[""] * 6, f"{result['p50_ms']:.0f}", f"{result['p99_ms']:.0f}"]
    wall = per_second(runs)
    figures = [
        f"{wall.median / 1e6:.3f}",
        f"{wall.low / 1e6:.3f}-{wall.high / 1e6:.3f}",
        f"{1e6 / per_cpu_second(runs, 'cpu_s'):.2f}",
    ]
    if result["is_decode"]:
        return [f"{name}: {DECODE}", *figures, "100%", "", "", "", ""]
    transactions = sum(run["transactions"] for run in runs)
    size = sum(run["rows"] for run in runs) / transactions
    each_ms = sum(run["transaction_s"] for run in runs) / transactions * 1000
    return [name, *figures, f"{wall.median / decodes[name]:.0%}", f"{size:,.0f}", f"{each_ms:.0f}", "", ""]
