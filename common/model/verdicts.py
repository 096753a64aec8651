"""The table of verdicts: what scheduled audits have found, a row a partition or stage and round. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

TABLE = "penstock_verdicts"
KEPT_DAYS = 30
SINK = "sink"
WHOLE_STAGE = -1
COLUMNS = {
    "time": "DateTime64(3, 'UTC')",
    "stream": "LowCardinality(String)",
    "stage": "LowCardinality(String)",
    "topic": "LowCardinality(String)",
    "partition": "Int32",
    "judged_from": "UInt64",
    "judged_until": "UInt64",
    "messages": "UInt64",
    "dead": "UInt64",
    "late": "UInt64",
    "pending": "UInt64",
    "missing": "UInt64",
    "repeated": "UInt64",
    "sound": "Bool",
    "judged": "Bool",
    "first_wrong": "String",
    "notes": "Array(String)",
    "took_ms": "UInt64",
    "cut_by": "LowCardinality(String)",
    "parked": "String",
}
KEY = ("stream", "stage", "topic", "partition")


class Judged(NamedTuple):
    """What a verdict is about."""

    stream: str
    stage: str
    topic: str
    partition: int


@dataclass(frozen=True, kw_only=True)
class VerdictRow:
    """A row, its fields in the order of COLUMNS. All rows of a round have one `time` (UTC), when it began.

    `stage` is SINK or the name of a transform. Of a sink, a row is one partition of `topic`, of which the offsets
    [judged_from, judged_until) were judged, and counts messages: `messages` are whole in their tables, `dead` in dead
    letters, `pending` not committed yet. Of a transform, a row is the whole stage (`partition` WHOLE_STAGE, offsets 0)
    and counts events: `messages` are those that have left it, `late` came after their window was closed. A topic that
    could not be judged at all has one row, of WHOLE_STAGE. `sound`: nothing is missing, repeated, or deleted before it
    was stored. `judged`: all that was there to be judged has been, and no finding waits for a second look.
    `first_wrong` is the lowest address of what is wrong, or empty; `took_ms` is how long the stage's audit took.
    `cut_by`: why the sinks cut their last batch of the partition. `parked`: why nobody goes on with it, or empty.
    """

    time: datetime
    stream: str
    stage: str
    topic: str
    partition: int = WHOLE_STAGE
    judged_from: int = 0
    judged_until: int = 0
    messages: int = 0
    dead: int = 0
    late: int = 0
    pending: int = 0
    missing: int = 0
    repeated: int = 0
    sound: bool = True
    judged: bool = True
    first_wrong: str = ""
    notes: tuple[str, ...] = ()
    took_ms: int = 0
    cut_by: str = ""
    parked: str = ""

    @property
    def about(self) -> Judged:
        """What it judges."""
        return Judged(self.stream, self.stage, self.topic, self.partition)


def add_statement() -> str:
    """The DDL that adds the columns which a table of an earlier version lacks; nothing happens if it lacks none."""
    added = ", ".join(f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in COLUMNS.items())
    return f"ALTER TABLE `{TABLE}` {added}"


def create_statement() -> str:
    """The DDL of the table: rows go after KEPT_DAYS."""
    columns = ",\n    ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    return (
        f"CREATE TABLE IF NOT EXISTS `{TABLE}`\n(\n    {columns}\n)\nENGINE = MergeTree\n"
        f"PARTITION BY toYYYYMM(time)\nORDER BY ({', '.join(KEY)}, time)\n"
        f"TTL toDateTime(time) + INTERVAL {KEPT_DAYS} DAY"
    )
