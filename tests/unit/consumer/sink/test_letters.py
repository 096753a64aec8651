from types import SimpleNamespace

import pytest

from common.errors import KafkaUnavailable
from consumer.sink.letters import Letters
from tests.unit.consumer.material import BAD, batch, event, feed, insertion


class Box:
    """Takes letters, until it is told to fail."""

    def __init__(self):
        self.sent, self.fails_at = [], None

    def send(self, record, source, topic_id, reason, dead_topic):
        if len(self.sent) == self.fails_at:
            raise KafkaUnavailable("no broker answers")
        self.sent.append((record.offset, dead_topic))
        return SimpleNamespace(is_acknowledged=False, error=None)


@pytest.fixture
def box():
    return Box()


def bad(count=2, start=0):
    return insertion(batch([BAD] * count + [event(9)], start=start))


def test_each_bad_message_is_sent_once(box):
    letters, range_ = Letters(box), bad()
    letters.send(feed(), range_)
    letters.send(feed(), range_)
    assert box.sent == [(0, "events.dead"), (1, "events.dead")]
    assert len(range_.letters) == 2


def test_without_bad_messages_nothing_is_sent(box, caplog):
    good = insertion(batch([event(0)]))
    Letters(box).send(feed(), good)
    assert (box.sent, good.letters, caplog.records) == ([], [], [])


def test_an_insertion_has_all_its_letters_under_way_or_none(box):
    box.fails_at, range_ = 1, bad()
    with pytest.raises(KafkaUnavailable):
        Letters(box).send(feed(), range_)
    assert range_.letters == []


def test_what_kafka_has_is_not_sent_again_for_a_range_that_is_rebuilt(box):
    letters, first = Letters(box), bad()
    letters.send(feed(), first)
    first.letters[0].is_acknowledged = True
    letters.send(feed(), bad())
    assert [offset for offset, _ in box.sent] == [0, 1, 1]


@pytest.mark.parametrize("forget", ["forget", "forget_all"])
def test_what_is_forgotten_would_be_sent_again(box, forget):
    letters, first = Letters(box), bad()
    letters.send(feed(), first)
    for letter in first.letters:
        letter.is_acknowledged = True
    letters.forget(first) if forget == "forget" else letters.forget_all()
    letters.send(feed(), bad())
    assert [offset for offset, _ in box.sent] == [0, 1, 0, 1]


def test_the_log_tells_how_many_where_and_what_is_wrong_with_the_first(box, caplog):
    Letters(box).send(feed(), bad(start=40))
    (line,) = caplog.records
    assert (line.topic, line.messages, line.partition, line.first_offset) == (
        "events.dead",
        2,
        "events/0",
        40,
    )
    assert line.first_reason.startswith("not JSON")
