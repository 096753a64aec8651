"""Section `api`: REST on the table that `growth` has left, while a sink stores 10,000 rows/s, and WebSocket clients.

Each request asks for another x, so that ClickHouse's query condition cache has no part in it.
"""

from __future__ import annotations

import asyncio
import http.client
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from websockets.asyncio.client import connect

from infra.local.ports import pick_free
from infra.local.waiting import wait_until
from tests.bench.bench import Bench
from tests.bench.figures import percentile
from tests.bench.processes import cpu_s, rss_mib
from tests.bench.topics import create
from tests.bench.transforms import service
from tests.bench.walks import PAYLOAD, STEPS_A_WALK, Walks

REQUESTS, AT_ONCE = 2_000, 4
STEADY_PER_S, STEADY_REQUESTS = 50, 1_000
"""Requests that come at a steady rate, whether the one before is answered or not; timed from when they were due."""
STORED_A_SECOND = 10_000
CLIENTS, LISTEN_S = 500, 20.0
START_S = 60.0
HEADINGS = (
    "at rows",
    "asked",
    "requests/s",
    "p50 ms",
    "p99 ms",
    f"at {STEADY_PER_S}/s: p50 ms",
    "p99 ms",
    "highest ms",
)
FIGURES = ("full_p50_ms", "full_p99_ms", "p50_ms", "p99_ms", "max_ms")


def measure(bench: Bench, walks: Walks) -> list[dict[str, Any]]:
    """One result a question, and one of the WebSocket clients."""
    port, topic, rng = pick_free().clickhouse, "bench_api", random.Random(4)
    create(bench.settings, topic, 1)
    names = {"KAFKA_TOPIC_NAME": topic, "CLICKHOUSE_TABLE": PAYLOAD.table.name}
    rate = str(STORED_A_SECOND / STEPS_A_WALK)
    asked = {
        "/longest_step_chain": lambda: "/longest_step_chain",
        "/part/x (a start, drawn)": lambda: f"/part/{rng.choice(walks.numbers)}",
        "/steps/n (drawn)": lambda: f"/steps/{rng.choice(walks.numbers)}",
    }
    with ExitStack() as running:
        running.enter_context(service(bench, "producer", "collatz", "--rate", rate, **names))
        running.enter_context(service(bench, "consumer", "sink", "collatz", **names))
        api = running.enter_context(service(bench, "api", **names, HTTP_PORT=str(port)))
        if not wait_until(lambda: _answers(port), START_S):
            raise SystemExit("the api does not answer")
        walks.await_merges()
        results = [
            {"asked": name, "rows": walks.rows, **_timed(port, path), **_steady(port, path)}
            for name, path in asked.items()
        ]
        results.append({"asked": "websockets", **asyncio.run(_listened(port, api.pid))})
    return results


def _answers(port: int) -> bool:
    try:
        return _get(http.client.HTTPConnection("127.0.0.1", port, timeout=5), "/longest_step_chain") == 200
    except OSError:
        return False


def _get(connection: http.client.HTTPConnection, path: str) -> int:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _timed(port: int, path: Callable[[], str]) -> dict[str, float]:
    def some(count: int) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        took_ms = []
        for _ in range(count):
            started_s = time.perf_counter()
            status = _get(connection, path())
            took_ms.append((time.perf_counter() - started_s) * 1000)
            assert status == 200, status
        connection.close()
        return took_ms

    some(20)
    started_s = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        took_ms = [each for found in pool.map(some, [REQUESTS // AT_ONCE] * AT_ONCE) for each in found]
    return {
        "per_s": REQUESTS / (time.perf_counter() - started_s),
        "full_p50_ms": percentile(took_ms, 0.5),
        "full_p99_ms": percentile(took_ms, 0.99),
    }


def _steady(port: int, path: Callable[[], str]) -> dict[str, float]:
    own = threading.local()
    begin_s = time.perf_counter() + 0.5

    def one(number: int) -> float:
        if not hasattr(own, "connection"):
            own.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        due_s = begin_s + number / STEADY_PER_S
        time.sleep(max(0.0, due_s - time.perf_counter()))
        status = _get(own.connection, path())
        assert status == 200, status
        return (time.perf_counter() - due_s) * 1000

    with ThreadPoolExecutor(4 * AT_ONCE) as pool:
        took_ms = list(pool.map(one, range(STEADY_REQUESTS)))
    return {"p50_ms": percentile(took_ms, 0.5), "p99_ms": percentile(took_ms, 0.99), "max_ms": max(took_ms)}


async def _listened(port: int, api_pid: int) -> dict[str, float]:
    """What CLIENTS listeners get, and what they cost the api."""
    got = 0

    async def listen(until_s: float) -> None:
        nonlocal got
        async with connect(f"ws://127.0.0.1:{port}/ws/collatz", compression=None) as socket:
            while (left_s := until_s - time.monotonic()) > 0:
                try:
                    await asyncio.wait_for(socket.recv(), left_s)
                    got += 1
                except TimeoutError:
                    return

    before_s = cpu_s(api_pid)
    async with asyncio.TaskGroup() as listeners:
        for _ in range(CLIENTS):
            listeners.create_task(listen(time.monotonic() + LISTEN_S))
    return {
        "clients": CLIENTS,
        "messages_a_client_s": got / CLIENTS / LISTEN_S,
        "cpu_share": (cpu_s(api_pid) - before_s) / LISTEN_S,
        "rss_mib": rss_mib(api_pid),
    }


def lines(results: list[dict[str, Any]]) -> list[tuple[str, list[list[str]]]]:
    """Lines of text. Pure."""
    rows, told = [], ""
    for result in results:
        if "clients" in result:
            told = (
                f"; then {result['clients']} WebSocket clients, {result['messages_a_client_s']:.1f} messages/s each: "
                f"{result['cpu_share']:.0%} of a core, {result['rss_mib']:.0f} MiB"
            )
        else:
            figures = [f"{result[name]:.1f}" for name in FIGURES]
            rows.append([f"{result['rows']:,}", result["asked"], f"{result['per_s']:.0f}", *figures])
    return [(f"{AT_ONCE} at once, while a sink stores {STORED_A_SECOND:,} rows/s{told}", rows)]
