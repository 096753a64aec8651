"""Section `freshness`: from the making of an event to the first query that sees it, at a steady rate.

Each event bears the producer's clock. A query for what has become visible of each partition is asked all the time; an
event counts as visible when the answer that holds its offset has arrived. Each query reads the newest rows only: one
that reads the table would take a core for itself and measure that.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from clickhouse_driver import Client

from tests.bench.bench import Bench
from tests.bench.figures import percentile
from tests.bench.pipeline import prepare, process

PARTITIONS = 4
RATES = (1_000, 50_000)
WARM_UP_S = 8.0  # joining the group, and catching up
PAUSE_S = 0.01
CATCH_UP_S = 30.0
HEADINGS = ("events/s", "seen", "p50 ms", "p99 ms", "highest ms", "between two looks, ms")
Looks = dict[int, list[tuple[float, int]]]


def visible_after_s(offsets: np.ndarray, sent_s: np.ndarray, looks: list[tuple[float, int]]) -> np.ndarray:
    """Seconds from each sending to the first look that saw its offset; looks are (time, highest offset), in order.

    Events that no look has seen are left out. Pure.
    """
    times = np.array([at_s for at_s, _ in looks])
    highest = np.array([offset for _, offset in looks])
    first = np.searchsorted(highest, offsets)
    is_seen = first < len(looks)
    return times[first[is_seen]] - sent_s[is_seen]


def measure(bench: Bench, seconds: float) -> list[dict[str, Any]]:
    """One result a rate."""
    return [_at(bench, rate, seconds) for rate in RATES]


def _at(bench: Bench, rate: int, seconds: float) -> dict[str, Any]:
    purpose = f"_fresh_{rate}"
    payload, client = prepare(bench, PARTITIONS, purpose)
    place = (str(PARTITIONS), purpose)
    limits = (f"--rate={rate}", f"--seconds={seconds + WARM_UP_S}")
    looks: Looks = {}
    look_s: list[float] = []
    started_s = time.time()
    with process(bench, "sink", *place), process(bench, "source", *place, *limits) as source:
        while source.poll() is None:
            look_s.append(_look(client, payload.table.name, looks))
        assert source.stdout is not None
        sent = int(source.stdout.read())
        deadline_s = time.monotonic() + CATCH_UP_S
        while sum(seen[-1][1] + 1 for seen in looks.values()) < sent and time.monotonic() < deadline_s:
            _look(client, payload.table.name, looks)
    after_s = _waits(client, payload.table.name, looks, started_s + WARM_UP_S)
    client.execute(f"DROP TABLE {payload.table.name} SYNC")
    if not len(after_s):
        raise SystemExit(f"no event was seen at {rate} events/s: the sink did not start?")
    values = after_s.tolist()
    result = {"rate": rate, "sent": sent, "measured": len(values), "max_ms": max(values) * 1000}
    result |= {f"p{share}_ms": percentile(values, share / 100) * 1000 for share in (50, 99)}
    return result | {"look_ms": float(np.median(np.diff(look_s))) * 1000}


def _look(client: Client, table: str, looks: Looks) -> float:
    """Note the highest offset of each partition that moved; returns when the answer came."""
    newer = " OR ".join(f"(_tp = {tp} AND _off > {seen[-1][1]})" for tp, seen in looks.items())
    condition = f"WHERE {newer}" if len(looks) == PARTITIONS else ""
    rows = client.execute(f"SELECT _tp, max(_off) FROM {table} {condition} GROUP BY _tp")
    at_s = time.time()
    for tp, highest in rows:
        looks.setdefault(tp, []).append((at_s, highest))
    time.sleep(PAUSE_S)
    return at_s


def _waits(client: Client, table: str, looks: Looks, from_s: float) -> np.ndarray:
    found = []
    for tp, seen in looks.items():
        sql = (
            f"SELECT _off, value FROM {table} WHERE _tp = {tp} AND value >= {int(from_s * 1e6)} ORDER BY _off"
        )
        columns = client.execute(sql, columnar=True)
        if columns:
            found.append(visible_after_s(np.asarray(columns[0]), np.asarray(columns[1]) / 1e6, seen))
    return np.concatenate(found) if found else np.zeros(0)


def lines(results: list[dict[str, Any]]) -> list[tuple[str, list[list[str]]]]:
    """Lines of text. Pure."""
    rows = [
        [
            f"{r['rate']:,}",
            f"{r['measured']:,}",
            *(f"{r[name]:.0f}" for name in ("p50_ms", "p99_ms", "max_ms", "look_ms")),
        ]
        for r in results
    ]
    return [(f"produce to visible in a query, {PARTITIONS} partitions, BATCH_AGE_S 1", rows)]
