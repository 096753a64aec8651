"""The rule that watches the mid price, as Grafana's alerting reads it from a file."""

from __future__ import annotations

from typing import Any

import yaml  # type: ignore[import-untyped]

from common.streams import quotes
from infra.grafana.query import DATASOURCE, Query
from infra.grafana.screens import panel_id, uid_of
from infra.grafana.streams import MID_PRICE_TITLE, mid_price

UID = "penstock-mid-price"
FOLDER = "Penstock"
LOOKS_BACK_S = 60
EVERY = "10s"
EXPRESSION = "__expr__"
"""The data source of what Grafana computes itself."""

HEAD = "# Written by `python -m infra.grafana`: the threshold is THRESHOLD of common/streams/quotes.py.\n"


class _Dumper(yaml.SafeDumper):
    """Writes SQL as it reads."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def rules() -> str:
    """The file."""
    limit, screen = quotes.THRESHOLD, uid_of(quotes.STREAM)
    rule = {
        "uid": UID,
        "title": f"Mid price above {limit:g}",
        "condition": "C",
        "data": [_asked(), _reduced(), _compared(limit)],
        "noDataState": "OK",
        "execErrState": "Error",
        "for": "0s",
        "labels": {"stream": quotes.STREAM.name},
        "annotations": {
            "summary": f"(ask_01 + bid_01) / 2 was above {limit:g} within the last {LOOKS_BACK_S} s: "
            "{{ $values.B.Value }}",
        },
        "dashboardUid": screen,
        "panelId": panel_id(screen, MID_PRICE_TITLE),
        "isPaused": False,
    }
    group = {"orgId": 1, "name": quotes.STREAM.name, "folder": FOLDER, "interval": EVERY, "rules": [rule]}
    return HEAD + yaml.dump({"apiVersion": 1, "groups": [group]}, Dumper=_Dumper, sort_keys=False, width=118)


def _asked() -> dict[str, Any]:
    model = Query(mid_price("max"), "timeseries").to_json()
    window = {"from": LOOKS_BACK_S, "to": 0}
    return {"refId": "A", "relativeTimeRange": window, "datasourceUid": DATASOURCE, "model": model}


def _reduced() -> dict[str, Any]:
    """The highest of all intervals, without those that have no price."""
    how = {"type": "reduce", "expression": "A", "reducer": "max", "settings": {"mode": "dropNN"}}
    return _computed("B", how)


def _compared(limit: float) -> dict[str, Any]:
    condition = {"evaluator": {"type": "gt", "params": [limit]}}
    return _computed("C", {"type": "threshold", "expression": "B", "conditions": [condition]})


def _computed(ref_id: str, how: dict[str, Any]) -> dict[str, Any]:
    source = {"type": EXPRESSION, "uid": EXPRESSION}
    model = {"refId": ref_id, "datasource": source, **how}
    return {
        "refId": ref_id,
        "relativeTimeRange": {"from": 0, "to": 0},
        "datasourceUid": EXPRESSION,
        "model": model,
    }
