"""Section `growth`: does inserting become slower as the table grows? Walks, 100,000 rows an INSERT, a token each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.bench.bench import Bench
from tests.bench.walks import Block, Walks

WINDOW_ROWS = 1_000_000
HEADINGS = ("rows in the table", "inserting, M rows/s", "of the first")


def milestones(rows: int) -> list[int]:
    """10^6, 10^7, … up to `rows`, and `rows` itself. Pure."""
    powers = [10**power for power in range(6, 12) if 10**power < rows]
    return [*powers, rows]


def rate_before(blocks: Sequence[Block], total_rows: int, window_rows: int = WINDOW_ROWS) -> float:
    """Rows a second of the INSERTs that brought the table from `window_rows` below `total_rows` to it. Pure."""
    first = total_rows - window_rows
    kept = [block for block in blocks if first < block.total_rows - block.rows // 2 <= total_rows]
    return sum(block.rows for block in kept) / sum(block.took_s for block in kept)


def measure(bench: Bench, rows: int) -> tuple[list[dict[str, Any]], Walks]:
    """One result a milestone, and the table for who comes next."""
    walks = Walks(bench.settings.clickhouse)
    with bench.console.status("growth") as status:
        show = lambda rows_now: status.update(f"growth: {rows_now:,} of {rows:,} rows")  # noqa: E731
        blocks = list(walks.grow(rows, show))
    first = rate_before(blocks, milestones(rows)[0])
    results = []
    for milestone in milestones(rows):
        rate = rate_before(blocks, milestone)
        results.append({"rows": milestone, "rows_per_s": rate, "of_first": rate / first})
    return results, walks


def lines(results: list[dict[str, Any]]) -> list[tuple[str, list[list[str]]]]:
    """Lines of text. Pure."""
    rows = [[f"{r['rows']:,}", f"{r['rows_per_s'] / 1e6:.2f}", f"{r['of_first']:.0%}"] for r in results]
    return [("inserting as the table grows (the last million rows before each size)", rows)]
