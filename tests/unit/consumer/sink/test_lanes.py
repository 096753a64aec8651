import pytest

from common.model.record import Partition
from consumer.sink.cutting import Cut, Limits
from consumer.sink.lane import Lane
from consumer.sink.lanes import Budget, Lanes
from tests.unit.consumer.material import BAD, INTENT, ONE_EACH, TP, event, feed, slab

FIRST, SECOND = Partition("events", 0), Partition("events", 1)


def lane(partition, rows=3):
    limits = Limits(rows=rows, payload_bytes=1 << 30, age_s=1.0)
    return Lane(feed(ONE_EACH), partition, TP, 0, INTENT, limits)


def read(some_lane, count):
    """Let the lane read that many messages."""
    start = some_lane.position
    some_lane.pending.append(slab([event(n) for n in range(start, start + count)], start))
    some_lane.fill(0.0)


def lanes(*members, memory_bytes=1 << 30, dead_letter_limit=1_000):
    made = Lanes(Budget(memory_bytes, dead_letter_limit))
    made.open({each.partition: each for each in members})
    return made


# Ownership


def test_a_lane_that_is_replaced_has_its_insertions_cancelled_and_others_go_on():
    old, new, other = lane(FIRST), lane(FIRST), lane(SECOND)
    held = lanes(old, other)
    for each in (old, other):
        read(each, 3)
    held.open({FIRST: new})
    assert held.get(FIRST) is new
    assert (old in held, new in held) == (False, True)
    assert (old.ready.is_cancelled, other.ready.is_cancelled) == (True, False)


def test_s5_a_drop_leaves_no_lane_and_cancels_everything():
    busy = lane(FIRST)
    held = lanes(busy)
    read(busy, 3)
    held.drop()
    assert (len(held), busy.ready.is_cancelled) == (0, True)


def test_the_lanes_of_a_parked_topic_stand_still_on_what_they_have_committed():
    busy = lane(FIRST)
    held = lanes(busy)
    read(busy, 3)
    held.park("events", "no such table")
    still = held.get(FIRST)
    assert (still.parked, still.committed, still.insertions(), still.is_hungry) == (
        "no such table",
        0,
        [],
        False,
    )
    assert busy.ready.is_cancelled


def test_the_lanes_of_other_topics_are_not_touched_by_a_parked_one():
    busy = lane(FIRST)
    held = lanes(busy)
    held.park("others", "no such table")
    assert held.get(FIRST) is busy


def test_what_is_read_goes_to_its_lane_with_the_end_of_its_log():
    first, second = lane(FIRST), lane(SECOND)
    run, stranger = [slab([event(0)], 0)], Partition("events", 9)
    lanes(first, second).take({FIRST: run, stranger: run}, {FIRST: 7}.__getitem__)
    assert ([*first.pending], first.log_end, second.log_end) == (run, 7, 0)


# Memory


def test_it_reads_after_a_ready_batch_while_half_the_memory_is_free():
    ahead, idle = lane(FIRST), lane(SECOND)
    read(ahead, 3)
    assert lanes(ahead, idle, memory_bytes=3 * ahead.buffered_bytes).hungry() == {FIRST, SECOND}


def test_it_does_not_read_after_a_ready_batch_when_memory_runs_short_and_goes_on_for_the_others():
    ahead, idle = lane(FIRST), lane(SECOND)
    read(ahead, 3)
    assert lanes(ahead, idle, memory_bytes=2 * ahead.buffered_bytes).hungry() == {SECOND}


def test_over_the_memory_limit_nobody_reads_while_a_batch_is_on_its_way():
    ahead, idle = lane(FIRST), lane(SECOND)
    read(ahead, 3)
    assert lanes(ahead, idle, memory_bytes=ahead.buffered_bytes).hungry() == set()


def test_over_the_memory_limit_with_nothing_on_its_way_the_largest_buffer_alone_is_read_for():
    small, large = lane(FIRST, rows=100), lane(SECOND, rows=100)
    read(small, 1)
    read(large, 2)
    for each in (small, large):
        each.buffer.decode()
    assert lanes(small, large, memory_bytes=1).hungry() == {SECOND}


def test_over_the_memory_limit_the_largest_buffer_that_can_be_cut_is_cut():
    after_a_ready_one, free = lane(FIRST), lane(SECOND)
    read(after_a_ready_one, 3)
    read(after_a_ready_one, 2)
    after_a_ready_one.buffer.decode()
    read(free, 1)
    lanes(after_a_ready_one, free, memory_bytes=1).fill(0.0, 0.0)
    assert (free.ready.batch.next, free.ready.batch.cut) == (1, Cut.MEMORY)


# Floods


@pytest.mark.parametrize(("limit", "blocked"), [(3, []), (2, ["events"])])
def test_filling_tells_which_topic_is_flooded_with_bad_messages(limit, blocked):
    flooded, fine = lane(FIRST), lane(SECOND)
    held = lanes(flooded, fine, dead_letter_limit=limit)
    held.take({FIRST: [slab([BAD] * 3)], SECOND: [slab([event(0)] * 3)]}, lambda partition: 3)
    assert [topic for topic, _ in held.fill(0.0, 0.0)] == blocked


def test_what_cannot_be_read_of_one_lane_hides_nothing_of_the_others():
    """A flood that is not told now could be named by the next step."""
    flooded, large, fine = lane(FIRST), lane(SECOND), lane(Partition("events", 2))
    held = lanes(flooded, large, fine, dead_letter_limit=2)
    large.buffer.maker.make = out_of_memory
    runs = {FIRST: [slab([BAD] * 3)], SECOND: [slab([event(0)] * 3)], fine.partition: [slab([event(0)] * 3)]}
    held.take(runs, lambda partition: 3)
    told = [str(error) for _, error in held.fill(0.0, 0.0)]
    assert ["bad messages in a row" in text for text in told] == [True, False]
    assert "do not fit into memory" in told[1]
    assert fine.ready.batch.next == 3


def out_of_memory(*_):
    raise MemoryError


# What the role asks


def test_it_is_busy_while_anything_named_is_not_finished():
    some = lane(FIRST)
    held = lanes(some)
    read(some, 3)
    assert (held.is_busy, held.can_work) == (False, True)
    some.applied(some.wanted_commit(0.0))
    assert (held.is_busy, held.can_work) == (True, False)


def test_forgetting_what_is_not_named_is_for_all_lanes():
    first, second = lane(FIRST), lane(SECOND)
    for each in (first, second):
        read(each, 3)
    lanes(first, second).forget_unnamed()
    assert (first.insertions(), second.insertions()) == ([], [])
