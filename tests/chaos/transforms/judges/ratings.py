"""ratings: each good rating makes one output with the right type. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.chaos.transforms.judges.records import Input, Record, differences, judge_letters, made_of
from tests.chaos.transforms.messages import Sort

Row = tuple[str, str, datetime]


def judge_ratings(
    inputs: Sequence[Input], outputs: Iterable[Record], letters: Iterable[Record], rows: Iterable[Row]
) -> list[str]:
    """`rows` are (type, unique_id, emit_timestamp)."""
    wanted: dict[tuple[int, int, int], dict[str, Any]] = {}
    for each in inputs:
        if each.sort is Sort.GOOD:
            for index, event in enumerate(each.events):
                wanted[*each.at, index] = _shadow_of(event, each.timestamp_ms)
    findings = judge_letters("dominate", inputs, letters, least=1, most=1)
    seen: Counter[tuple[int, int, int]] = Counter()
    for made in made_of(outputs):
        seen[made.source] += 1
        if made.source not in wanted:
            findings.append(f"shadow: an output of dominate {made.source}, which is no good message")
        elif json.loads(made.record.value or b"") != wanted[made.source]:
            findings.append(
                f"shadow: wrong output of dominate {made.source}: not {wanted[made.source]['type']}"
            )
    findings += [f"shadow: lost, no output of dominate {at}" for at in wanted if not seen[at]]
    findings += [
        f"shadow: repeated, {count} outputs of dominate {at}" for at, count in seen.items() if count > 1
    ]
    stored = Counter((kind, name, time.strftime("%Y-%m-%d %H:%M:%S")) for kind, name, time in rows)
    told = Counter((each["type"], each["unique_id"], each["emit_timestamp"]) for each in wanted.values())
    return findings + differences("table shadow", told, stored)


def _shadow_of(event: dict[str, Any], timestamp_ms: int) -> dict[str, Any]:
    rating = event["rating"]
    by_three, by_five = rating % 3 == 0, rating % 5 == 0
    names = {(True, True): "ShaDow", (True, False): "Sha", (False, True): "Dow"}
    emitted = datetime.fromtimestamp(timestamp_ms // 1000, UTC)
    return {
        "type": names.get((by_three, by_five), "Incompatible"),
        "unique_id": event["unique_id"],
        "emit_timestamp": emitted.strftime("%Y-%m-%d %H:%M:%S"),
    }
