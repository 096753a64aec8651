"""Tells what an audit found: a table, a JSON object, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from common.model.stream import Feed, Stream
from consumer.audit.judge import Verdict
from consumer.audit.stage import COUNTS as STAGE_COUNTS
from consumer.audit.stage import StageVerdict
from consumer.commands.table import merged, show

COUNTS = ("messages", "events", "rows", "dead", "missing", "repeated", "lag")
MEND_MISSING = (
    "Kafka still holds what is missing. Stop all sinks, run `python -m consumer adopt`, start a sink: it inserts "
    "what is missing and nothing else."
)
MEND_REPEATED = (
    "Look at the rows with the statement behind each. Of messages that Kafka still holds you may delete all rows "
    "(ALTER TABLE … DELETE WHERE, same condition); then `python -m consumer adopt` lets a sink insert them once."
)

Stages = Mapping[str, Sequence[StageVerdict]]
"""Stream → a verdict for each of its transforms."""

Verdicts = Mapping[str, Sequence[Verdict]]
"""Topic → a verdict for each partition; none for a topic that does not exist."""


def unjudged(verdicts: Verdicts) -> list[str]:
    """Topics that do not exist, or of which the group has committed nothing of a partition with messages or rows."""
    return [
        topic
        for topic, each in verdicts.items()
        if not any(verdict.judged for verdict in each) or any(map(_is_left_out, each))
    ]


def _is_left_out(verdict: Verdict) -> bool:
    return not verdict.judged and bool(verdict.lag or verdict.rows)


def as_json(streams: Iterable[Stream], verdicts: Verdicts, stages: Stages) -> dict[str, Any]:
    """{"streams": {name: {count: …, "stages": [{…}]}}, "missing": in all, "repeated": in all, "unjudged": [topics]}."""
    sums: dict[str, Any] = {stream.name: _sums(_of(stream, verdicts)) for stream in streams}
    each_stage = [verdict for each in stages.values() for verdict in each]
    totals = {
        count: sum(each[count] for each in sums.values()) + sum(getattr(stage, count) for stage in each_stage)
        for count in ("missing", "repeated")
    }
    for stream in streams:
        sums[stream.name]["stages"] = [
            *map(_stage_as_json, stages.get(stream.name, ())),
            *(_sink_stage(feed, verdicts[feed.topic]) for feed in stream.feeds),
        ]
    left_out = [verdict.source for verdict in each_stage if not verdict.is_judged]
    return {"streams": sums, **totals, "unjudged": [*unjudged(verdicts), *left_out]}


def _stage_as_json(verdict: StageVerdict) -> dict[str, Any]:
    names = {"stage": verdict.name, "from": verdict.source, "to": verdict.target}
    return names | {count: getattr(verdict, count) for count in STAGE_COUNTS}


def _sink_stage(feed: Feed, each: Sequence[Verdict]) -> dict[str, Any]:
    """A sink is a stage, too: in messages, from the topic into its tables."""
    sums = _sums(each)
    counts = {
        "left": sums["messages"],
        "dead": sums["dead"],
        "late": 0,
        "pending": sums["lag"],
        "missing": sums["missing"],
        "repeated": sums["repeated"],
    }
    entered = sum(counts[count] for count in ("left", "dead", "pending", "missing"))
    names = {"stage": "sink", "from": feed.topic, "to": ", ".join(table.name for table in feed.tables)}
    return names | {"entered": entered} | counts


def show_stages(stages: Stages, out: TextIO) -> None:
    """A table with a line for each transform, if there are any."""
    rows: list[list[str | int]] = [
        [
            verdict.name,
            f"{verdict.source} → {verdict.target}",
            *(getattr(verdict, count) for count in STAGE_COUNTS),
        ]
        for each in stages.values()
        for verdict in each
    ]
    if rows:
        show(["transform", "topics", *STAGE_COUNTS], rows, out)


def explain_stages(stages: Stages, out: TextIO) -> None:
    """Every remark, and what is wrong with a transform's outputs."""
    for verdict in (verdict for each in stages.values() for verdict in each):
        for line in verdict.notes:
            out.write(f"{verdict.name}: {line}\n")
        if not verdict.is_sound:
            out.write(
                f"{verdict.name}: {verdict.missing:,} events of {verdict.source} are nowhere, {verdict.repeated:,} are "
                f"in {verdict.target} twice\n"
            )


def show_counts(streams: Iterable[Stream], verdicts: Verdicts, out: TextIO) -> None:
    """A table with a line for each partition, and one for each stream with more than one."""
    rows: list[list[str | int]] = []
    for stream in streams:
        each = _of(stream, verdicts)
        rows += [[stream.name, str(verdict.partition), *_counts(verdict)] for verdict in each]
        if len(each) != 1:
            rows.append([stream.name, "all", *_sums(each).values()])
    show(["stream", "partition", *COUNTS], rows, out)


def explain(feeds: Iterable[Feed], verdicts: Verdicts, out: TextIO) -> None:
    """The first addresses of what is wrong, every remark, and what to do."""
    for feed in feeds:
        if not verdicts[feed.topic]:
            out.write(f"{feed.topic}: there is no such topic. Create it: python -m common.topics\n")
        for verdict in verdicts[feed.topic]:
            _explain_findings(feed, verdict, out)
        for line in merged((str(one.partition), note) for one in verdicts[feed.topic] for note in one.notes):
            out.write(f"{line}\n")
    every = [verdict for each in verdicts.values() for verdict in each]
    missing, repeated = (sum(getattr(verdict, kind) for verdict in every) for kind in ("missing", "repeated"))
    out.write(f"{missing:,} messages are missing, {repeated:,} are repeated.\n")
    for topic in unjudged(verdicts):
        out.write(f"{topic}: {_why_unjudged(verdicts[topic])}\n")
    out.write(f"{MEND_MISSING}\n" if missing else "")
    out.write(f"{MEND_REPEATED}\n" if repeated else "")


def _why_unjudged(each: Sequence[Verdict]) -> str:
    if not each:
        return "nothing was judged. There is no such topic: is it the right cluster, and the right name?"
    if not any(verdict.judged for verdict in each):
        return "nothing was judged. The group has committed nothing: has a sink ever run, under this KAFKA_GROUP_ID?"
    names = ", ".join(str(verdict.partition) for verdict in each if _is_left_out(verdict))
    return f"not all was judged. The group has committed nothing of {names}: is a sink running?"


def _explain_findings(feed: Feed, verdict: Verdict, out: TextIO) -> None:
    for kind, findings in verdict.findings.items():
        for finding in findings:
            where = f"_tp = {verdict.tp} AND _off = {finding.offset}"
            sql = "; ".join(f"SELECT * FROM `{table.name}` WHERE {where}" for table in feed.tables)
            out.write(f"{kind}: {verdict.partition} offset {finding.offset}: {finding.how} ({sql})\n")
        more = getattr(verdict, kind) - len(findings)
        out.write(f"{kind}: {verdict.partition}: {more:,} more\n" if more > 0 else "")


def _of(stream: Stream, verdicts: Verdicts) -> list[Verdict]:
    return [verdict for feed in stream.feeds for verdict in verdicts[feed.topic]]


def _counts(verdict: Verdict) -> list[int]:
    return [getattr(verdict, count) for count in COUNTS]


def _sums(verdicts: Iterable[Verdict]) -> dict[str, int]:
    sums = [0] * len(COUNTS)
    for verdict in verdicts:
        sums = [so_far + count for so_far, count in zip(sums, _counts(verdict), strict=True)]
    return dict(zip(COUNTS, sums, strict=True))
