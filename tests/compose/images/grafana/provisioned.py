"""Reads what Grafana is provisioned with. Raises Wrong where Grafana would not start, or would leave something out."""

import json
import os
import re
from pathlib import Path

import yaml  # type: ignore[import-untyped]

ROOT = Path("/")
PROVISIONING = "/etc/grafana/provisioning"
EXPRESSIONS = "__expr__"


class Wrong(Exception):
    """A file that is missing or wrong."""


def at(path):
    """An absolute path, below ROOT."""
    return ROOT / path.lstrip("/")


def expanded(text):
    """A value as Grafana reads it: $__file{path} is that file, $NAME and ${NAME} are variables."""

    def variable(found):
        name = found[1] or found[2]
        if name not in os.environ:
            raise Wrong(f"{text}: there is no variable {name}")
        return os.environ[name]

    if found := re.fullmatch(r"\$__file\{(.+)\}", text):
        return at(found[1]).read_text().strip()
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", variable, text)


def files(kind):
    """Each YAML file of a folder of provisioning."""
    paths = sorted(at(f"{PROVISIONING}/{kind}").glob("*.yaml"))
    if not paths:
        raise Wrong(f"{PROVISIONING}/{kind}: no file")
    for path in paths:
        found = yaml.safe_load(path.read_text())
        if found.get("apiVersion") != 1:
            raise Wrong(f"{path}: no apiVersion 1")
        yield path, found


def needed(thing, where, *names):
    """Raise Wrong unless all of these are there and not empty."""
    if missing := [name for name in names if not thing.get(name)]:
        raise Wrong(f"{where}: no {', '.join(missing)}")


def datasources():
    """uid → data source, its password read."""
    found = {}
    for path, told in files("datasources"):
        for source in told["datasources"]:
            needed(source, path, "name", "uid", "type", "access", "jsonData")
            needed(source["jsonData"], path, "host", "port", "protocol", "username")
            source["secureJsonData"] = {
                name: expanded(value) for name, value in source["secureJsonData"].items()
            }
            needed(source["secureJsonData"], path, "password")
            found[source["uid"]] = source
    return found


def dashboards(sources):
    """uid → dashboard; each asks data sources that there are."""
    found = {}
    for path, told in files("dashboards"):
        for provider in told["providers"]:
            needed(provider, path, "name", "type", "options")
            for each in sorted(at(provider["options"]["path"]).glob("*.json")):
                dashboard = json.loads(each.read_text())
                needed(dashboard, each, "uid", "title", "panels", "schemaVersion")
                if dashboard["uid"] in found:
                    raise Wrong(f"{each}: uid {dashboard['uid']} is there twice")
                for panel in dashboard["panels"]:
                    for target in panel.get("targets", ()):
                        known(target["datasource"]["uid"], sources, each)
                found[dashboard["uid"]] = dashboard
    if not found:
        raise Wrong("no dashboard")
    return found


def rules(sources, screens):
    """uid → rule; each names a panel and data sources that there are."""
    found = {}
    for path, told in files("alerting"):
        for group in told.get("groups", ()):
            needed(group, path, "orgId", "name", "folder", "interval", "rules")
            for rule in group["rules"]:
                needed(rule, path, "uid", "title", "condition", "data")
                for query in rule["data"]:
                    known(query["datasourceUid"], {*sources, EXPRESSIONS}, path)
                panels = {panel["id"] for panel in screens[rule["dashboardUid"]]["panels"]}
                known(rule["panelId"], panels, path)
                found[rule["uid"]] = rule
    return found


def contact_points():
    """Name → settings of its receivers; policies name those that there are."""
    found, policies = {}, []
    for path, told in files("alerting"):
        for point in told.get("contactPoints", ()):
            needed(point, path, "name", "receivers")
            for receiver in point["receivers"]:
                needed(receiver, path, "uid", "type", "settings")
                given = {name: expanded(value) for name, value in receiver["settings"].items()}
                needed(given, path, "url")
                found[point["name"]] = given
        policies += [(path, policy) for policy in told.get("policies", ())]
    for path, policy in policies:
        known(policy["receiver"], found, path)
    return found


def known(name, names, where):
    """Raise Wrong unless it is one of these."""
    if name not in names:
        raise Wrong(f"{where}: there is no {name}")
