import pytest

from common.model.transform import Count, Each, Histogram
from tests.unit.consumer.transform.material import Visit, windows

EACH = Each(name="copy", source="visits", event=Visit, target="copies", make=lambda event, time_ms: event)
HISTOGRAM = Histogram(
    name="bins",
    source="values",
    event=Visit,
    target="hist",
    values=lambda events: [],
    low=0.0,
    high=1.0,
    bins=4,
    make=lambda counts, so_far: Visit("", 0),
)
WINDOWS = windows(size_variable="WINDOW_S", grace_variable="GRACE_S")


@pytest.mark.parametrize(("transform", "topic"), [(EACH, "visits.dead"), (HISTOGRAM, "values.dead")])
def test_bad_messages_go_to_the_dead_letter_topic_of_the_source(transform, topic):
    assert transform.dead_topic == topic


@pytest.mark.parametrize(
    ("transform", "topics"),
    [
        (EACH, set()),
        (Each(name="a", source="b", event=Visit, target="c", make=EACH.make, key=lambda event: b""), {"c"}),
        (Each(name="a", source="b", event=Visit, target="c", make=EACH.make, target_partitions=2), {"c"}),
        (HISTOGRAM, {"values", "hist"}),
        (WINDOWS, {"visits", "counts"}),
    ],
)
def test_topics_that_must_not_grow_are_known(transform, topics):
    assert transform.fixed_topics == topics


def test_size_and_grace_are_what_the_environment_says():
    changed = WINDOWS.with_settings({"WINDOW_S": "2.5", "GRACE_S": "0", "OTHER": "7"})
    assert (changed.size_s, changed.grace_s) == (2.5, 0.0)


@pytest.mark.parametrize("environ", [{}, {"WINDOW_S": "", "GRACE_S": ""}])
def test_without_settings_they_are_what_the_stream_file_says(environ):
    assert WINDOWS.with_settings(environ) == WINDOWS


def test_an_environment_changes_nothing_of_a_transform_that_names_no_settings():
    environ = {"WINDOW_S": "9"}
    assert (windows(make=WINDOWS.make).with_settings(environ).size_s, EACH.with_settings(environ)) == (
        0.1,
        EACH,
    )


def test_a_count_is_not_closed_by_silence_unless_it_says_so():
    assert not Count(0, 1, 2, 3, True).closed_by_silence
