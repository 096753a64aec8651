"""Section `costs`: what exactly-once costs. The same parts without intents, without addresses, without either.

Without addresses: no address columns, no by_address projection, no token, no deduplication window, no fsync.
"""

from __future__ import annotations

from typing import Any

from tests.bench import main_table
from tests.bench.bench import Bench
from tests.bench.figures import per_cpu_second, per_second

PARTITIONS = 4
ALL_ON, NEITHER = "sink", "sink without either"
MODES = (ALL_ON, "sink without intents", "sink without addresses", NEITHER)
HEADINGS = ("", "M rows/s", "spread", "µs of CPU a row: own", "ClickHouse's", "together", "CPU saved")


def measure(bench: Bench, payloads: list[str]) -> list[dict[str, Any]]:
    """The same results as the main table's."""
    return main_table.measure(bench, payloads, [PARTITIONS], list(MODES))


def cpu_share(results: list[dict[str, Any]], payload: str, mode: str = NEITHER) -> float:
    """Which share of the whole sink's CPU a variant does without, own and ClickHouse's together."""
    fields = ("cpu_s", "clickhouse_cpu_s")
    runs = {result["mode"]: result["runs"] for result in results if result["payload"] == payload}
    return 1 - per_cpu_second(runs[ALL_ON], *fields) / per_cpu_second(runs[mode], *fields)


def lines(results: list[dict[str, Any]]) -> list[tuple[str, list[list[str]]]]:
    """A title and its lines of text for each payload. Pure."""
    payloads = dict.fromkeys(result["payload"] for result in results)
    return [
        (
            f"what exactly-once costs: {payload}, {PARTITIONS} partitions",
            [
                _line(r["mode"], r["runs"], cpu_share(results, payload, r["mode"]))
                for r in results
                if r["payload"] == payload
            ],
        )
        for payload in payloads
    ]


def _line(mode: str, runs: list[dict[str, float]], saved: float) -> list[str]:
    wall = per_second(runs)
    micros = [
        1e6 / per_cpu_second(runs, *fields)
        for fields in (("cpu_s",), ("clickhouse_cpu_s",), ("cpu_s", "clickhouse_cpu_s"))
    ]
    rates = [f"{wall.median / 1e6:.3f}", f"{wall.low / 1e6:.3f}-{wall.high / 1e6:.3f}"]
    return [mode, *rates, *(f"{value:.2f}" for value in micros), "" if mode == ALL_ON else f"{saved:.0%}"]
