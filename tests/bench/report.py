"""Shows results on the terminal and writes BENCHMARKS.md; parts are kept as JSON, so that one can be measured anew."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

from rich.console import Console
from rich.table import Table

from infra.local.settings import REPOSITORY
from tests.bench import costs, freshness, growth, main_table, memory, questions, rest, restart, transforms
from tests.bench.targets import Target, judged

KEPT = REPOSITORY / "var" / "bench"
BENCHMARKS = REPOSITORY / "BENCHMARKS.md"
SECTIONS: dict[str, ModuleType] = {
    "main": main_table,
    "costs": costs,
    "freshness": freshness,
    "memory": memory,
    "growth": growth,
    "questions": questions,
    "api": rest,
    "transforms": transforms,
    "restart": restart,
}
PACKAGES = ("kafka-python", "clickhouse-driver", "msgspec", "numpy", "aiokafka", "chdb-core")
CONNECT = """\
For comparison, not measured by this command: ClickHouse's Kafka Connect sink v1.5.0, on such a machine, with the same
topic of 67-byte messages, stored 0.16 M rows/s, 0.09-0.11 M per CPU-second, with exactly-once or without; 0.37 M rows/s
with raw JSON passed through, which ClickHouse then has to parse.
"""
READING = """\
`M rows/s` is the median of the runs, which are interleaved; `spread` their lowest and highest. `own` are the rows (M)
per CPU-second of the measured process, `ClickHouse's` those of the server it writes to, `together` those of both.
Brokers share the machine and are not counted. A sink's time begins before it joins its group. All of the Kafka
engine's CPU is ClickHouse's; its flush interval is set to the sink's batch age (1 s), its default is 7.5 s. It runs in
a server of its own, of the stack's build: ClickHouse 26.9.2.1 as chdb-core 26.9.0 packs it, not ClickHouse's package.

`--folder` names the disk that the servers use. An INSERT creates twenty to sixty files, and on ext4 without a journal
the kernel searches long for an inode that was not just deleted: there ClickHouse's CPU a row is half as much again.
"""


def keep(section: str, results: list[dict[str, Any]], command: str, made: str) -> None:
    """Write a section's results to var/bench/."""
    KEPT.mkdir(parents=True, exist_ok=True)
    part = {"made": made, "command": command, "machine": machine(), "results": results}
    (KEPT / f"{section}.json").write_text(json.dumps(part))


def kept() -> dict[str, dict[str, Any]]:
    """Every section that was measured, in order."""
    files = {section: KEPT / f"{section}.json" for section in SECTIONS}
    return {section: json.loads(file.read_text()) for section, file in files.items() if file.exists()}


def show(console: Console, section: str, results: list[dict[str, Any]]) -> None:
    """Print a section's tables."""
    module = SECTIONS[section]
    for title, rows in module.lines(results):
        shown = Table(title=title, title_justify="left")
        for heading in module.HEADINGS:
            shown.add_column(heading, justify="right" if heading else "left")
        for row in rows:
            shown.add_row(*row)
        console.print(shown)


def show_targets(console: Console, sections: dict[str, list[dict[str, Any]]]) -> bool:
    """Print what is reached; whether nothing that was measured falls short."""
    targets = judged(sections)
    for target in targets:
        if target.met is not None:
            console.print(f"{_word(target):8} {target.what}: {target.figure}", highlight=False)
    return all(target.met is not False for target in targets)


def write(path: Path = BENCHMARKS) -> None:
    """Write BENCHMARKS.md from the parts."""
    path.write_text(markdown(kept()))


def markdown(parts: dict[str, dict[str, Any]]) -> str:
    """BENCHMARKS.md. Pure."""
    text = [
        "# Benchmarks",
        "",
        "Written by `make bench` (`python -m tests.bench --help` tells more); not to be edited by hand.",
        "",
        READING,
    ]
    text += [CONNECT, "## To reach", "", *_table(("target", "figure", ""), _targets(parts)), ""]
    for section, part in parts.items():
        text += [f"## {section}", "", f"`{part['command']}`, {part['made']}, {part['machine']}.", ""]
        for title, rows in SECTIONS[section].lines(part["results"]):
            text += [f"**{title}**", "", *_table(SECTIONS[section].HEADINGS, rows), ""]
    return "\n".join(text)


def _targets(parts: dict[str, dict[str, Any]]) -> list[list[str]]:
    found = judged({section: part["results"] for section, part in parts.items()})
    return [[target.what, target.figure, _word(target)] for target in found]


def _word(target: Target) -> str:
    return "open" if target.met is None else "met" if target.met else "not met"


def _table(headings: tuple[str, ...], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(headings) + " |", "|---" + "|--:" * (len(headings) - 1) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def machine() -> str:
    """What this was measured on."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    words = [f"{os.cpu_count()} cores ({_processor()})", f"{memory_gib:.0f} GiB", platform.system()]
    words += [f"Python {platform.python_version()}"]
    words += [f"{name} {_version(name)}" for name in PACKAGES]
    return ", ".join(words)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    found = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return found[0] if found else platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
