"""A query of the ClickHouse plugin (grafana-clickhouse-datasource), which the SDK has no type for."""

from __future__ import annotations

import textwrap
from typing import Any

from infra.grafana.sdk import Builder, Dataquery, values

PLUGIN = "grafana-clickhouse-datasource"
PLUGIN_VERSION = "4.20.0"
DATASOURCE = "penstock-clickhouse"
"""The uid of the data source, as provisioning/datasources/ states it."""

_FORMATS = {"timeseries": 0, "table": 1}

SOURCE = values.DataSourceRef(type_val=PLUGIN, uid=DATASOURCE)


class Query(Dataquery):
    """SQL for the plugin, with its macros. `kind` is "timeseries" or "table"."""

    def __init__(self, sql: str, kind: str, ref_id: str = "A") -> None:
        self.sql = textwrap.dedent(sql).strip()
        self.kind, self.ref_id = kind, ref_id

    def to_json(self) -> dict[str, Any]:
        """As Grafana stores it, in a dashboard or in a rule."""
        return {
            "refId": self.ref_id,
            "datasource": {"type": PLUGIN, "uid": DATASOURCE},
            "editorType": "sql",
            "queryType": self.kind,
            "format": _FORMATS[self.kind],
            "pluginVersion": PLUGIN_VERSION,
            "rawSql": self.sql,
        }


def over_time(table: str, time: str, figures: str, *, by: str = "", where: str = "") -> str:
    """Figures of each interval of the column `time`, a line each; `by`: a line for each value of this column."""
    name = f"{by}, " if by else ""
    return (
        f"SELECT $__timeInterval({time}) AS at, {name}{figures}\nFROM {table}\n"
        f"WHERE $__timeFilter({time}){f' AND {where}' if where else ''}\n"
        f"GROUP BY at{f', {by}' if by else ''} ORDER BY at"
    )


class Target(Builder[Dataquery]):
    """A query, as a panel's builder wants it."""

    def __init__(self, sql: str, kind: str) -> None:
        self._query = Query(sql, kind)

    def build(self) -> Dataquery:
        """The query."""
        return self._query
