"""What Grafana reads when it starts: source, dashboards, alert and contact point fit together, and to compose."""

import re
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from common.streams import quotes
from infra.grafana.query import DATASOURCE, PLUGIN, PLUGIN_VERSION
from tests.support import compose_settings
from tests.support.grafana import FOLDER, dashboards, provisioning, rule

INFRA = Path(__file__).resolve().parents[4] / "infra"
RULE_FIELDS = {
    *("uid", "title", "condition", "data", "noDataState", "execErrState", "for", "labels", "annotations"),
    *("dashboardUid", "panelId", "isPaused"),
}


def service():
    return yaml.safe_load((INFRA / "docker-compose.yml").read_text())["services"]["grafana"]


def mounted():
    """Path in the container → path here, of the files that compose hands in."""
    pairs = (volume.split(":") for volume in service()["volumes"] if volume.startswith("./"))
    return {inside: INFRA / here for here, inside, _ in pairs}


def test_the_data_source_is_the_one_that_every_query_names():
    (source,) = provisioning("datasources/clickhouse.yaml")["datasources"]
    assert (source["uid"], source["type"], source["access"]) == (DATASOURCE, PLUGIN, "proxy")
    told = source["jsonData"]
    assert (told["host"], told["port"], told["protocol"]) == ("clickhouse-server", 9000, "native")
    assert (told["username"], told["defaultDatabase"]) == ("grafana", "penstock")


def test_passwords_come_from_files_that_compose_hands_in():
    (source,) = provisioning("datasources/clickhouse.yaml")["datasources"]
    told = [
        source["secureJsonData"]["password"],
        service()["environment"]["GF_SECURITY_ADMIN_PASSWORD__FILE"],
    ]
    secrets = {re.search(r"/run/secrets/(\w+)", text)[1] for text in told}
    assert secrets == set(service()["secrets"])


def test_the_plugin_that_is_installed_is_the_one_that_the_queries_are_for():
    grafana = compose_settings.default_stack()["grafana"]
    assert grafana["environment"]["GF_PLUGINS_PREINSTALL_SYNC"] == f"{PLUGIN}@{PLUGIN_VERSION}"


def test_without_internet_nothing_is_installed():
    grafana = compose_settings.default_stack({"GRAFANA_PLUGINS": ""})["grafana"]
    assert grafana["environment"]["GF_PLUGINS_PREINSTALL_SYNC"] == ""


def test_dashboards_are_mounted_where_the_provider_looks():
    (provider,) = provisioning("dashboards/penstock.yaml")["providers"]
    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)
    assert mounted()[provider["options"]["path"]] == FOLDER / "dashboards"
    home = service()["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (mounted()[str(Path(home).parent)] / Path(home).name).exists()


def test_every_folder_of_provisioning_is_mounted():
    folders = {path.name for path in (FOLDER / "provisioning").iterdir()}
    at = {path.name: inside for inside, path in mounted().items() if path.parent == FOLDER / "provisioning"}
    assert at == {name: f"/etc/grafana/provisioning/{name}" for name in folders}


def test_the_rule_has_what_grafana_asks_for():
    group = provisioning("alerting/rules.yaml")["groups"][0]
    assert all(group[name] for name in ("orgId", "name", "folder", "interval"))
    found = rule()
    assert set(found) == RULE_FIELDS
    assert len(found["uid"]) <= 40
    assert found["condition"] in {query["refId"] for query in found["data"]}
    assert {"$" in found[name] for name in ("uid", "title")} == {False}, "Grafana would expand it"


def test_the_rule_asks_reduces_and_compares():
    asked, reduced, compared = rule()["data"]
    assert [query["datasourceUid"] for query in rule()["data"]] == [DATASOURCE, "__expr__", "__expr__"]
    assert all(query["model"]["refId"] == query["refId"] for query in rule()["data"])
    assert (reduced["model"]["type"], reduced["model"]["expression"]) == ("reduce", asked["refId"])
    assert (compared["model"]["type"], compared["model"]["expression"]) == ("threshold", reduced["refId"])
    (condition,) = compared["model"]["conditions"]
    assert condition["evaluator"] == {"type": "gt", "params": [quotes.THRESHOLD]}
    assert rule()["condition"] == compared["refId"]


def test_the_rule_belongs_to_the_panel_that_draws_the_threshold():
    panels = {panel["id"]: panel for panel in dashboards()[rule()["dashboardUid"]]["panels"]}
    steps = panels[rule()["panelId"]]["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [step["value"] for step in steps] == [None, quotes.THRESHOLD]


def test_alerts_go_to_a_contact_point_that_there_is():
    told = provisioning("alerting/contact-points.yaml")
    names = {point["name"] for point in told["contactPoints"]}
    assert {policy["receiver"] for policy in told["policies"]} == names
    (receiver,) = told["contactPoints"][0]["receivers"]
    variable = receiver["settings"]["url"].removeprefix("$")
    assert service()["environment"][variable].startswith("${GRAFANA_ALERT_URL:-http")


def test_nobody_beyond_this_machine_reaches_it_unless_it_is_opened():
    assert service()["ports"] == ["${OPEN_GRAFANA_ON:-127.0.0.1}:${GRAFANA_PORT:-3000}:3000"]
    told = service()["environment"]
    assert (told["GF_AUTH_ANONYMOUS_ENABLED"], told["GF_AUTH_ANONYMOUS_ORG_ROLE"]) == ("true", "Viewer")
