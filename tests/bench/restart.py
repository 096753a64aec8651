"""Section `restart`: visits at a steady rate, the transform killed with full windows: when do outputs go on?

Killed just before a window closes, it has a whole window and the grace to read again. The group waits for the session
timeout of the dead member before it gives the partitions to the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from kafka import TopicPartition

from common.commits.groups import transform_group
from common.kafka_io.clients import Clients
from common.kafka_io.overview import Overview, connect_overview
from common.kafka_io.reader import BulkConsumer
from common.model.record import Partition
from common.model.transform import Transform
from common.streams import visits
from tests.bench.bench import Bench
from tests.bench.reading import CLOCK
from tests.bench.topics import create
from tests.bench.transforms import PARTITIONS, service

KILLS = 1
RATE = 10_000
WINDOW_S, GRACE_S = 60, 10
KILLED_BEFORE_CLOSING_S = 1.0
DEADLINE_S, PAUSE_S = 60.0, 0.02
HEADINGS = (
    "killed",
    "visits read again",
    "partitions are taken over after, s",
    "counts go on after, s",
    "of it reading again, s",
)


def measure(bench: Bench) -> list[dict[str, Any]]:
    """KILLS kills, one after the other."""
    regroup, count = visits.STREAM.transforms
    for topic, size in ((regroup.source, PARTITIONS), (count.source, PARTITIONS), (count.target, 1)):
        create(bench.settings, topic, size)
    windows = {"VISITS_WINDOW_S": str(WINDOW_S), "VISITS_GRACE_S": str(GRACE_S)}
    seconds = KILLS * (2 * WINDOW_S + DEADLINE_S)
    with service(bench, "producer", "visits", f"--frequency={RATE}", f"--seconds={seconds}"):
        overview = connect_overview(bench.settings.kafka, now_s=time.monotonic, sleep=time.sleep)
        with closing(overview):
            return [_kill(bench, overview, count, windows) for _ in range(KILLS)]


def _kill(bench: Bench, overview: Overview, count: Transform, windows: dict[str, str]) -> dict[str, Any]:
    group = transform_group(bench.settings)
    with service(bench, "consumer", "transform", "visits", **windows) as transform:
        time.sleep(until_closing_s(time.time(), WINDOW_S))
        dead = _working(overview, group)
        transform.kill()
        killed_s = time.time()
        to_read = _to_read_again(overview, group, count)
    consumer = Clients(bench.settings.kafka, CLOCK.now_s, CLOCK.sleep).consumer(None)
    _go_to_end(consumer, TopicPartition(count.target, 0))
    with service(bench, "consumer", "transform", "visits", **windows), ThreadPoolExecutor(1) as thread:
        taken_over = thread.submit(_when, lambda: _working(overview, group) - dead, killed_s)
        waits = {
            "count_s": _when(
                lambda: any(len(slab) for run in consumer.poll(10).values() for slab in run), killed_s
            ),
            "taken_s": taken_over.result(),
        }
    consumer.close()
    bench.console.print(f"killed, {to_read:,} to read again: {waits}", highlight=False)
    return {"read_again": to_read, **waits}


def _working(overview: Overview, group: str) -> set[str]:
    """The members of the group that have partitions."""
    return {member.id for member in overview.members(group) if member.partitions}


def until_closing_s(unix_s: float, at_least_s: float) -> float:
    """How long until the moment before a window closes, after `at_least_s`. Pure."""
    earliest = unix_s + at_least_s
    return at_least_s + (GRACE_S - KILLED_BEFORE_CLOSING_S - earliest) % WINDOW_S


def _to_read_again(overview: Overview, group: str, count: Transform) -> int:
    everyone = [Partition(count.source, number) for number in range(PARTITIONS)]
    committed, ends = overview.committed(group), overview.end_offsets(everyone)
    return sum(ends[at] - committed[at].offset for at in everyone)


def _go_to_end(consumer: BulkConsumer, partition: TopicPartition) -> None:
    consumer.assign([partition])
    consumer.seek_to_end()
    consumer.position(partition)


def _when(is_so: Callable[[], object], killed_s: float) -> float:
    """How long after the kill that became so. SystemExit when it does not in time."""
    while not is_so():
        if time.time() - killed_s > DEADLINE_S:
            raise SystemExit(f"{DEADLINE_S:g} s after the kill the transform has not gone on")
        time.sleep(PAUSE_S)
    return time.time() - killed_s


def lines(results: list[dict[str, Any]]) -> list[tuple[str, list[list[str]]]]:
    """Lines of text. Pure."""
    rows = [
        [
            f"{number}",
            f"{r['read_again']:,}",
            f"{r['taken_s']:.1f}",
            f"{r['count_s']:.1f}",
            f"{r['count_s'] - r['taken_s']:.1f}",
        ]
        for number, r in enumerate(results, 1)
    ]
    windows = f"windows of {WINDOW_S} s, {GRACE_S} s of grace, {PARTITIONS} partitions"
    title = f"visits at {RATE:,}/s after kill -9, {windows}"
    return [(title, rows)]
