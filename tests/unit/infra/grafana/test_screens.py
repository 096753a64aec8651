"""The dashboards as Grafana reads them: of the SDK's types, unambiguous, asking our data source alone."""

import copy
import json

import pytest

from common.streams import STREAMS
from infra.grafana.panels import GRID
from infra.grafana.query import DATASOURCE, PLUGIN
from infra.grafana.screens import TAG, panel_id
from infra.grafana.sdk import JSONEncoder, models, register_default_plugins
from tests.support.grafana import dashboards
from tests.support.typed import misfits

EVERY = dashboards()
TARGET = {"refId", "datasource", "editorType", "queryType", "format", "pluginVersion", "rawSql"}


def read(dashboard):
    """As the SDK reads it; what it does not know is not there."""
    register_default_plugins()
    return models.Dashboard.from_json(copy.deepcopy(dashboard))


def panels_with_queries(dashboard):
    return [panel for panel in dashboard["panels"] if "targets" in panel]


@pytest.mark.parametrize("name", EVERY)
def test_the_sdk_reads_every_field_and_writes_it_again(name):
    assert json.loads(json.dumps(read(EVERY[name]), cls=JSONEncoder)) == EVERY[name]


@pytest.mark.parametrize("name", EVERY)
def test_every_value_is_of_its_type(name):
    assert list(misfits(read(EVERY[name]), name)) == []


WRONG = {
    "a text for a number": (("gridPos", "w"), "12"),
    "a number for a text": (("title",), 7),
    "a kind that there is not": (("fieldConfig", "defaults", "thresholds", "mode"), "relative"),
    "true for a number": (("gridPos", "h"), True),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_value_of_another_type_is_found(case):
    (*path, last), value = WRONG[case]
    broken = copy.deepcopy(EVERY["penstock-quotes"])
    place = broken["panels"][0]
    for key in path:
        place = place[key]
    place[last] = value
    assert len(list(misfits(read(broken), "quotes"))) == 1


def test_a_field_that_there_is_not_is_found():
    broken = copy.deepcopy(EVERY["penstock-quotes"])
    broken["panels"][0]["gridPos"]["width"] = 12
    assert json.loads(json.dumps(read(broken), cls=JSONEncoder)) != broken


def test_each_stream_has_a_dashboard_and_the_pipeline_too():
    assert set(EVERY) == {"penstock", *(f"penstock-{name}" for name in STREAMS)}
    assert all(dashboard["uid"] == name for name, dashboard in EVERY.items())
    assert len({dashboard["title"] for dashboard in EVERY.values()}) == len(EVERY)
    assert all(dashboard["tags"] == [TAG] for dashboard in EVERY.values())


@pytest.mark.parametrize("name", EVERY)
def test_panels_are_told_apart_by_number_and_by_title(name):
    panels = EVERY[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    titles = [panel["title"] for panel in panels_with_queries(EVERY[name])]
    assert len(set(titles)) == len(titles)
    assert all(panel_id(name, title) for title in titles)


@pytest.mark.parametrize("name", EVERY)
def test_panels_lie_side_by_side_within_the_grid(name):
    taken = set()
    for panel in EVERY[name]["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= GRID, panel["title"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & cells, panel["title"]
        taken |= cells


@pytest.mark.parametrize("name", EVERY)
def test_every_query_asks_our_data_source(name):
    for panel in panels_with_queries(EVERY[name]):
        ours = {"type": PLUGIN, "uid": DATASOURCE}
        assert panel["datasource"] == ours
        for target in panel["targets"]:
            assert (set(target), target["datasource"]) == (TARGET, ours)
            assert (target["queryType"], target["format"]) in {("timeseries", 0), ("table", 1)}


def test_every_variable_that_is_asked_for_can_be_typed_in():
    for dashboard in EVERY.values():
        asked = json.dumps([panel.get("targets") for panel in dashboard["panels"]])
        boxes = dashboard["templating"].get("list", [])
        assert asked.count("sqlstring") == len(boxes)
        for box in boxes:
            assert f"${{{box['name']}:sqlstring}}" in asked
            assert box["current"]["value"] == box["query"]
