"""`plot`: how a histogram is named. What is drawn is tested with a terminal, in tests/integration/test_plot.py."""

from dataclasses import replace

import pytest

import consumer.__main__
from common.errors import SettingError
from common.model.transform import Histogram
from common.streams import STREAMS
from consumer.__main__ import main
from consumer.commands.plot import Plotted, _named

SENSORS = STREAMS["sensors"]
EVERY = [Plotted(SENSORS, transform) for transform in SENSORS.transforms if isinstance(transform, Histogram)]


@pytest.mark.parametrize("name", ["temperature", "hist_temperature", "histogram-temperature"])
def test_a_histogram_has_the_name_of_either_topic_and_its_own(name):
    assert _named(EVERY, name) == EVERY[0]


def test_an_unknown_name_is_refused_with_those_that_there_are():
    with pytest.raises(SettingError) as refused:
        _named(EVERY, "wind")
    assert str(refused.value) == ("there is no histogram of wind; there are: temperature, humidity, pressure")


def test_a_topic_with_two_histograms_is_refused_with_their_names():
    other = Plotted(SENSORS, replace(EVERY[0].histogram, name="fine", target="fine"))
    with pytest.raises(SettingError) as refused:
        _named([*EVERY, other], "temperature")
    says = "temperature has more than one histogram: choose one of histogram-temperature, fine"
    assert str(refused.value) == says


def test_without_a_name_the_histograms_are_listed(monkeypatch, capsys):
    monkeypatch.setattr(consumer.__main__, "environment", dict)
    assert main(["plot"]) == 0
    assert "histogram-humidity     humidity     hist_humidity" in capsys.readouterr().out
