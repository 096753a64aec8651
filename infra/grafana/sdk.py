"""The builders of grafana-foundation-sdk that are used here.

Its dashboard module warns of the schema that it is for (the classic one, which Grafana 13 reads from files) when it is
imported: an error where warnings are. It is imported here, without the warning, and nowhere else.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import (
        barchart,
        common,
        dashboard,
        stat,
        table,
        text,
        timeseries,
        trend,
    )
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.cog.variants import Dataquery
    from grafana_foundation_sdk.models import common as values
    from grafana_foundation_sdk.models import dashboard as models
    from grafana_foundation_sdk.models.text import TextMode

__all__ = [
    "Builder",
    "Dataquery",
    "JSONEncoder",
    "TextMode",
    "barchart",
    "common",
    "dashboard",
    "models",
    "register_default_plugins",
    "stat",
    "table",
    "text",
    "timeseries",
    "trend",
    "values",
]
