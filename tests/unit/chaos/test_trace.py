import json

import pytest

from tests.chaos.trace import MOST_LINES, covers, lines_about


@pytest.mark.parametrize(
    ("fields", "is_about"),
    [
        pytest.param({"partition": "t/1", "first": 5, "next": 9}, True, id="inside"),
        pytest.param({"partition": "t/1", "first": 8, "next": 9}, True, id="its first"),
        pytest.param({"partition": "t/1", "first": 5, "next": 8}, False, id="ends before it"),
        pytest.param({"partition": "t/1", "first": 9, "next": 12}, False, id="begins behind it"),
        pytest.param({"partition": "t/2", "first": 5, "next": 9}, False, id="another partition"),
        pytest.param({"partition": "t/1", "first": 5}, True, id="a range without an end"),
        pytest.param({"partition": "t/1"}, False, id="no range"),
    ],
)
def test_a_line_is_about_an_address_that_its_range_covers(fields, is_about):
    assert covers(fields, "t/1", 8) is is_about


def test_lines_of_all_sinks_come_in_order_of_time(tmp_path):
    for name, time in (("sink0.log", "10:02"), ("sink1.log", "10:01")):
        line = {"time": time, "partition": "t/1", "first": 0, "next": 9}
        (tmp_path / name).write_text(f"Traceback, not JSON\n[]\n{json.dumps(line)}\n")
    found = lines_about(tmp_path, "t/1", 3)
    assert [line.partition(":")[0] for line in found] == ["sink1.log", "sink0.log"]


def test_a_chatty_log_is_cut(tmp_path):
    line = json.dumps({"time": "1", "partition": "t/1", "first": 0, "next": 9})
    (tmp_path / "sink0.log").write_text(f"{line}\n" * 500)
    assert len(lines_about(tmp_path, "t/1", 3)) == MOST_LINES
