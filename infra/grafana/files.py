"""The files that are written: path below this folder → text."""

from __future__ import annotations

import json
from pathlib import Path

from infra.grafana.alert import rules
from infra.grafana.screens import screens

FOLDER = Path(__file__).parent
SCREENS = "dashboards"
RULES = "provisioning/alerting/rules.yaml"


def files() -> dict[str, str]:
    """All of them."""
    found = {
        f"{SCREENS}/{uid}.json": json.dumps(screen, indent=2, ensure_ascii=False) + "\n"
        for uid, screen in screens().items()
    }
    return {**found, RULES: rules()}
