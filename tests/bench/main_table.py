"""Section `main`: every mode on the same topics in the same run, interleaved; a result a mode and topic."""

from __future__ import annotations

from typing import Any

from tests.bench import worker
from tests.bench.bench import Bench, Filled
from tests.bench.figures import per_cpu_second, per_second
from tests.bench.streams import PAYLOADS

KAFKA_ENGINE = "Kafka engine 26.9"
MODES = (
    "fetch",
    "fetch, pure reader",
    "kafka-python's poll()",
    "fetch + decode",
    "fetch + decode, pure reader",
    "sink",
    "sink, pure reader",
    "sink, INSERT in the loop",
    worker.BY_HAND,
    KAFKA_ENGINE,
    "write",
    "write, pure",
    "write with send()",
)
ONCE = frozenset(MODES) - {"fetch", "fetch + decode", "sink", worker.BY_HAND, KAFKA_ENGINE}
"""Measured with the first number of partitions only: the others would tell nothing new, and take long."""


def measure(
    bench: Bench, payloads: list[str], partitions: list[int], modes: list[str]
) -> list[dict[str, Any]]:
    """Rows of the table: mode, payload, partitions, and the runs or why there are none."""
    topics = [bench.fill(name, size) for name in payloads for size in partitions]
    results: list[dict[str, Any]] = [
        {"mode": mode, "payload": at.payload.name, "partitions": at.partitions, "runs": [], "why_not": None}
        for at in topics
        for mode in modes
        if at.partitions == partitions[0] or mode not in ONCE
    ]
    by_place = {(at.payload.name, at.partitions): at for at in topics}
    for run in range(1, bench.runs + 1):
        for result in results:
            _measure_one(bench, result, by_place[result["payload"], result["partitions"]], run)
    return results


def _measure_one(bench: Bench, result: dict[str, Any], at: Filled, run: int) -> None:
    mode = result["mode"]
    if mode == KAFKA_ENGINE:
        if bench.engine is None:
            return
        taken = bench.engine.measure(at.payload, at.rows, at.partitions)
    else:
        taken = bench.measure(mode, at)
    result["runs"].append(taken)
    place = f"{at.payload.name}, {at.partitions} partitions"
    rate = taken["rows"] / taken["wall_s"] / 1e6
    bench.console.print(
        f"run {run} of {bench.runs}: {place:24} {mode:28} {rate:.3f} M rows/s", highlight=False
    )


HEADINGS = (
    "",
    "M rows/s",
    "spread",
    "per CPU-s, own",
    "ClickHouse's",
    "together",
    "RSS MiB",
    "of fetch + decode",
)


def lines(results: list[dict[str, Any]]) -> list[tuple[str, list[list[str]]]]:
    """A title and its lines of text for each payload and number of partitions. Pure."""
    places = dict.fromkeys((result["payload"], result["partitions"]) for result in results)
    tables = []
    for payload, partitions in places:
        here = [r for r in results if (r["payload"], r["partitions"]) == (payload, partitions)]
        decode = next((r["runs"] for r in here if r["mode"] == "fetch + decode" and r["runs"]), None)
        base = per_second(decode).median if decode else None
        title = f"{PAYLOADS[payload].title}, {partitions} partition{'s' * (partitions > 1)}"
        tables.append((title, [_line(result, base) for result in here]))
    return tables


def _line(result: dict[str, Any], decode: float | None) -> list[str]:
    runs = result["runs"]
    if not runs:
        return [result["mode"], result["why_not"] or "not measured", *[""] * (len(HEADINGS) - 2)]
    wall = per_second(runs)
    own = any(run["cpu_s"] for run in runs)
    theirs = any(run["clickhouse_cpu_s"] > 0.05 for run in runs)
    return [
        result["mode"],
        f"{wall.median / 1e6:.3f}",
        f"{wall.low / 1e6:.3f}-{wall.high / 1e6:.3f}",
        f"{per_cpu_second(runs, 'cpu_s') / 1e6:.3f}" if own else "",
        f"{per_cpu_second(runs, 'clickhouse_cpu_s') / 1e6:.3f}" if theirs else "",
        f"{per_cpu_second(runs, 'cpu_s', 'clickhouse_cpu_s') / 1e6:.3f}",
        f"{max(run['rss_mib'] for run in runs):.0f}",
        f"{wall.median / decode:.0%}" if decode and not result["mode"].startswith("write") else "",
    ]
