import json
from decimal import Decimal
from fractions import Fraction

import msgspec
import numpy as np
import pytest

from common.commits.memory import Memory, decode
from common.errors import FeedBlocked
from common.model.reasons import Kind
from common.model.transform import Histogram, SoFar
from consumer.transform.histogram import PUBLISH_EVERY_S, HistogramWork
from consumer.transform.work import Remembered
from tests.unit.consumer.material import array
from tests.unit.consumer.transform.material import FRESH, read, run

HERE = 3


class Value(msgspec.Struct, gc=False):
    value: float


class Bins(msgspec.Struct):
    counts: list[int]
    partition: int
    next: int
    time: int


def make(counts: list[int], so_far: SoFar) -> Bins:
    return Bins(counts, so_far.partition, so_far.next, so_far.timestamp_ms)


def values_of(events):
    return [event.value for event in events]


def work(start=FRESH, **changes):
    stated = {
        "name": "bins",
        "source": "values",
        "event": Value,
        "target": "hist",
        "values": values_of,
        "low": -2.0,
        "high": 2.0,
        "bins": 4,
        "make": make,
    }
    return HistogramWork(Histogram(**stated | changes), start, HERE)


def value(number):
    return json.dumps({"value": number}).encode()


def counts(made):
    return made.remembered.state["counts"]


def test_values_are_counted_in_bins_that_hold_their_lower_end_and_the_last_its_upper_end_too():
    made = work()
    made.take(run([value(number) for number in (-2, -1.5, -1, 0, 0.999, 1, 2)]), 0.0)
    assert counts(made) == [2, 1, 2, 2]


def test_an_output_says_how_far_it_goes():
    made = work()
    made.take(run([value(0), b"bad", value(1)], 10, timestamps=[7, 9, 5], next_offset=15), 0.0)
    outputs = made.tick(0.0, is_at_end=False)
    assert read(outputs, Bins) == [Bins([0, 0, 1, 1], HERE, 15, 7)]
    assert (outputs.keys, outputs.timestamps, outputs.offsets, outputs.indexes) == (None, [7], [14], [0])


def test_outputs_are_cumulative_and_not_more_frequent_than_stated():
    made = work()
    made.take(run([value(0)]), 0.0)
    assert len(made.tick(0.0, is_at_end=False)) == 1
    made.take(run([value(0)], 1), 0.1)
    assert len(made.tick(PUBLISH_EVERY_S - 0.1, is_at_end=True)) == 0
    assert read(made.tick(PUBLISH_EVERY_S, is_at_end=False), Bins)[0].counts == [0, 0, 2, 0]


def test_nothing_new_makes_no_output():
    made = work()
    assert len(made.tick(0.0, is_at_end=True)) == 0
    made.take(run([value(0)]), 0.0)
    made.tick(0.0, is_at_end=True)
    made.take(run([b"bad"], 1), 0.0)
    assert len(made.tick(9.0, is_at_end=True)) == 0


def test_a_restart_goes_on_with_the_counts():
    made = work()
    made.take(run([value(0), value(1)]), 0.0)
    again = work(made.remembered)
    again.take(run([value(1)], 2), 0.0)
    assert counts(again) == [0, 0, 1, 2]
    assert again.remembered[:2] == (3, 3)


def test_counts_that_were_not_put_out_before_a_restart_are_put_out_after_it():
    """The source may be silent from then on."""
    made = work()
    made.take(run([value(0)]), 0.0)
    made.tick(0.0, is_at_end=True)
    made.take(run([value(1)], 1), 0.1)
    again = work(made.remembered)
    assert read(again.tick(0.0, is_at_end=True), Bins) == [Bins([0, 0, 1, 1], HERE, 2, 0)]
    assert len(work(again.remembered).tick(0.0, is_at_end=True)) == 0


def test_what_is_remembered_survives_its_way_through_metadata():
    made = work()
    made.take(run([value(0), value(1)], timestamps=[5, 6]), 0.0)
    offset, until, state = made.remembered
    memory = Memory(transform="s.bins", topic="00", sizes=(1, 1), read=until, state=state)
    back = decode(memory.encode("values/0"), "values/0")
    assert work(Remembered(offset, back.read, back.state)).remembered == made.remembered


