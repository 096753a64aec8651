"""What the sinks' logs say about one address: the lines whose range covers it, of all sinks, in order of time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

MOST_LINES = 60


def lines_about(folder: Path, partition: str, offset: int) -> list[str]:
    """At most MOST_LINES lines, each behind the name of its log."""
    found = sorted(
        (str(fields.get("time", "")), log.name, line)
        for log in folder.glob("sink*.log")
        for line, fields in _parsed(log)
        if covers(fields, partition, offset)
    )
    return [f"{name}: {line}" for _, name, line in found[:MOST_LINES]]


def covers(fields: dict[str, object], partition: str, offset: int) -> bool:
    """Whether a line speaks of a range of that partition with that offset in it."""
    first, behind = fields.get("first"), fields.get("next")
    if fields.get("partition") != partition or not isinstance(first, int):
        return False
    return first <= offset and (not isinstance(behind, int) or offset < behind)


def _parsed(log: Path) -> Iterator[tuple[str, dict[str, object]]]:
    for line in log.read_text(errors="replace").splitlines():
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        if isinstance(fields, dict):
            yield line, fields
