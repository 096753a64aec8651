import json
import random
from collections import Counter

import pytest

from common.model.codec import Codec
from common.streams import STREAMS
from tests.chaos.transforms.load import PER_SECOND
from tests.chaos.transforms.messages import UNSTORABLE, Sort, Source, bad_of

NOW_S = 1_795_000_000.0


def source_of(topic):
    return Source(PER_SECOND[topic][0], random.Random(1), lambda: NOW_S)


@pytest.mark.parametrize("topic", PER_SECOND)
def test_a_source_sends_good_ones_arrays_and_bad_ones(topic):
    source = source_of(topic)
    drawn = [source.draw(topic) for _ in range(2_000)]
    sorts = Counter(each.sort for each in drawn)
    assert sorts[Sort.GOOD] > 1_800
    assert sorts[Sort.BAD] > 20
    assert (sorts[Sort.UNSTORABLE] > 0) == (topic in UNSTORABLE)
    good = [each.value for each in drawn if each.sort is Sort.GOOD]
    assert any(value.startswith(b"[") for value in good)


@pytest.mark.parametrize("topic", PER_SECOND)
def test_the_types_of_the_streams_agree_on_what_is_good(topic):
    stream = STREAMS[PER_SECOND[topic][0]]
    event = next(each.event for each in (*stream.feeds, *stream.transforms) if topic in vars(each).values())
    source, codec = source_of(topic), Codec(event)
    for message in (source.draw(topic) for _ in range(500)):
        if message.sort is not Sort.BAD:
            assert not codec.decode([message.value]).bad
    good_types = [bad for bad in bad_of(topic, round(NOW_S * 1000)) if not codec.decode([bad.value]).bad]
    assert len(good_types) == (topic == "visits")  # one from the future, which its transform refuses


def test_visits_come_late_and_some_once_more():
    source = source_of("visits")
    events = []
    for message in (source.draw("visits") for _ in range(5_000)):
        if message.sort is Sort.GOOD:
            found = json.loads(message.value)
            events += found if isinstance(found, list) else [found]
    names = Counter(each["visit_id"] for each in events)
    assert 0.02 < sum(count > 1 for count in names.values()) / len(names) < 0.1
    late = [NOW_S * 1000 - each["time"] for each in events]
    assert min(late) >= 0
    assert sum(each > 12_000 for each in late) > 10
