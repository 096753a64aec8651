"""Section `memory`: what a sink holds in memory, at first with a backlog, then at a steady rate for minutes."""

from __future__ import annotations

import time
from typing import Any

from tests.bench.bench import Bench
from tests.bench.figures import spread
from tests.bench.pipeline import prepare, process
from tests.bench.processes import rss_mib
from tests.bench.topics import fill

PARTITIONS = 4
RATE = 20_000
BACKLOG = 1_000_000
EVERY_S = 1.0
HEADINGS = ("minutes", "events/s", "highest MiB", "second fifth, median", "last fifth, median", "growth")


def measure(bench: Bench, minutes: float) -> list[dict[str, Any]]:
    """One result with all samples."""
    payload, client = prepare(bench, PARTITIONS, "_memory")
    fill(bench.settings, payload, round(BACKLOG * bench.scale), PARTITIONS)
    place, seconds = (str(PARTITIONS), "_memory"), minutes * 60
    samples: list[float] = []
    with (
        process(bench, "sink", *place) as sink,
        process(bench, "source", *place, f"--rate={RATE}", f"--seconds={seconds}"),
        bench.console.status("memory") as status,
    ):
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            if sink.poll() is not None:
                raise SystemExit(f"the sink ended by itself, exit code {sink.returncode}: see above")
            samples.append(rss_mib(sink.pid))
            status.update(f"memory: {samples[-1]:.0f} MiB, {end_s - time.monotonic():.0f} s left")
            time.sleep(EVERY_S)
        stored = client.execute(f"SELECT count() FROM {payload.table.name}")[0][0]
    client.execute(f"DROP TABLE {payload.table.name} SYNC")
    if not stored:
        raise SystemExit("the sink stored nothing while its memory was measured")
    return [{"minutes": minutes, "rate": RATE, "stored": stored, "rss_mib": samples, **growth(samples)}]


def growth(samples: list[float]) -> dict[str, float]:
    """Highest, the medians of the second and of the last fifth, and by which share the last one is above. Pure."""
    fifth = max(1, len(samples) // 5)
    early, late = spread(samples[fifth : 2 * fifth] or samples).median, spread(samples[-fifth:]).median
    return {"max_mib": max(samples), "early_mib": early, "late_mib": late, "growth": late / early - 1}


def lines(results: list[dict[str, Any]]) -> list[tuple[str, list[list[str]]]]:
    """Lines of text. Pure."""
    rows = [
        [
            f"{r['minutes']:g}",
            f"{r['rate']:,}",
            f"{r['max_mib']:.0f}",
            f"{r['early_mib']:.0f}",
            f"{r['late_mib']:.0f}",
            f"{r['growth']:+.1%}",
        ]
        for r in results
    ]
    return [(f"memory of a sink, {PARTITIONS} partitions, after a backlog", rows)]
