import pytest

from common.model.record import Partition, Slab
from consumer.transform.waiting import LEAST_MESSAGES, Limits, Waiting

FIRST, SECOND = Partition("visits", 0), Partition("orders", 1)
LIMITS = Limits(age_s=0.1, messages=8_000, payload_bytes=1 << 20, bad_messages=10)


class Clock:
    now_s = 5.0

    def __call__(self):
        return self.now_s


def slab(messages, start=0):
    return Slab(start, start + messages, range(start, start + messages), [b"v"] * messages, ())


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def waiting(clock):
    return Waiting(LIMITS, clock)


def test_it_is_due_some_time_after_its_first_message(waiting, clock):
    clock.now_s = 6.0
    waiting.add({FIRST: [slab(1)]}, {FIRST})
    clock.now_s = 6.05
    waiting.add({FIRST: [slab(1, 1)]}, {FIRST})
    assert waiting.due_in_s == pytest.approx(0.05)
    assert not waiting.is_due(6.09)
    assert waiting.is_due(6.11)
    assert not waiting.is_due(6.12), "the next one is counted from the last"


def test_it_is_due_at_once_when_it_is_full(waiting):
    waiting.add({FIRST: [slab(8_000)]}, {FIRST})
    assert (waiting.is_full, waiting.due_in_s, waiting.is_due(5.0)) == (True, 0.0, True)


def test_what_nobody_wants_does_not_wait(waiting):
    waiting.add({FIRST: [slab(8_000)], SECOND: [slab(1)]}, {SECOND})
    assert not waiting.is_full
    assert [at for at, _ in waiting.take_all()] == [SECOND]


def test_what_came_for_a_topic_is_forgotten(waiting):
    waiting.add({FIRST: [slab(8_000)], SECOND: [slab(1)]}, {FIRST, SECOND})
    waiting.forget("visits")
    assert not waiting.is_full
    assert [(at, len(held)) for at, held in waiting.take_all()] == [(SECOND, 1)]


def room(waiting):
    """How many messages the next transaction takes."""
    waiting.clear()
    for messages in range(1_000, 9_000, 1_000):
        waiting.add({FIRST: [slab(1_000)]}, {FIRST})
        if waiting.is_full:
            return messages
    return None


def test_after_a_lost_transaction_the_next_ones_are_smaller_until_they_go_through(waiting):
    lost = [(waiting.note_lost(), room(waiting))[1] for _ in range(3)]
    committed = [(waiting.note_committed(), room(waiting))[1] for _ in range(4)]
    assert lost == [2_000, LEAST_MESSAGES, LEAST_MESSAGES]
    assert committed == [2_000, 4_000, 8_000, 8_000]
