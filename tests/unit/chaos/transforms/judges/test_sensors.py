import json
from datetime import UTC, datetime

import pytest

from tests.chaos.transforms.judges.records import Input, Record
from tests.chaos.transforms.judges.sensors import BINS, judge_sensor
from tests.chaos.transforms.messages import Sort

TIME = "2026-11-01T12:34:56.123+00:00"
VALUES = {0: [-25.0, -23.76, -23.75], 1: [25.0, 0.0]}
WHEN = datetime(2026, 11, 1, 12, 34, 56, 123_000, UTC)
ROWS = [(value, WHEN) for values in VALUES.values() for value in values]


def measured(value, time=TIME):
    return json.dumps({"measurement": value, "measurement_time": time}).encode()


INPUTS = [
    Input((partition, offset), 1, measured(value), Sort.GOOD)
    for partition, values in VALUES.items()
    for offset, value in enumerate(values)
]


def bins(partition, until, **counts):
    wanted = [counts.get(f"bin{index}", 0) for index in range(BINS)]
    value = {"partition": partition, "low": -25, "high": 25, "counts": wanted, "until": until, "time": 1}
    return Record(partition, 0, 1, json.dumps(value).encode())


OUTPUTS = [bins(0, 1, bin0=1), bins(0, 3, bin0=2, bin1=1), bins(1, 2, bin20=1, bin39=1)]
STORED = [(0, 1), (0, 3), (1, 2)]


def judged(inputs=INPUTS, outputs=OUTPUTS, letters=(), rows=ROWS, stored=STORED):
    return judge_sensor("temperature", inputs, outputs, letters, rows, stored)


def test_the_newest_bins_count_each_measurement_once():
    assert judged() == []
    assert judged(outputs=OUTPUTS[::-1]) == []


@pytest.mark.parametrize("number", [1, 3])
def test_a_measurement_that_is_lost_or_counted_twice_is_found(number):
    wrong = [*OUTPUTS[:2], bins(1, 2, bin20=1, bin39=number - 1)]
    assert judged(outputs=wrong) == [f"hist_temperature: partition 1 counts {number} of 2, 1 bins are wrong"]


def test_a_partition_without_bins_is_found():
    assert judged(outputs=OUTPUTS[:2], stored=STORED[:2]) == [
        "hist_temperature: partition 1 counts 0 of 2, 2 bins are wrong"
    ]


def test_a_measurement_in_the_wrong_bin_is_found():
    (finding,) = judged(outputs=[OUTPUTS[0], bins(0, 3, bin0=3), OUTPUTS[2]])
    assert "counts 3 of 3, 2 bins are wrong" in finding


def test_bins_that_were_put_out_twice_are_found():
    assert "hist_temperature: repeated, partition 0 until 1" in judged(outputs=[*OUTPUTS, OUTPUTS[0]])


def test_what_the_tables_lack_is_found():
    assert len(judged(rows=ROWS[1:])) == len(judged(stored=STORED[1:])) == 1


def test_what_the_sink_cannot_store_is_counted_and_has_a_letter():
    odd = Input((1, 2), 1, measured(0.0, "yesterday"), Sort.UNSTORABLE)
    headers = (("penstock-partition", b"1"), ("penstock-offset", b"2"))
    letter = Record(0, 0, 1, odd.value, headers)
    outputs = [*OUTPUTS, bins(1, 3, bin20=2, bin39=1)]
    stored = [*STORED, (1, 3)]
    assert judged([*INPUTS, odd], outputs, [letter], stored=stored) == []
    assert judged([*INPUTS, odd], outputs, [], stored=stored) == [
        "temperature/1 offset 2: 0 dead letters, 1 are wanted"
    ]
