"""Grafana's files as its readers see them, and the macros of its ClickHouse plugin, expanded as its macros.go does.

for asked in every_query():
    client.execute(expanded(asked.sql, from_s=..., to_s=...))
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml  # type: ignore[import-untyped]

FOLDER = Path(__file__).resolve().parents[2] / "infra" / "grafana"
_MACRO = re.compile(r"\$__(\w+)(?:\(([^()]*)\))?")
_VARIABLE = re.compile(r"\$\{(\w+):sqlstring\}")
_NO_VARIABLES: Mapping[str, str] = {}


class Asked(NamedTuple):
    """A query of a dashboard or a rule: where it stands, its SQL, and what its variables are at first."""

    where: str
    sql: str
    variables: Mapping[str, str]


def dashboards() -> dict[str, dict[str, Any]]:
    """Name of a file → dashboard."""
    return {
        path.stem: json.loads(path.read_text()) for path in sorted((FOLDER / "dashboards").glob("*.json"))
    }


def provisioning(name: str) -> dict[str, Any]:
    """One of the files below provisioning/."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / "provisioning" / name).read_text())
    return found


def rule() -> dict[str, Any]:
    """The one alert rule."""
    (group,) = provisioning("alerting/rules.yaml")["groups"]
    (found,) = group["rules"]
    assert isinstance(found, dict)
    return found


def every_query() -> Iterator[Asked]:
    """Of all dashboards, and of the rule."""
    for name, dashboard in dashboards().items():
        variables = {
            each["name"]: each["current"]["value"] for each in dashboard["templating"].get("list", ())
        }
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                yield Asked(f"{name}/{panel['id']} {panel['title']}", target["rawSql"], variables)
    (asked,) = (each for each in rule()["data"] if "rawSql" in each["model"])
    yield Asked("rule", asked["model"]["rawSql"], {})


def _day(unix_s: int) -> str:
    return f"toDate('{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%d}')"


_MACROS = {
    "timeFilter": lambda column, from_s, to_s, _: (
        f"{column} >= toDateTime({from_s}) AND {column} <= toDateTime({to_s})"
    ),
    "dateFilter": lambda column, from_s, to_s, _: f"{column} >= {_day(from_s)} AND {column} <= {_day(to_s)}",
    "timeInterval": lambda column, _from, _to, interval_s: (
        f"toStartOfInterval(toDateTime({column}), INTERVAL {interval_s} second)"
    ),
    "interval_s": lambda _, _from, _to, interval_s: str(interval_s),
}


def expanded(
    sql: str,
    *,
    from_s: float,
    to_s: float,
    interval_s: int = 10,
    variables: Mapping[str, str] = _NO_VARIABLES,
) -> str:
    """SQL as it reaches ClickHouse. Raises KeyError for a macro or a variable that nobody knows."""

    def macro(found: re.Match[str]) -> str:
        return _MACROS[found[1]](found[2], int(from_s), int(to_s), interval_s)

    def variable(found: re.Match[str]) -> str:
        return "'" + variables[found[1]].replace("'", "''") + "'"

    return _MACRO.sub(macro, _VARIABLE.sub(variable, sql))


def fires(asked: Callable[[str], list[tuple[Any, ...]]], to_s: float) -> bool:
    """Whether the rule would fire at a moment: `asked` answers SQL. Of expressions it knows those that the rule has."""
    query, reduced, compared = (each["model"] for each in rule()["data"])
    looks_back_s = rule()["data"][0]["relativeTimeRange"]["from"]
    rows = asked(expanded(query["rawSql"], from_s=to_s - looks_back_s, to_s=to_s, interval_s=1))
    assert (reduced["reducer"], reduced["settings"]) == ("max", {"mode": "dropNN"})
    found = [row[1] for row in rows if row[1] is not None and math.isfinite(row[1])]
    (condition,) = compared["conditions"]
    assert condition["evaluator"]["type"] == "gt"
    return bool(found) and max(found) > condition["evaluator"]["params"][0]
