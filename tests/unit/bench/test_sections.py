"""The pure half of the sections: what they make of what they saw."""

import numpy as np
import pytest

from tests.bench import costs, growth, main_table, memory, restart
from tests.bench.__main__ import parser
from tests.bench.freshness import visible_after_s
from tests.bench.streams import HEX_FIELDS, PAYLOADS, WIDE_BYTES
from tests.bench.walks import Block


def run(rows=1000, wall_s=1.0, cpu_s=1.0, clickhouse_cpu_s=1.0):
    return {
        "rows": rows,
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "clickhouse_cpu_s": clickhouse_cpu_s,
        "rss_mib": 1.0,
    }


def result(mode, *runs, payload="small", partitions=1, why_not=None):
    return {
        "mode": mode,
        "payload": payload,
        "partitions": partitions,
        "runs": list(runs),
        "why_not": why_not,
    }


def test_an_event_is_visible_at_the_first_look_that_holds_its_offset():
    looks = [(10.0, -1), (11.0, 1), (12.0, 1), (13.0, 3)]
    waits = visible_after_s(np.arange(5), np.array([9.0, 10.0, 10.0, 12.5, 12.5]), looks)
    assert waits.tolist() == [2.0, 1.0, 3.0, 0.5]  # nobody saw offset 4


def test_growth_is_told_from_one_size_to_the_next():
    blocks = [
        Block(total, 500_000, took)
        for total, took in [(500_000, 0.5), (1_000_000, 0.5), (1_500_000, 0.5), (2_000_000, 1.5)]
    ]
    first, second = growth.stretches(blocks, [0.5, 1.0, 2.0, 4.0], [10**6, 2 * 10**6])
    assert first == {
        "rows": 10**6,
        "rows_per_s": 1e6,
        "clickhouse_us": 1.0,
        "quick_ms": 100.0,
        "median_ms": 100.0,
        "of_first": 1.0,
    }
    assert (second["rows_per_s"], second["of_first"], second["clickhouse_us"]) == (5e5, 0.5, 3.0)


@pytest.mark.parametrize(
    ("rows", "wanted"), [(10**6, [10**6]), (10**7, [10**6, 10**7]), (2 * 10**6, [10**6, 2 * 10**6])]
)
def test_milestones_are_powers_of_ten_and_the_last_size(rows, wanted):
    assert growth.milestones(rows) == wanted


def test_memory_grows_from_the_second_fifth_to_the_last():
    found = memory.growth([50.0, 900.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 110.0, 110.0])
    assert found == {"max_mib": 900.0, "early_mib": 100.0, "late_mib": 110.0, "growth": pytest.approx(0.1)}


def test_the_price_of_a_part_is_the_cpu_that_is_saved_without_it():
    found = [result("sink", run(cpu_s=3.0)), result("sink without either", run(cpu_s=2.0))]
    assert costs.cpu_share(found, "small") == pytest.approx(0.25)


def test_a_mode_without_runs_says_why():
    ((title, rows),) = main_table.lines([result("Kafka engine", why_not="not installed")])
    assert title == "67-byte messages, 1 partition"
    assert rows[0][:2] == ["Kafka engine", "not installed"]


def test_modes_are_compared_with_fetch_and_decode_of_the_same_topic():
    found = [result("fetch + decode", run(wall_s=1.0)), result("sink", run(wall_s=2.0))]
    ((_, rows),) = main_table.lines(found)
    assert [row[-1] for row in rows] == ["100%", "50%"]
    assert {len(row) for row in rows} == {len(main_table.HEADINGS)}


@pytest.mark.parametrize(("name", "size"), [("small", 67), ("wide", WIDE_BYTES)])
def test_messages_have_the_size_that_they_are_named_for_wherever_they_are_in_the_topic(name, size):
    for first in (0, 1_999_000):
        assert {len(value) for value in PAYLOADS[name].make(first, 1000)} == {size}


def test_a_message_is_the_same_at_every_run():
    for payload in PAYLOADS.values():
        assert payload.make(4000, 3) == payload.make(4000, 3)


def test_wide_messages_have_ten_fields():
    assert len(PAYLOADS["wide"].feed.event.__struct_fields__) == 10
    assert set(HEX_FIELDS) < set(PAYLOADS["wide"].feed.event.__struct_fields__)


def test_a_folder_for_the_servers_must_be_there(tmp_path, capsys):
    assert parser().parse_args(["--folder", str(tmp_path)]).folder == str(tmp_path)
    with pytest.raises(SystemExit):
        parser().parse_args(["--folder", str(tmp_path / "absent")])
    assert f"{tmp_path / 'absent'} is no folder" in capsys.readouterr().err


@pytest.mark.parametrize("unix_s", [0.0, 8.9, 9.1, 59.9, 1_795_000_000.0])
def test_the_kill_comes_a_second_before_a_window_closes(unix_s):
    wait_s = restart.until_closing_s(unix_s, 60.0)
    assert 60.0 <= wait_s < 120.0
    assert (unix_s + wait_s) % 60.0 == pytest.approx(9.0)
