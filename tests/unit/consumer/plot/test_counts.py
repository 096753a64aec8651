"""The newest counts of each partition of a source, added up."""

import json
import uuid

import pytest

from common.model.codec import encode
from common.model.headers import SOURCE, source_name
from common.model.transform import Histogram, SoFar
from common.streams import STREAMS
from consumer.plot.counts import RATE_OVER_S, Counts, Rate, counts_in

SOURCE_ID, FORMER_ID = uuid.UUID(int=7), uuid.UUID(int=8)
HISTOGRAMS = [
    transform
    for stream in STREAMS.values()
    for transform in stream.transforms
    if isinstance(transform, Histogram)
]
HISTOGRAM = HISTOGRAMS[0]


def full(number):
    return [number] * HISTOGRAM.bins


def output(number):
    return json.dumps({HISTOGRAM.counts_field: full(number)}).encode()


def made_of(partition, offset=0, source_id=SOURCE_ID):
    return [("stream", b"x"), (SOURCE, b"%s:%d:0" % (source_name(source_id, partition), offset))]


@pytest.fixture
def counts():
    return Counts(HISTOGRAM, SOURCE_ID)


@pytest.mark.parametrize("histogram", HISTOGRAMS, ids=lambda histogram: histogram.name)
def test_the_counts_of_every_histogram_are_read_from_what_it_makes(histogram):
    counts = list(range(histogram.bins))
    assert counts_in(encode(histogram.make(counts, SoFar(0, 9, 1_795_000_000_000))), histogram) == counts


def test_before_the_first_output_there_are_none(counts):
    assert counts.bins is None
    assert counts.partitions == 0


def test_the_newest_of_each_partition_add_up(counts):
    counts.take([output(1), output(10), output(2)], [made_of(0, 5), made_of(1, 5), made_of(0, 9)])
    assert (counts.bins, counts.partitions) == (full(12), 2)
    counts.take([output(20)], [made_of(1, 8)])
    assert counts.bins == full(22)


def test_what_a_former_topic_of_that_name_held_does_not_count(counts):
    counts.take([output(5), output(1)], [made_of(0, 5, FORMER_ID), made_of(0)])
    assert counts.bins == full(1)
    assert counts.unreadable == 0


def test_messages_that_say_no_source_are_left_out(counts):
    counts.take([output(5), output(6)], [[], [(SOURCE, None)]])
    assert counts.bins is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"[]",
        b"{}",
        b'{"counts": null}',
        b'{"counts": [1, 2]}',
        json.dumps({"counts": full(-1)}).encode(),
        json.dumps({"counts": full(0.5)}).encode(),
    ],
)
def test_what_is_no_such_histogram_is_counted_and_changes_nothing(counts, value):
    counts.take([output(1)], [made_of(0)])
    counts.take([value], [made_of(0)])
    assert (counts.bins, counts.unreadable) == (full(1), 1)


def test_the_rate_is_that_of_the_last_seconds():
    rate = Rate()
    assert rate.of(100, 0.0) is None
    assert rate.of(150, 0.5) is None
    assert rate.of(200, 1.0) == 100
    for tenth in range(11, 101):
        found = rate.of(200, tenth / 10)
    assert found == 0
    assert RATE_OVER_S < 9


def test_the_rate_takes_a_long_pause_as_a_whole():
    rate = Rate()
    rate.of(0, 0.0)
    assert rate.of(600, 60.0) == 10
