"""Counts of dead letters: bit by bit, and begun again when what was counted is no longer there."""

import uuid

import pytest

from common.errors import KafkaUnavailable
from common.kafka_io.letter_counts import LetterCounts
from tests.unit.common.kafka_io.dead_log import DeadLog

NAME = "events.dead"


class Two:
    """Two dead-letter topics in one."""

    def __init__(self, *logs):
        self.logs = {log.name: log for log in logs}

    def layouts(self, topics):
        return {name: at for log in self.logs.values() for name, at in log.layouts(topics).items()}

    def spans(self, topics):
        return {topic: self.logs[topic].spans([topic])[topic] for topic in topics}

    def read(self, topic, *how):
        return self.logs[topic].read(topic, *how)


def counts(topics, *names):
    return LetterCounts(topics, names or [NAME], patience_s=5.0, now_s=lambda: 0.0)


def test_letters_are_counted_by_the_kind_of_their_reason():
    counted = counts(DeadLog([10, 10, None, 10, 10, 10]))
    assert not counted.has_caught_up
    counted.advance(1.0)
    assert counted.tallies == {NAME: (5, {"not JSON": 2, "empty": 2, "others": 1}, True)}
    assert counted.has_caught_up


def test_a_call_reads_on_where_the_last_one_stopped():
    log = DeadLog([10] * 7)
    counted = counts(log)
    for so_far in (3, 6):
        counted.advance(1.0, budget_bytes=25)
        assert counted.tallies[NAME].letters == so_far
        assert not counted.tallies[NAME].is_complete
    counted.advance(1.0, budget_bytes=25)
    assert (counted.tallies[NAME].letters, counted.has_caught_up) == (7, True)
    assert log.read_bytes == 70


def test_a_call_ends_after_its_time_but_has_done_something():
    log, now = DeadLog([10] * 5), [0.0]
    counted = LetterCounts(log, [NAME], patience_s=5.0, now_s=lambda: now[0])
    log.on_slab = lambda: now.__setitem__(0, now[0] + 0.6)
    counted.advance(1.0)
    assert counted.tallies[NAME].letters == 2


def test_new_letters_are_counted_when_they_are_there():
    log = DeadLog([10])
    counted = counts(log)
    counted.advance(1.0)
    log.sizes += [10, 10]
    counted.advance(1.0)
    assert counted.tallies[NAME].letters == 3
    assert log.reads == [(0, 1), (1, 3)]


def made_anew(log):
    log.topic_id = uuid.uuid4()


def its_oldest_deleted(log):
    log.first = 4


def all_deleted(log):
    log.first = len(log.sizes)


def cut_short(log):
    del log.sizes[2:]


@pytest.mark.parametrize(
    ("change", "letters"), [(made_anew, 5), (its_oldest_deleted, 1), (all_deleted, 0), (cut_short, 2)]
)
def test_a_topic_that_no_longer_holds_what_was_counted_is_counted_again(change, letters):
    log = DeadLog([10] * 5)
    counted = counts(log)
    counted.advance(1.0)
    change(log)
    counted.advance(1.0)
    assert (counted.tallies[NAME].letters, counted.has_caught_up) == (letters, True)


def test_retention_that_is_faster_than_a_call_is_met_by_the_next_one():
    log = DeadLog([10] * 5)
    log.spans = lambda topics: {NAME: (0, 5)}
    log.first = 3
    counted = counts(log)
    counted.advance(1.0)
    assert not counted.has_caught_up
    del log.spans
    counted.advance(1.0)
    assert counted.tallies[NAME].letters == 2


def test_a_topic_that_does_not_exist_has_no_count():
    log = DeadLog([10])
    counted = counts(log, NAME, "other.dead")
    counted.advance(1.0)
    assert (set(counted.tallies), counted.has_caught_up) == ({NAME}, True)
    log.exists = False
    counted.advance(1.0)
    assert counted.tallies == {}


def test_a_topic_that_cannot_be_read_does_not_keep_the_others_waiting():
    bad, good = DeadLog([10] * 3, "bad.dead"), DeadLog([10] * 3, "good.dead")
    bad.fail(after=1)
    counted = counts(Two(bad, good), "bad.dead", "good.dead")
    with pytest.raises(KafkaUnavailable):
        counted.advance(1.0)
    assert {name: tally.letters for name, tally in counted.tallies.items()} == {"bad.dead": 1, "good.dead": 0}
    with pytest.raises(KafkaUnavailable):
        counted.advance(1.0)
    assert counted.tallies["good.dead"].letters == 3


def test_a_large_topic_does_not_keep_the_others_waiting():
    large, small = DeadLog([10] * 100, "large.dead"), DeadLog([10], "small.dead")
    counted = counts(Two(large, small), "large.dead", "small.dead")
    counted.advance(1.0, budget_bytes=20)
    counted.advance(1.0, budget_bytes=20)
    assert counted.tallies["small.dead"].is_complete
