"""`python -m consumer view` on a real ClickHouse: the newest rows, and those that arrive, each once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from infra.local.waiting import wait_until
from tests.support.stages import Stages


@pytest.fixture
def sensors(stack, request):
    with Stages(stack, request.node.name, "sensors") as stages:
        stages.start("sink")
        yield stages


def measured(*values):
    times = "2026-11-01T12:34:56.123Z"
    return [json.dumps({"measurement": value, "measurement_time": times}).encode() for value in values]


def named(stages, table):
    return stages.prefix.replace("-", "_") + table


def count_of(stages, table):
    return stages.clickhouse.execute(f"SELECT count() FROM `{named(stages, table)}`")[0][0]


def store(stages, *values, partition=0):
    """Send temperatures, and wait until they are stored."""
    before = count_of(stages, "measurements")
    stages.send("temperature", measured(*values), partition=partition)
    wanted = before + len(values)
    assert wait_until(lambda: count_of(stages, "measurements") == wanted, 30), stages.logs()


def viewed(stages, *arguments):
    done = stages.run("view", "sensors", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def measurements_in(lines):
    return [json.loads(line)["row"]["measurement"] for line in lines]


class Followed:
    """`view sensors --follow --json` of the measurements, as a process; `lines` grows while it runs."""

    def __init__(self, stages, *arguments):
        self._path = stages.folder / "followed.jsonl"
        table = named(stages, "measurements")
        line = [sys.executable, "-m", "tests.support.prefixed", "view", "sensors", "--table", table]
        with self._path.open("w") as out:
            self.process = subprocess.Popen(
                [*line, "--follow", "--json", *arguments],
                cwd=stages.folder,
                env=stages.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
            )

    @property
    def values(self):
        return measurements_in(self._path.read_text().splitlines())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def test_the_newest_rows_of_each_partition_are_shown_the_newest_last(sensors):
    store(sensors, *range(20))
    store(sensors, -1, -2, -3, partition=2)
    table = named(sensors, "measurements")
    lines = viewed(sensors, "--table", table, "--last", "7", "--json")
    assert {json.loads(line)["table"] for line in lines} == {table}
    assert sorted(measurements_in(lines)) == [-3, -2, -1, 16, 17, 18, 19]
    assert [value for value in measurements_in(lines) if value >= 0] == [16, 17, 18, 19]
    assert set(measurements_in(lines)[-2:]) == {19, -3}
    assert json.loads(lines[0])["row"].keys() == {"measurement", "measurement_time", "kind"}


def test_a_table_of_text_has_one_line_of_headers_and_an_empty_one_says_so(sensors):
    store(sensors, 1.5, 22)
    lines = viewed(sensors, "--address")
    assert lines[0] == f"{named(sensors, 'measurements')}:"
    assert lines[1].split() == ["_tp", "_off", "_row", "_rows", "measurement", "measurement_time", "kind"]
    assert [line.split()[1:5] for line in lines[2:4]] == [["0", "0", "1", "1.5"], ["1", "0", "1", "22.0"]]
    assert lines[4:] == [f"{named(sensors, 'histograms')}: no rows yet"]


def test_rows_that_arrive_are_followed_each_once_until_asked_to_stop(sensors):
    store(sensors, 1, 2, 3)
    with Followed(sensors, "--last", "2") as followed:
        assert wait_until(lambda: followed.values == [2, 3], 20), followed.values
        store(sensors, 4, 5)
        store(sensors, *range(-20, 0), partition=1)
        assert wait_until(lambda: len(followed.values) >= 24, 20), followed.values
        sensors.clickhouse.execute(f"OPTIMIZE TABLE `{named(sensors, 'measurements')}` FINAL")
        store(sensors, 6)
        assert wait_until(lambda: 6 in followed.values, 20), followed.values
        followed.process.send_signal(signal.SIGINT)
        assert followed.process.wait(10) == 0
        assert sorted(followed.values) == [*range(-20, 0), *range(2, 7)]


def test_a_row_that_becomes_visible_after_later_ones_is_followed_too(sensors):
    store(sensors, *range(10))
    with Followed(sensors, "--last", "1") as followed:
        assert wait_until(lambda: followed.values == [9], 20), followed.values
        insert = f"INSERT INTO `{named(sensors, 'measurements')}` (measurement, _tp, _off, _rows) VALUES"
        sensors.clickhouse.execute(insert, [(1.5, 7, 101, 1)])
        assert wait_until(lambda: 1.5 in followed.values, 20), followed.values
        sensors.clickhouse.execute(insert, [(2.5, 7, 100, 1), (3.5, 7, 102, 1)])
        assert wait_until(lambda: followed.values == [9, 1.5, 2.5, 3.5], 20), followed.values


def test_a_missing_table_and_an_unknown_one_are_told_in_one_line(sensors):
    done = sensors.run("view", "sensors", "--table", "no")
    names = f"{named(sensors, 'measurements')}, {named(sensors, 'histograms')}"
    assert (done.returncode, done.stderr) == (2, f"sensors has no table no; it has: {names}\n")
    sensors.clickhouse.execute(f"DROP TABLE `{named(sensors, 'histograms')}`")
    done = sensors.run("view", "sensors")
    says = f"table {named(sensors, 'histograms')} is missing: run python -m consumer migrate\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", says)
