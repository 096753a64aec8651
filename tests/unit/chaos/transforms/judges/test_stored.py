import json

from tests.chaos.transforms.judges.records import Input
from tests.chaos.transforms.judges.stored import REPORT, judge_quotes, judge_walks
from tests.chaos.transforms.messages import Sort


def sent(*events):
    return [Input((0, i), 1, json.dumps(each).encode(), Sort.GOOD) for i, each in enumerate(events)]


def test_reports_that_are_missing_or_repeated_are_found():
    inputs = sent({"time": 5} | dict.fromkeys(REPORT, 1.5))
    row = (5, *[1.5] * len(REPORT))
    assert judge_quotes(inputs, [], [row]) == []
    assert len(judge_quotes(inputs, [], [])) == len(judge_quotes(inputs, [], [row, row])) == 1
    assert len(judge_quotes(inputs, [], [(5, 1.25, *[1.5] * 5)])) == 2


def test_walks_that_are_missing_or_repeated_are_found():
    inputs = sent({"number": 3, "walk": [3, 10, 5, 16, 8, 4, 2, 1]}, {"number": 2, "walk": [2, 1]})
    rows = [(3, 8, 8, 7, 49), (2, 2, 2, 1, 3)]
    assert judge_walks(inputs, [], rows) == []
    assert len(judge_walks(inputs, [], rows[1:])) == 1
    assert len(judge_walks(inputs, [], [(3, 16, 8, 7, 98), rows[1]])) == 2


def test_a_number_that_was_drawn_twice_has_its_rows_twice():
    walk = {"number": 2, "walk": [2, 1]}
    assert judge_walks(sent(walk, walk), [], [(2, 4, 2, 1, 6)]) == []
