"""The dashboards: which questions they ask, in SQL of the streams where a stream states the question."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from common.streams import STREAMS

WIDTH = 24
"""Columns of Metabase's grid."""


class Place(NamedTuple):
    """Where a card stands on the grid, and how large it is."""

    col: int
    row: int
    size_x: int
    size_y: int


LEFT_TOP, RIGHT_TOP = Place(0, 0, 12, 8), Place(12, 0, 12, 8)
LEFT_BELOW, RIGHT_BELOW = Place(0, 8, 12, 8), Place(12, 8, 12, 8)


@dataclass(frozen=True, kw_only=True)
class Card:
    """A question. `display` and `look` are Metabase's; `numbers`: the {{variables}} of the SQL, and their defaults."""

    name: str
    description: str
    sql: str
    display: str
    place: Place
    look: Mapping[str, Any] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """Cards under a name."""

    name: str
    description: str
    cards: tuple[Card, ...]


def stated(stream: str, question: str, **values: str) -> str:
    """The SQL of a stream's question, each parameter replaced by an expression and cast to the parameter's type."""
    (found,) = (each for each in STREAMS[stream].questions if each.name == question)
    sql = found.sql.replace("{table}", STREAMS[stream].feeds[found.feed].tables[0].name)
    return re.sub(r"\{(\w+):(\w+)\}", lambda named: f"to{named[2]}({values[named[1]]})", sql)


def axes(across: str, *upwards: str) -> dict[str, Any]:
    """What is drawn along which axis."""
    return {"graph.dimensions": across.split(), "graph.metrics": list(upwards)}


_LONGEST = "(SELECT max(tuple(step, number)).2 FROM data_series)"

RATINGS = Dashboard(
    name="Ratings",
    description="People by type: what the transform made of their ratings.",
    cards=(
        Card(
            name="People by type",
            description="How many people are of each type, the most frequent first.",
            sql=stated("ratings", "count_by_type"),
            display="bar",
            look=axes("type", "people"),
            place=LEFT_TOP,
        ),
        Card(
            name="Share of each type",
            description="A type's share of all people.",
            sql="SELECT type, round(100 * count() / (SELECT count() FROM shadow), 2) AS percent FROM shadow "
            "GROUP BY type ORDER BY percent DESC, type",
            display="pie",
            look={"pie.dimension": "type", "pie.metric": "percent"},
            place=RIGHT_TOP,
        ),
        Card(
            name="People a minute",
            description="How many people of each type were rated in each minute of the last hour.",
            sql="SELECT toStartOfMinute(emit_timestamp) AS minute, type, count() AS people FROM shadow "
            "WHERE emit_timestamp >= now() - INTERVAL 1 HOUR GROUP BY minute, type ORDER BY minute, type",
            display="line",
            look=axes("minute type", "people"),
            place=LEFT_BELOW,
        ),
        Card(
            name="People in all",
            description="How many people there are.",
            sql="SELECT count() AS people FROM shadow",
            display="scalar",
            place=RIGHT_BELOW,
        ),
    ),
)

COLLATZ = Dashboard(
    name="Collatz",
    description="The four questions of Collatz walks.",
    cards=(
        Card(
            name="Longest walk",
            description="The number with the longest walk, and its steps.",
            sql=stated("collatz", "longest_step_chain"),
            display="table",
            place=LEFT_TOP,
        ),
        Card(
            name="Highest value",
            description="The highest value of any walk, and the number it belongs to.",
            sql=stated("collatz", "highest_value").replace("m.1 AS value", "toString(m.1) AS value"),
            display="table",
            place=RIGHT_TOP,
        ),
        Card(
            name="Numbers whose walk contains x",
            description="The first thousand of them.",
            sql=stated("collatz", "part", x="{{x}}", after="0"),
            numbers={"x": 1024},
            display="table",
            place=LEFT_BELOW,
        ),
        Card(
            name="Steps of the longest walk",
            description="Every step of it.",
            sql=stated("collatz", "steps", n=_LONGEST).replace("any(value)", "toFloat64(any(value))"),
            display="line",
            look=axes("step", "value"),
            place=RIGHT_BELOW,
        ),
    ),
)

DASHBOARDS = (RATINGS, COLLATZ)