def test_full_bins_fit_into_metadata():
    state = work(bins=100).remembered.state | {"counts": [2**63 - 1] * 100}
    Memory(transform="sensors.histogram-temperature", topic="0" * 32, sizes=(9, 9), read=2**62, state=state)
    text = Memory(transform="s.bins", topic="0" * 32, sizes=(9, 9), read=2**62, state=state).encode("here")
    assert len(text) < 4_096


@pytest.mark.parametrize("changes", [{"bins": 8}, {"low": -4.0}, {"high": 4.0}])
def test_bins_of_another_form_do_not_go_on_with_what_is_remembered(changes):
    made = work()
    made.take(run([value(0)]), 0.0)
    with pytest.raises(ValueError, match="its low, high and bins were"):
        work(made.remembered, **changes)


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (value(2.0001), Kind.OUT_OF_RANGE),
        (value(-2.0001), Kind.OUT_OF_RANGE),
        (b'{"value": 1e400}', Kind.OUT_OF_RANGE),
        (b'{"value": NaN}', Kind.NOT_JSON),
        (b'{"value": null}', Kind.WRONG_TYPE),
        (b'{"value": "1"}', Kind.WRONG_TYPE),
        (b"{}", Kind.MISSING_FIELD),
        (None, Kind.TOMBSTONE),
        (b"[]", Kind.EMPTY_ARRAY),
    ],
)
def test_a_bad_message_is_counted_nowhere_and_the_others_are(bad, kind):
    made = work()
    found = made.take(run([value(0), bad, value(1)]), 0.0)
    assert {index: reason.kind for index, reason in found.bad.items()} == {1: kind}
    assert counts(made) == [0, 0, 1, 1]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_nothing_is_counted_of_a_message_with_a_bad_event(place):
    events = [value(0), value(1)]
    events.insert(place, value(9))
    made = work()
    found = made.take(run([array(*events), value(-2)], timestamps=[99, 1]), 0.0)
    assert list(found.bad) == [0]
    assert counts(made) == [1, 0, 0, 0]
    assert made.remembered.state["time"] == 1


def test_unknown_fields_are_ignored():
    made = work()
    assert made.take(run([b'{"value": 0, "more": [1]}']), 0.0).bad == {}
    assert counts(made) == [0, 0, 1, 0]


@pytest.mark.parametrize("given", [[], [0.0, 0.0], [None], ["1"], [float("nan")], None])
def test_values_that_are_no_number_make_a_message_bad(given):
    made = work(values=lambda events: given)
    found = made.take(run([value(0)]), 0.0)
    assert list(found.bad) == [0]
    assert counts(made) == [0, 0, 0, 0]


@pytest.mark.parametrize("number", [Decimal("0.5"), Fraction(1, 2), np.float32(0.5), True])
def test_values_may_be_numbers_of_any_kind(number):
    made = work(values=lambda events: [number])
    assert made.take(run([value(0)]), 0.0).bad == {}
    assert sum(counts(made)) == 1


@pytest.mark.parametrize("error", [SystemExit(1), ValueError("no")])
def test_values_that_a_stream_fails_on_make_a_message_bad(error):
    def fail(events):
        raise error

    assert work(values=fail).take(run([value(0)]), 0.0).bad[0].kind is Kind.STREAM_FAILED


@pytest.mark.parametrize("error", [SystemExit(1), ValueError("no")])
def test_counts_that_a_stream_cannot_make_an_output_of_park_the_source(error):
    def fail(counts, so_far):
        raise error

    made = work(make=fail)
    made.take(run([value(0)]), 0.0)
    with pytest.raises(FeedBlocked, match=r"stream code failed: .* in bins: mend the stream file"):
        made.tick(0.0, is_at_end=False)


def test_it_is_never_behind():
    assert not work(Remembered(5, 5, None)).is_behind
