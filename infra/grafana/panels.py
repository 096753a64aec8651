"""The kinds of panels that our dashboards have. Each takes SQL with the plugin's macros.

The grid is GRID units wide; `span` is a panel's part of it, `about` what its corner tells.
"""

from __future__ import annotations

from typing import Any

from infra.grafana.query import SOURCE, Target
from infra.grafana.sdk import (
    TextMode,
    barchart,
    common,
    dashboard,
    models,
    stat,
    table,
    text,
    timeseries,
    trend,
    values,
)

Panel = Any
"""A builder of a panel of whichever kind: those of the SDK share no type."""

GRID, NARROW, HEIGHT, LOW = 24, 4, 8, 4
SHORTEST_INTERVAL = "10s"
"""Points lie no closer: ClickHouse writes its log of parts every 7.5 s."""

Colors = tuple[tuple[float | None, str], ...]
"""From which value on which colour; the first has None, from minus infinity."""

BLUE: Colors = ((None, "blue"),)
RED_UNLESS_ZERO: Colors = ((None, "green"), (1.0, "red"))


def lines(title: str, sql: str, *, about: str = "", unit: str = "short", span: int = 12) -> Panel:
    """Lines over time: a time, then a number a line; or a time, a text that names the line, a number."""
    begun = _begun(timeseries.Panel(), title, sql, "timeseries", about, span)
    tooltip = common.VizTooltipOptions().mode(values.TooltipDisplayMode.MULTI)
    drawn = begun.interval(SHORTEST_INTERVAL).unit(unit).line_width(1).fill_opacity(10)
    return drawn.legend(_legend(shown=True)).tooltip(tooltip)


def limited_lines(title: str, sql: str, limit: float, *, about: str = "", span: int = 12) -> Panel:
    """The same with a line at a limit, and red above it."""
    style = common.GraphThresholdsStyleConfig().mode(values.GraphThresholdsStyleMode.LINE_AND_AREA)
    drawn = lines(title, sql, about=about, span=span)
    return drawn.thresholds(_thresholds(((None, "green"), (limit, "red")))).thresholds_style(style)


def number(
    title: str,
    sql: str,
    *,
    about: str = "",
    unit: str = "short",
    height: int = LOW,
    colors: Colors = BLUE,
) -> Panel:
    """One number, large."""
    reduced = common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
    begun = _begun(stat.Panel(), title, sql, "table", about, NARROW).height(height).unit(unit)
    colored = begun.thresholds(_thresholds(colors)).color_mode(values.BigValueColorMode.VALUE)
    return colored.graph_mode(values.BigValueGraphMode.NONE).reduce_options(reduced)


def rows(title: str, sql: str, *, about: str = "", span: int = 12) -> Panel:
    """A table."""
    return _begun(table.Panel(), title, sql, "table", about, span)


def bars(title: str, sql: str, x: str, *, about: str = "", span: int = 12) -> Panel:
    """A bar for each row; `x` is the column that names it, a text."""
    drawn = _begun(barchart.Panel(), title, sql, "table", about, span).x_field(x).x_tick_label_spacing(100)
    return drawn.show_value(values.VisibilityMode.NEVER).legend(_legend(shown=False))


def walk(title: str, sql: str, x: str, *, about: str = "", span: int = 12) -> Panel:
    """A line over a column of numbers, `x`; its values are on a logarithmic scale."""
    scale = common.ScaleDistributionConfig().type(values.ScaleDistribution.LOG).log(10)
    drawn = _begun(trend.Panel(), title, sql, "table", about, span).x_field(x).line_width(1)
    return drawn.scale_distribution(scale).legend(_legend(shown=False))


def words(markdown: str, *, span: int = GRID, height: int = LOW) -> Panel:
    """Text."""
    return text.Panel().mode(TextMode.MARKDOWN).content(markdown).height(height).span(span)


def _begun(panel: Panel, title: str, sql: str, kind: str, about: str, span: int) -> Panel:
    asked = panel.title(title).datasource(SOURCE).with_target(Target(sql, kind)).height(HEIGHT).span(span)
    return asked.description(about) if about else asked


def _legend(*, shown: bool) -> common.VizLegendOptions:
    legend = common.VizLegendOptions().show_legend(shown).display_mode(values.LegendDisplayMode.LIST)
    return legend.placement(values.LegendPlacement.BOTTOM)


def _thresholds(colors: Colors) -> dashboard.ThresholdsConfig:
    steps = [models.Threshold(value=value, color=color) for value, color in colors]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
