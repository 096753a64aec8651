"""Section `growth`: does inserting become slower as the table grows? Walks, 100,000 rows an INSERT, a token each.

A stretch is what went in between one size and the next. Its rate holds what merges take beside the INSERTs, and each
row is merged more often the larger the table is; the quickest tenth of its INSERTs are those that ran almost alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.bench.bench import Bench
from tests.bench.figures import percentile
from tests.bench.processes import cpu_s
from tests.bench.walks import BLOCK_ROWS, Block, Walks

HEADINGS = (
    "rows in the table",
    "inserting up to there, M rows/s",
    "of the first",
    "ClickHouse's CPU, µs a row",
    "100,000 rows, quickest tenth, ms",
    "median, ms",
)


def milestones(rows: int) -> list[int]:
    """10^6, 10^7, … up to `rows`, and `rows` itself. Pure."""
    powers = [10**power for power in range(6, 12) if 10**power < rows]
    return [*powers, rows]


def stretches(
    blocks: Sequence[Block], cpu_s_after: Sequence[float], sizes: Sequence[int]
) -> list[dict[str, float]]:
    """One result a size: what went in since the one before. Pure.

    `cpu_s_after[i]` is the CPU that ClickHouse had used, from the first INSERT on, when `blocks[i]` was in.
    """
    results: list[dict[str, float]] = []
    first, used_s = 0, 0.0
    for size in sizes:
        end = next(index for index, block in enumerate(blocks) if block.total_rows >= size) + 1
        here = blocks[first:end]
        rows, took_s = sum(block.rows for block in here), sum(block.took_s for block in here)
        ms = [1000 * block.took_s * BLOCK_ROWS / block.rows for block in here]
        results.append(
            {
                "rows": size,
                "rows_per_s": rows / took_s,
                "clickhouse_us": 1e6 * (cpu_s_after[end - 1] - used_s) / rows,
                "quick_ms": percentile(ms, 0.1),
                "median_ms": percentile(ms, 0.5),
            }
        )
        first, used_s = end, cpu_s_after[end - 1]
    return [{**each, "of_first": each["rows_per_s"] / results[0]["rows_per_s"]} for each in results]


def measure(bench: Bench, rows: int) -> tuple[list[dict[str, Any]], Walks]:
    """One result a milestone, and the table for who comes next."""
    walks, pid = Walks(bench.settings.clickhouse), bench.stack.clickhouse.pid
    assert pid is not None
    blocks: list[Block] = []
    used_s: list[float] = []
    before_s = cpu_s(pid)
    with bench.console.status("growth") as status:
        for block in walks.grow(rows, lambda now: status.update(f"growth: {now:,} of {rows:,} rows")):
            blocks.append(block)
            used_s.append(cpu_s(pid) - before_s)
    return stretches(blocks, used_s, milestones(rows)), walks


def lines(results: list[dict[str, Any]]) -> list[tuple[str, list[list[str]]]]:
    """Lines of text. Pure."""
    rows = [
        [
            f"{r['rows']:,}",
            f"{r['rows_per_s'] / 1e6:.2f}",
            f"{r['of_first']:.0%}",
            f"{r['clickhouse_us']:.2f}",
            f"{r['quick_ms']:.0f}",
            f"{r['median_ms']:.0f}",
        ]
        for r in results
    ]
    return [("inserting as the table grows, from the size before", rows)]
