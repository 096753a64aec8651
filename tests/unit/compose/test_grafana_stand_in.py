"""The program that holds Grafana's place in the compose tests takes our files, and nothing that is missing or wrong."""

import importlib.util
import shutil
from pathlib import Path

import pytest

from tests.support.grafana import FOLDER, dashboards, rule

PROGRAM = Path(__file__).resolve().parents[2] / "compose" / "images" / "grafana" / "provisioned.py"
PROVISIONING = "etc/grafana/provisioning"


@pytest.fixture
def root(tmp_path):
    """The files where the container has them."""
    shutil.copytree(FOLDER / "provisioning", tmp_path / PROVISIONING)
    shutil.copytree(FOLDER / "dashboards", tmp_path / "etc/penstock/dashboards")
    secrets = tmp_path / "run/secrets"
    secrets.mkdir(parents=True)
    (secrets / "clickhouse_grafana_password").write_text("secret\n")
    return tmp_path


@pytest.fixture
def program(root, monkeypatch):
    spec = importlib.util.spec_from_file_location("provisioned", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", root)
    monkeypatch.setenv("ALERT_URL", "http://here/")
    return module


def everything(program):
    sources = program.datasources()
    screens = program.dashboards(sources)
    return sources, screens, program.rules(sources, screens), program.contact_points()


def test_it_takes_our_files(program):
    sources, screens, rules, points = everything(program)
    (source,) = sources.values()
    assert source["secureJsonData"]["password"] == "secret"
    assert set(screens) == set(dashboards())
    assert list(rules.values()) == [rule()]
    assert points["penstock"]["url"] == "http://here/"


CHANGES = {
    "another data source": (f"{PROVISIONING}/datasources/clickhouse.yaml", "penstock-clickhouse", "another"),
    "no password": (f"{PROVISIONING}/datasources/clickhouse.yaml", "password:", "word:"),
    "a password that is not there": (f"{PROVISIONING}/datasources/clickhouse.yaml", "house_grafana", "mouse"),
    "no version": (f"{PROVISIONING}/datasources/clickhouse.yaml", "apiVersion: 1", ""),
    "another folder": (f"{PROVISIONING}/dashboards/penstock.yaml", "/etc/penstock", "/etc/elsewhere"),
    "half a dashboard": ("etc/penstock/dashboards/penstock.json", '"panels": [', ""),
    "one uid twice": (
        "etc/penstock/dashboards/penstock.json",
        '"uid": "penstock"',
        '"uid": "penstock-visits"',
    ),
    "another panel": (f"{PROVISIONING}/alerting/rules.yaml", "panelId: 1", "panelId: 1000"),
    "no condition": (f"{PROVISIONING}/alerting/rules.yaml", "condition: C", ""),
    "another contact point": (
        f"{PROVISIONING}/alerting/contact-points.yaml",
        "receiver: penstock",
        "receiver: no",
    ),
    "a variable that is not there": (f"{PROVISIONING}/alerting/contact-points.yaml", "$ALERT_URL", "$NOBODY"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_it_takes_nothing_else(program, root, case):
    name, old, new = CHANGES[case]
    text = (root / name).read_text()
    assert old in text
    (root / name).write_text(text.replace(old, new, 1))
    with pytest.raises((program.Wrong, OSError, KeyError, ValueError)):
        everything(program)
