"""`view`: which rows are the newest, how they are printed, and that none is lost while ClickHouse is away."""

import argparse
import io
import json
from contextlib import suppress
from dataclasses import replace

import pytest

import consumer.__main__
import consumer.commands.view as view_module
from common.clickhouse_io.newest import Page
from common.errors import ClickHouseUnavailable, SettingError
from common.model.ranges import Found, Place
from common.streams import STREAMS
from consumer.__main__ import main
from consumer.commands.view import _tables, _View


class FakeRows:
    """A table whose rows are their own addresses. `trouble`: the next reads fail so often."""

    def __init__(self, **ends):
        self.ends = {int(tp.removeprefix("tp")): end for tp, end in ends.items()}
        self.trouble = 0
        self.asked_for = []

    def newest(self, table, count):
        return {
            tp: [Found(tp, Place(offset, 0), "p") for offset in range(end - 1, max(-1, end - 1 - count), -1)]
            for tp, end in self.ends.items()
        }

    def beyond(self, table, floors, most):
        return [
            Found(tp, Place(offset, 0), "p")
            for tp, end in self.ends.items()
            for offset in range(floors[tp].offset + 1, end)
        ]

    def rows(self, table, wanted, *, with_address):
        self.asked_for.append(len(wanted))
        if self.trouble:
            self.trouble -= 1
            raise ClickHouseUnavailable("away")
        return Page(["tp", "text"], [(each.tp, f"o{each.place.offset}") for each in wanted])


def seen(source, *, as_json=False, last=4):
    """A view, and what it has printed."""
    out = io.StringIO()
    chosen = argparse.Namespace(last=last, json=as_json, address=False)
    return _View(source, chosen, out), out


def texts(out):
    return [json.loads(line)["row"]["text"] for line in out.getvalue().splitlines()]


def test_each_partition_has_its_share_of_the_newest_rows():
    view, out = seen(FakeRows(tp1=100, tp2=1, tp3=50), as_json=True)
    view.show_last("t")
    assert texts(out) == ["o98", "o49", "o0", "o99"]


def test_rows_are_told_below_the_name_of_their_table():
    view, out = seen(FakeRows(tp1=2))
    view.show_last("t")
    view.show_last("u")
    assert out.getvalue().splitlines() == [
        *("t:", "tp  text", " 1  o0", " 1  o1"),
        *("u:", "tp  text", " 1  o0", " 1  o1"),
    ]


def test_an_empty_table_says_so_but_not_to_a_program():
    view, out = seen(FakeRows())
    view.show_last("t")
    assert out.getvalue() == "t: no rows yet\n"
    view, out = seen(FakeRows(), as_json=True)
    view.show_last("t")
    assert out.getvalue() == ""


def test_with_last_0_only_what_arrives_is_shown():
    source = FakeRows(tp1=7)
    view, out = seen(source, as_json=True, last=0)
    arrivals = view.show_last("t")
    source.ends[1] = 9
    view.show_new("t", arrivals, 0.0)
    view.show_new("t", arrivals, 1.0)
    assert texts(out) == ["o7", "o8"]


@pytest.mark.parametrize("failures", [1, 2])
def test_rows_that_could_not_be_read_are_shown_later_each_once(failures, monkeypatch):
    monkeypatch.setattr(view_module, "ROWS_A_QUERY", 2)
    source = FakeRows(tp1=1)
    view, out = seen(source, as_json=True, last=0)
    arrivals = view.show_last("t")
    source.ends[1] = 6
    source.trouble = failures
    for attempt in range(failures + 1):
        with suppress(ClickHouseUnavailable):
            view.show_new("t", arrivals, float(attempt))
    assert texts(out) == ["o1", "o2", "o3", "o4", "o5"]
    assert max(source.asked_for) == 2


def test_tables_are_those_of_the_stream_each_once():
    sensors = STREAMS["sensors"]
    assert _tables(sensors, None) == ["measurements", "histograms"]
    assert _tables(sensors, "histograms") == ["histograms"]
    with pytest.raises(SettingError, match="sensors has no table no; it has: measurements, histograms"):
        _tables(sensors, "no")
    with pytest.raises(SettingError, match="sensors fills no tables"):
        _tables(replace(sensors, feeds=()), None)


@pytest.mark.parametrize("given", ["-1", "ten", "10001", "²"])
def test_a_number_of_rows_that_is_none_is_told_at_once(given, monkeypatch, capsys):
    monkeypatch.setattr(consumer.__main__, "environment", dict)
    with pytest.raises(SystemExit):
        main(["view", "sensors", f"--last={given}"])
    assert f"'{given}' is no number from 0 to 10,000" in capsys.readouterr().err
