import json
from datetime import UTC, datetime

import pytest

from tests.chaos.transforms.judges.ratings import judge_ratings
from tests.chaos.transforms.judges.records import Input, Record
from tests.chaos.transforms.messages import Sort

NOW_MS = 1_795_000_000_999
SECOND = datetime.fromtimestamp(NOW_MS // 1000, UTC)
TEXT = SECOND.strftime("%Y-%m-%d %H:%M:%S")


def rating(offset, *ratings):
    events = [{"rating": each, "unique_id": f"{offset}.{i}"} for i, each in enumerate(ratings)]
    value = json.dumps(events if len(events) > 1 else events[0]).encode()
    return Input((2, offset), NOW_MS, value, Sort.GOOD)


def shadow(offset, index, kind):
    value = {"type": kind, "unique_id": f"{offset}.{index}", "emit_timestamp": TEXT}
    source = f"0123456789ab0002:{offset}:{index}".encode()
    return Record(0, 0, NOW_MS, json.dumps(value).encode(), (("penstock-source", source),))


INPUTS = [rating(0, 45), rating(1, 3, 5), rating(2, 7)]
OUTPUTS = [
    shadow(0, 0, "ShaDow"),
    shadow(1, 0, "Sha"),
    shadow(1, 1, "Dow"),
    shadow(2, 0, "Incompatible"),
]
ROWS = [
    ("ShaDow", "0.0", SECOND),
    ("Sha", "1.0", SECOND),
    ("Dow", "1.1", SECOND),
    ("Incompatible", "2.0", SECOND),
]


def judged(outputs=OUTPUTS, rows=ROWS):
    return judge_ratings(INPUTS, outputs, [], rows)


def test_one_output_with_the_right_type_each_is_right():
    assert judged() == []


@pytest.mark.parametrize("lost", range(len(OUTPUTS)))
def test_a_lost_output_is_found(lost):
    (finding,) = judged([each for index, each in enumerate(OUTPUTS) if index != lost])
    assert "lost" in finding


def test_a_repeated_output_is_found():
    assert judged([*OUTPUTS, OUTPUTS[2]]) == ["shadow: repeated, 2 outputs of dominate (2, 1, 1)"]


def test_a_wrong_type_is_found():
    assert judged([*OUTPUTS[1:], shadow(0, 0, "Sha")]) == [
        "shadow: wrong output of dominate (2, 0, 0): not ShaDow"
    ]


def test_an_output_of_no_good_message_is_found():
    (finding,) = judged([*OUTPUTS, shadow(9, 0, "Sha")])
    assert "(2, 9, 0), which is no good message" in finding


def test_a_missing_and_a_repeated_row_are_found():
    assert len(judged(rows=ROWS[1:])) == len(judged(rows=[*ROWS, ROWS[0]])) == 1
