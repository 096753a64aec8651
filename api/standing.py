"""How the pipeline stands, as JSON: topics, transforms, feeds, tables, dead letters, parked feeds, verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from api.look import Look
from api.parameters import described
from api.verdict import verdict_as_json
from api.workers import feed_as_json, parked_as_json, transform_as_json
from common.model.letters_as_json import reasons_json
from common.model.question import Chart, Question
from common.model.record import dead_name
from common.model.stream import Stream

Json = dict[str, Any]


def stream_as_json(
    stream: Stream, about: str, now: Look, before: Look | None, earlier: Look | None = None
) -> Json:
    """A stream as it stands; rates are those since `before`, the pace of sinks and transforms that since `earlier`."""
    feeds = [feed_as_json(feed, now, earlier) for feed in stream.feeds]
    transforms = [transform_as_json(each, now, earlier) for each in stream.transforms]
    topics = [_topic(topic, now, before) for topic in stream.topics]
    tables = list(dict.fromkeys(table.name for feed in stream.feeds for table in feed.tables))
    every_table = [_table(name, now, before) for name in tables]
    firsts = list(dict.fromkeys(feed.tables[0].name for feed in stream.feeds))
    works = (*feeds, *transforms)
    return {
        "name": stream.name,
        "help": about,
        "producer": stream.generate is not None,
        "topics": topics,
        "transforms": transforms,
        "feeds": feeds,
        "tables": every_table,
        "messages_per_second": _sent_per_second(topics, transforms),
        "rows": _sum(each["rows"] for each in every_table if each["name"] in firsts),
        "rows_per_second": _sum(each["per_second"] for each in every_table if each["name"] in firsts),
        "lag": _sum(each["lag"] for each in works),
        "behind_s": _behind_s(works),
        "dead": [_dead(topic, now) for topic in stream.read_topics],
        "parked": parked_as_json(stream, now.kafka),
        "verdict": verdict_as_json(stream.name, now),
    }


def _sent_per_second(topics: Sequence[Json], transforms: Sequence[Json]) -> float | None:
    """Messages a second into the topics that no transform writes; None if nothing is known of them."""
    made = {transform["target"] for transform in transforms}
    sent = _sum(topic["per_second"] for topic in topics if topic["name"] not in made)
    return None if sent is None else round(sent, 1)


def _behind_s(works: Sequence[Json]) -> float | None:
    """The longest of all; None where one of them has a lag and it is not known how long that takes."""
    if not works or any(each["lag"] and each["behind_s"] is None for each in works):
        return None
    return max((each["behind_s"] for each in works if each["behind_s"] is not None), default=None)


def questions_as_json(stream: Stream) -> list[Json]:
    """The questions of a stream, for forms."""
    return [_question(stream, question) for question in stream.questions]


def _question(stream: Stream, question: Question) -> Json:
    return {
        "name": question.name,
        "help": question.help,
        "path": f"/streams/{stream.name}/{question.name}",
        "aliases": [f"/{alias.path}" for alias in question.aliases],
        "parameters": described(question),
        "chart": None if question.chart is None else _chart(question.chart),
        "columns": list(question.example),
    }


def _chart(chart: Chart) -> Json:
    return chart._asdict() | {"unit": None if chart.unit is None else chart.unit._asdict()}


def _topic(topic: str, now: Look, before: Look | None) -> Json:
    span = now.kafka.span(topic) if now.kafka else None
    earlier = before.kafka.span(topic) if before and before.kafka else None
    ends = (span[2] if span else None), (earlier[2] if earlier else None)
    return {
        "name": topic,
        "partitions": span[0] if span else None,
        "messages": span[1] if span else None,
        "per_second": _rate(*ends, now, before),
    }


def _table(name: str, now: Look, before: Look | None) -> Json:
    rows = None if now.rows is None else now.rows.get(name)
    earlier = None if before is None or before.rows is None else before.rows.get(name)
    return {"name": name, "rows": rows, "per_second": _rate(rows, earlier, now, before)}


def _rate(count: int | None, earlier: int | None, now: Look, before: Look | None) -> float | None:
    if count is None or earlier is None or before is None or now.at_s <= before.at_s:
        return None
    return round(max(0, count - earlier) / (now.at_s - before.at_s), 1)


def _dead(topic: str, now: Look) -> Json:
    dead_topic = dead_name(topic)
    reasons = now.letters.get(dead_topic)
    return {
        "topic": topic,
        "dead_topic": dead_topic,
        "letters": None if reasons is None else sum(reasons.values()),
        "counting": dead_topic in now.counting,
        "reasons": reasons_json(reasons or {}),
    }


def _sum(values: Iterable[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
