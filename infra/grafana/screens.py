"""The dashboards: one of the whole pipeline, one of each stream."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from common.model.stream import Stream
from common.streams import ABOUT, STREAMS
from infra.grafana.panels import GRID, Panel
from infra.grafana.pipeline import pipeline_panels, stream_panels
from infra.grafana.sdk import JSONEncoder, dashboard, models
from infra.grafana.streams import BOXES, own_panels

TAG = "penstock"
PIPELINE = "penstock"
RANGE, REFRESH = "now-15m", "10s"
NO_BOXES: Mapping[str, str] = {}


def uid_of(stream: Stream) -> str:
    """The uid of a stream's dashboard."""
    return f"{TAG}-{stream.name}"


def screens() -> dict[str, dict[str, Any]]:
    """uid → dashboard, as Grafana reads it."""
    found = {PIPELINE: _screen(PIPELINE, "Penstock", "How all streams are carried.", pipeline_panels())}
    for stream in STREAMS.values():
        made = [*own_panels(stream), *stream_panels(stream)]
        boxes = BOXES.get(stream.name, {})
        found[uid_of(stream)] = _screen(uid_of(stream), stream.name, ABOUT[stream.name], made, boxes)
    return found


def _screen(
    uid: str, title: str, about: str, made: Sequence[Panel], boxes: Mapping[str, str] = NO_BOXES
) -> dict[str, Any]:
    link = dashboard.DashboardLink("Dashboards").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
    screen = dashboard.Dashboard(title).uid(uid).description(about).tags([TAG]).time(RANGE, "now")
    screen.refresh(REFRESH).timezone("browser").readonly().link(link.as_dropdown(True).keep_time(True))
    screen.tooltip(models.DashboardCursorSync.CROSSHAIR)
    for name, value in boxes.items():
        at_first = models.VariableOption(selected=True, text=value, value=value)
        screen.with_variable(dashboard.TextBoxVariable(name).default_value(value).current(at_first))
    for panel in _placed(made):
        screen.with_panel(panel)
    built: dict[str, Any] = json.loads(json.dumps(screen.build(), cls=JSONEncoder))
    return built


def _placed(made: Sequence[Panel]) -> Iterator[Panel]:
    """The panels in rows as wide as the grid, and numbered."""
    x = y = height = 0
    for number, panel in enumerate(made, start=1):
        size = panel.build().grid_pos
        if x + size.w > GRID:
            x, y, height = 0, y + height, 0
        yield panel.id(number).grid_pos(models.GridPos(h=size.h, w=size.w, x=x, y=y))
        x, height = x + size.w, max(height, size.h)


def panel_id(uid: str, title: str) -> int:
    """The number of the panel with that title."""
    found = [panel["id"] for panel in screens()[uid]["panels"] if panel.get("title") == title]
    (number,) = found
    return int(number)
