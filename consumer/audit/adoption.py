"""Decides at which offset a group goes on when its own word is lost or not to be trusted: the tables are the truth.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from common.commits.intent import Intent
from common.commits.position import Position
from common.model.ranges import Committed
from consumer.audit.judge import Verdict

TAIL_OFFSETS, TAIL_ROWS = 1_000_000, 2_000_000
"""A sink rebuilds the whole range that an intent names, in memory: this is the longest it may be."""


@dataclass(frozen=True)
class Step:
    """What is to be done with a partition: what to commit (None: leave it), or why nothing can be done."""

    position: Position
    says: str
    commit: Committed | None = None
    refused: bool = False


def stored_until(position: Position, highest: int | None) -> int:
    """The offset up to which a partition seems to be stored; `highest` is the last one with rows or a dead letter."""
    if _is_in_flight(position):
        return position.committed or 0
    claimed = position.committed if position.intent is not None else None
    if (
        claimed is not None and claimed > position.end
    ):  # set by hand, or the log was cut: then there are rows past its end
        claimed = None
    return max(position.first, claimed or 0, 0 if highest is None else highest + 1)


def without_overtaken_range(position: Position, highest: int | None) -> Position:
    """The same position, without its named range if the tables hold rows past it: then no sink can finish it."""
    intent = position.intent
    if intent is None or intent.next is None or highest is None or highest < intent.next:
        return position
    return replace(position, intent=replace(intent, next=None, attempt=1, pieces=1))


def _is_in_flight(position: Position) -> bool:
    """Whether a sink has named a range, and another one can finish it."""
    return position.intent is not None and position.intent.next is not None and not position.expired


def objection(position: Position, highest: int | None, *, skip_expired: bool) -> Step | None:
    """Why the partition cannot be adopted, as far as that shows without an auditor."""
    is_ours = position.intent is not None
    stored = position.committed if is_ours else None if highest is None else highest + 1
    if stored is not None and stored < position.first and not skip_expired:
        says = (
            f"offsets {stored}-{position.first} were deleted by retention before they were stored. Raise retention for "
            "what comes; to go on without them: --skip-expired"
        )
        return Step(position, says, refused=True)
    until = stored_until(position, highest)
    if until > position.end:
        says = f"offsets up to {until} were stored or committed, but the log ends at {position.end}: it was cut off"
        return Step(position, says, refused=True)
    return None


def decide(position: Position, verdict: Verdict, idle: Intent) -> Step:
    """What to do, once [log start, stored_until) was inspected; `idle` is what a sink of today would commit."""
    first, until = verdict.first, verdict.until
    if verdict.missing:
        return _mend(position, verdict, idle)
    if position.intent is not None and _is_in_flight(position):
        return Step(
            position, f"nothing to do: a sink will finish {position.committed}-{position.intent.next}"
        )
    if position.intent is not None and position.committed == until:
        return Step(position, "nothing to do: all before is stored")
    says = f"start at {first}: nothing is stored from there on"
    if until > first:
        says = f"go on at {until}: {first}-{until} is stored, {verdict.messages:,} messages, {verdict.dead:,} dead"
    return Step(position, says, Committed(until, idle.encode()))


def _mend(position: Position, verdict: Verdict, idle: Intent) -> Step:
    """Name the range from the first message that is missing, so that a sink inserts what it lacks and nothing else."""
    assert verdict.first_missing is not None
    start, until = verdict.first_missing, verdict.until
    found = f"{verdict.missing:,} messages are missing from {start} on"
    if position.intent is not None and _is_in_flight(position):
        says = f"{found}, but {position.committed}-{position.intent.next} was about to be stored: start a sink, let it"
        return Step(position, f"{says} finish that, stop it, and adopt again", refused=True)
    if verdict.repeated:
        says = f"{found}, {verdict.repeated:,} are repeated: `python -m consumer audit` names them, delete them first"
        return Step(position, says, refused=True)
    rows = (until - start) * verdict.rows // max(1, verdict.messages)
    if until - start > TAIL_OFFSETS or rows > TAIL_ROWS:
        says = (
            f"{found}, and {until - start:,} offsets (about {rows:,} rows) would have to be compared; a sink can do "
            f"{TAIL_OFFSETS:,} ({TAIL_ROWS:,}). To store all that Kafka still holds anew: TRUNCATE the tables and "
            "start the sinks under another KAFKA_GROUP_ID"
        )
        return Step(position, says, refused=True)
    intent = replace(idle, next=until)
    says = f"go on at {start} and insert what is missing up to {until}: {verdict.missing:,} messages"
    return Step(position, says, Committed(start, intent.encode()))
