"""Section `questions`: collatz's questions, counting a range, opening partitions, an audit's slice, on a large table.

ClickHouse's query condition cache is off: repeated predicates would look free. Asked when the merges that inserting so
much at once leaves behind have ended.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from common.clickhouse_io.audit_queries import AuditQueries
from common.clickhouse_io.client import connect
from common.clickhouse_io.questions import Asker
from common.model.ranges import Range
from consumer.guard import LOOK_S
from tests.bench.bench import Bench
from tests.bench.figures import percentile
from tests.bench.walks import PARTITIONS, PAYLOAD, Walks

REPEATS = 200
RANGE_MESSAGES = 300
SLICE_MESSAGES = 6_000  # about the audit's 2,000,000 rows
EVERY_WALK, NO_WALK = 1024, 2**127
HEADINGS = ("at rows", "question", "p50 ms", "p99 ms", "highest ms")


def measure(bench: Bench, walks: Walks) -> list[dict[str, Any]]:
    """One result a question."""
    walks.await_merges()
    settings, rng = bench.settings.clickhouse, random.Random(3)
    asker, audit = Asker(settings), AuditQueries(settings)
    asker._client = connect(settings, use_query_condition_cache=0)
    audit._client = connect(settings, use_query_condition_cache=0)
    walks.store._client = connect(settings, use_query_condition_cache=0)
    table, stream = PAYLOAD.table.name, PAYLOAD.stream
    by_name = {question.name: question for question in stream.questions}

    def ask(name: str, parameters: Callable[[], dict[str, int]] = dict) -> Callable[[], object]:
        return lambda: asker.ask(stream, by_name[name], parameters())

    def somewhere(messages: int) -> Range:
        return Range(*walks.range_of(rng.randrange(PARTITIONS), messages, rng))

    asked = {
        "longest_step_chain": ask("longest_step_chain"),
        "highest_value": ask("highest_value"),
        "part/1024 (in every walk)": ask("part", lambda: {"x": EVERY_WALK}),
        "part/x (a start, drawn)": ask("part", lambda: {"x": rng.choice(walks.numbers)}),
        "part/2^127 (in none)": ask("part", lambda: {"x": NO_WALK}),
        "steps/n (drawn)": ask("steps", lambda: {"n": rng.choice(walks.numbers)}),
        f"counting a range of {RANGE_MESSAGES} messages": lambda: walks.store.stored(
            table, [somewhere(RANGE_MESSAGES)]
        ),
        f"opening {PARTITIONS} partitions (rows past what is committed?)": lambda: walks.store.beyond(
            table, walks.ends(), timeout_s=LOOK_S
        ),
        f"an audit's slice of {SLICE_MESSAGES} messages": lambda: audit.seen(
            table, somewhere(SLICE_MESSAGES)
        ),
    }
    results = [{"question": name, "rows": walks.rows, **_timed(question)} for name, question in asked.items()]
    asker.close()
    audit.close()
    return results


def _timed(question: Callable[[], object]) -> dict[str, float]:
    question()  # connects
    took_ms = []
    for _ in range(REPEATS):
        started_s = time.perf_counter()
        question()
        took_ms.append((time.perf_counter() - started_s) * 1000)
    return {
        "p50_ms": percentile(took_ms, 0.5),
        "p99_ms": percentile(took_ms, 0.99),
        "max_ms": max(took_ms),
    }


def lines(results: list[dict[str, Any]]) -> list[tuple[str, list[list[str]]]]:
    """Lines of text. Pure."""
    rows = [
        [f"{r['rows']:,}", r["question"], *(f"{r[name]:.1f}" for name in ("p50_ms", "p99_ms", "max_ms"))]
        for r in results
    ]
    return [("questions and counts, no merges running", rows)]
