"""What is to be reached, judged by results. Pure; a figure that was not measured is said to be open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from common.settings.parts import KafkaSettings, SinkSettings
from tests.bench import costs, restart
from tests.bench.figures import Run, per_cpu_second, per_second
from tests.bench.main_table import KAFKA_ENGINE

Results = Mapping[str, list[dict[str, Any]]]
Runs = Mapping[tuple[str, str, int], Sequence[Run]]
COMPARED = "small"
"""Peers and fetch + decode are the measure for small messages, a row each; the other payloads have figures to reach."""
CLASSIFY = "ratings, classify"
RSS_MIB = 300
"""Of it 130 MiB for the process, and three times BATCH_BYTES."""


class Target(NamedTuple):
    """A sentence, the figure, and whether it is reached; None: not measured."""

    what: str
    figure: str
    met: bool | None


def judged(results: Results) -> list[Target]:
    """Every target, in the order of the issue."""
    return [
        *_main(results.get("main", [])),
        *_costs(results.get("costs", [])),
        *_freshness(results.get("freshness", [])),
        *_memory(results.get("memory", [])),
        *_growth(results.get("growth", [])),
        *_questions(results.get("questions", [])),
        *_rest(results.get("api", [])),
        *_transforms(results.get("transforms", [])),
        *_restart(results.get("restart", [])),
    ]


def _main(found: list[dict[str, Any]]) -> list[Target]:
    runs: Runs = {(r["mode"], r["payload"], r["partitions"]): r["runs"] for r in found if r["runs"]}
    targets = []
    for payload, size in dict.fromkeys((r["payload"], r["partitions"]) for r in found):
        at, sink = f"{payload}, {size} partition{'s' * (size > 1)}", runs.get(("sink", payload, size))
        if payload == COMPARED:
            targets += _compared(runs, size, at)
        highest = max((run["rss_mib"] for run in sink or []), default=None)
        targets.append(_at_most(f"sink's RSS ≤ {RSS_MIB} MiB ({at})", highest, RSS_MIB, "MiB"))
        targets += _per_cpu(payload, at, sink)
        if payload == "collatz":
            rate = per_second(sink).median if sink else None
            targets.append(_at_least(f"collatz ≥ 1 M rows/s a process ({at})", rate, 1e6, "rows/s"))
    return targets


def _compared(runs: Runs, size: int, at: str) -> list[Target]:
    def ratio(mode: str, other: str) -> float | None:
        one, two = runs.get((mode, COMPARED, size)), runs.get((other, COMPARED, size))
        return per_second(one).median / per_second(two).median if one and two else None

    targets = [
        _at_least(f"sink ≥ 10 × the hand-written loop ({at})", ratio("sink", "by hand"), 10, "× it"),
        _at_least(f"sink ≥ 75 % of fetch + decode ({at})", ratio("sink", "fetch + decode"), 0.75),
    ]
    writing = ratio("write", "write with send()")
    if writing:  # measured with one number of partitions only
        targets.append(_at_least(f"writing ≥ 3 × send() ({at})", writing, 3, "× it"))
    engine, sink = runs.get((KAFKA_ENGINE, COMPARED, size)), runs.get(("sink", COMPARED, size))
    if engine and sink:
        ahead = per_cpu_second(sink, "cpu_s") / per_cpu_second(engine, "clickhouse_cpu_s")
        what = f"sink's own rows per CPU-second ahead of the Kafka engine's ({at})"
        targets.append(_at_least(what, ahead, 1, "× it"))
    return targets


def _per_cpu(payload: str, at: str, runs: Sequence[Run] | None) -> list[Target]:
    bar = {"small": 900_000, "wide": 129_000}.get(payload)
    if bar is None:
        return []
    figure = per_cpu_second(runs, "cpu_s") if runs else None
    return [_at_least(f"sink ≥ {bar:,} rows per CPU-second of its own ({at})", figure, bar, "rows")]


def _costs(found: list[dict[str, Any]]) -> list[Target]:
    payloads = dict.fromkeys(r["payload"] for r in found)
    what = "exactly-once ≤ 20 % of the CPU"
    return [
        _at_most(f"{what} ({payload})", costs.cpu_share(found, payload), 0.2) for payload in payloads
    ] or [Target(what, "not measured", None)]


def _freshness(found: list[dict[str, Any]]) -> list[Target]:
    bar = SinkSettings().batch_age_s * 1000 + 100
    what = f"freshness p99 ≤ batch age + 100 ms = {bar:,.0f} ms"
    return [_at_most(f"{what} at {r['rate']:,} events/s", r["p99_ms"], bar, "ms") for r in found] or [
        Target(what, "not measured", None)
    ]


def _memory(found: list[dict[str, Any]]) -> list[Target]:
    highest = found[0]["max_mib"] if found else None
    return [
        _at_most(f"RSS ≤ {RSS_MIB} MiB", highest, RSS_MIB, "MiB"),
        _at_most("RSS flat: at most 5 % growth", found[0]["growth"] if found else None, 0.05),
    ]


def _growth(found: list[dict[str, Any]]) -> list[Target]:
    last = found[-1] if found else None
    where = f" ({last['rows']:,} rows against 1,000,000)" if last else ""
    return [
        _at_least(f"insert speed flat: at least 90 %{where}", last["of_first"] if last else None, 0.9),
    ]


def _questions(found: list[dict[str, Any]]) -> list[Target]:
    bars = {"part/": 100, "longest": 50, "highest": 50, "counting": 50, "opening": 50}
    targets = [
        _at_most(f"{r['question']}: p99 ≤ {bar} ms at {r['rows']:,} rows", r["p99_ms"], bar, "ms")
        for r in found
        for start, bar in bars.items()
        if r["question"].startswith(start)
    ]
    return targets or [
        Target(
            "part/x ≤ 100 ms, the maxima ≤ 50 ms, counting a range and opening partitions ≤ 50 ms",
            "not measured",
            None,
        )
    ]


def _rest(found: list[dict[str, Any]]) -> list[Target]:
    asked = [r for r in found if r["asked"].startswith(("/longest", "/part"))]
    rows = max((r["rows"] for r in asked), default=0)
    slowest = max((r["p99_ms"] for r in asked), default=None)
    return [
        _at_most(
            f"the api's longest_step_chain and part/x at 50 requests/s: p99 ≤ 50 ms at {rows:,} rows",
            slowest,
            50,
            "ms",
        )
    ]


def _transforms(found: list[dict[str, Any]]) -> list[Target]:
    runs = next((r["runs"] for r in found if r["name"] == CLASSIFY and not r["is_decode"]), None)
    rate = per_second(runs).median if runs else None
    return [
        _at_least(f"{CLASSIFY} ≥ {bar:,} messages/s a process{stretch}", rate, bar, "messages/s")
        for bar, stretch in ((50_000, ""), (300_000, " (stretch)"))
    ]


def _restart(found: list[dict[str, Any]]) -> list[Target]:
    longest = max((r["count_s"] for r in found), default=None)
    bar = KafkaSettings().session_timeout_s + 5
    what = f"visits go on ≤ session timeout + 5 s = {bar:g} s after kill -9, at {restart.RATE:,}/s"
    return [_at_most(what, longest, bar, "s")]


def _at_least(what: str, figure: float | None, bar: float, unit: str = "%") -> Target:
    return Target(what, _shown(figure, unit), None if figure is None else figure >= bar)


def _at_most(what: str, figure: float | None, bar: float, unit: str = "%") -> Target:
    return Target(what, _shown(figure, unit), None if figure is None else figure <= bar)


def _shown(figure: float | None, unit: str) -> str:
    if figure is None:
        return "not measured"
    if unit == "%":
        return f"{figure:.1%}"
    return f"{figure:.1f} {unit}" if figure < 1000 else f"{figure:,.0f} {unit}"
