"""Section `restart`: visits at a steady rate, the transform killed with full windows: when do outputs go on?

Killed just before a window closes, it has a whole window and the grace to read again. Regrouping reads nothing again:
its first output after the kill shows how long the takeover takes, which is the session timeout of the dead member.
"""

from __future__ import annotations

import time
from typing import Any

from kafka import TopicPartition

from common.kafka_io.clients import Clients
from common.kafka_io.overview import connect_overview
from common.kafka_io.reader import BulkConsumer
from common.model.record import Partition
from common.model.transform import Transform
from common.streams import visits
from consumer.groups import transform_group
from tests.bench.bench import Bench
from tests.bench.reading import CLOCK
from tests.bench.topics import create
from tests.bench.transforms import PARTITIONS, service

KILLS = 1
RATE = 10_000
WINDOW_S, GRACE_S = 60, 10
KILLED_BEFORE_CLOSING_S = 1.0
DEADLINE_S = 60.0
HEADINGS = (
    "killed",
    "visits read again",
    "regrouped visits go on after, s",
    "counts go on after, s",
    "reading again took, s",
)


def measure(bench: Bench) -> list[dict[str, Any]]:
    """KILLS kills, one after the other."""
    regroup, count = visits.STREAM.transforms
    for topic, size in ((regroup.source, PARTITIONS), (count.source, PARTITIONS), (count.target, 1)):
        create(bench.settings, topic, size)
    windows = {"VISITS_WINDOW_S": str(WINDOW_S), "VISITS_GRACE_S": str(GRACE_S)}
    seconds = KILLS * (2 * WINDOW_S + DEADLINE_S)
    with service(bench, "producer", "visits", f"--frequency={RATE}", f"--seconds={seconds}"):
        return [_kill(bench, count, windows) for _ in range(KILLS)]


def _kill(bench: Bench, count: Transform, windows: dict[str, str]) -> dict[str, Any]:
    with service(bench, "consumer", "transform", "visits", **windows) as transform:
        time.sleep(until_closing_s(time.time(), WINDOW_S))
        transform.kill()
        killed_s = time.time()
        to_read = _to_read_again(bench, count)
    consumer = Clients(bench.settings.kafka, CLOCK.now_s, CLOCK.sleep).consumer(None)
    partitions = [TopicPartition(count.source, number) for number in range(PARTITIONS)]
    _go_to_end(consumer, [*partitions, TopicPartition(count.target, 0)])
    with service(bench, "consumer", "transform", "visits", **windows):
        found = _first_after(consumer, killed_s)
    consumer.close()
    waits = {
        name: found[topic] - killed_s
        for name, topic in (("regroup_s", count.source), ("count_s", count.target))
    }
    bench.console.print(f"killed, {to_read:,} to read again: {waits}", highlight=False)
    return {"read_again": to_read, **waits}


def until_closing_s(unix_s: float, at_least_s: float) -> float:
    """How long until the moment before a window closes, after `at_least_s`. Pure."""
    earliest = unix_s + at_least_s
    return at_least_s + (GRACE_S - KILLED_BEFORE_CLOSING_S - earliest) % WINDOW_S


def _to_read_again(bench: Bench, count: Transform) -> int:
    overview = connect_overview(bench.settings.kafka, now_s=time.monotonic, sleep=time.sleep)
    everyone = [Partition(count.source, number) for number in range(PARTITIONS)]
    committed, ends = overview.committed(transform_group(bench.settings)), overview.end_offsets(everyone)
    overview.close()
    return sum(ends[at] - committed[at].offset for at in everyone)


def _go_to_end(consumer: BulkConsumer, partitions: list[TopicPartition]) -> None:
    consumer.assign(partitions)
    consumer.seek_to_end()
    for partition in partitions:
        consumer.position(partition)


def _first_after(consumer: BulkConsumer, killed_s: float) -> dict[str, float]:
    """Topic → when its first message came that was not there at the kill. SystemExit when one has none in time."""
    found: dict[str, float] = {}
    while len(found) < 2:
        for partition, slabs in consumer.poll(10).items():
            if any(map(len, slabs)):
                found.setdefault(partition.topic, time.time())
        if time.time() - killed_s > DEADLINE_S:
            raise SystemExit(f"{DEADLINE_S:g} s after the kill there are outputs in {sorted(found)} only")
    return found


def lines(results: list[dict[str, Any]]) -> list[tuple[str, list[list[str]]]]:
    """Lines of text. Pure."""
    rows = [
        [
            f"{number}",
            f"{r['read_again']:,}",
            f"{r['regroup_s']:.1f}",
            f"{r['count_s']:.1f}",
            f"{r['count_s'] - r['regroup_s']:.1f}",
        ]
        for number, r in enumerate(results, 1)
    ]
    windows = f"windows of {WINDOW_S} s, {GRACE_S} s of grace, {PARTITIONS} partitions"
    title = f"visits at {RATE:,}/s after kill -9, {windows}"
    return [(title, rows)]
