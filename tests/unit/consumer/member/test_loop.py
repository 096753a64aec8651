from types import SimpleNamespace

import pytest

from common.errors import ClickHouseUnavailable, FeedBlocked, KafkaUnavailable, UnreadableBatch
from common.model.record import Partition
from common.process.health import Health
from consumer.member.loop import FAILURES_BEFORE_REJOIN, Loop
from consumer.metrics import SinkMetrics
from consumer.sink.assignment import Opened
from consumer.sink.batch import Limits
from consumer.sink.lane import Lane
from tests.unit.consumer.material import ONE_EACH, STANDING, TP, event, feed, slab

MEMORY_BYTES = 1_000
FIRST, SECOND = Partition("events", 0), Partition("events", 1)


def lane(partition, rows=3):
    limits = Limits(rows=rows, payload_bytes=1 << 30, age_s=1.0)
    return Lane(feed(ONE_EACH), partition, TP, 0, STANDING, limits)


def read(some_lane, count):
    """Let the lane read so many messages."""
    start = some_lane.position
    some_lane.pending.append(slab([event(n) for n in range(start, start + count)], start))
    some_lane.fill(0.0)


class Sink:
    lead_s = 0.0

    def __init__(self, *lanes):
        self.lanes = {each.partition: each for each in lanes}
        self.error = None

    def step(self, now_s):
        if self.error:
            raise self.error


def loop(sink, memory_bytes=MEMORY_BYTES, group=None):
    """A loop with nothing but lanes, and the group if one is needed."""
    parking = SimpleNamespace(check_flood=lambda lane: None)
    return Loop(
        group, sink, None, parking, None, None, None, memory_bytes=memory_bytes, now_s=lambda: 0.0, wait=None
    )


def test_it_reads_behind_a_ready_batch_while_half_the_memory_is_free():
    ahead, idle = lane(FIRST), lane(SECOND)
    read(ahead, 3)
    assert ahead.ready is not None
    assert loop(Sink(ahead, idle), memory_bytes=3 * ahead.buffered_bytes)._hungry() == {FIRST, SECOND}


def test_it_does_not_read_behind_a_ready_batch_when_memory_runs_short_and_goes_on_for_the_others():
    ahead, idle = lane(FIRST), lane(SECOND)
    read(ahead, 3)
    assert loop(Sink(ahead, idle), memory_bytes=2 * ahead.buffered_bytes)._hungry() == {SECOND}


def test_over_the_memory_limit_nobody_reads_while_a_batch_is_on_its_way():
    ahead, idle = lane(FIRST), lane(SECOND)
    read(ahead, 3)
    assert loop(Sink(ahead, idle), memory_bytes=ahead.buffered_bytes)._hungry() == set()


def test_over_the_memory_limit_the_largest_buffer_that_can_be_cut_is_cut():
    behind_a_ready_one, free = lane(FIRST), lane(SECOND)
    read(behind_a_ready_one, 3)
    read(behind_a_ready_one, 2)
    behind_a_ready_one.buffer.decode()
    read(free, 1)
    loop(Sink(behind_a_ready_one, free), memory_bytes=1)._fill()
    assert free.ready.batch.next == 1


def test_what_is_read_says_where_its_log_ends():
    first, second = lane(FIRST), lane(SECOND)
    slabs = {FIRST: [slab([event(0)], 0)]}
    group = SimpleNamespace(
        read_only=lambda partitions: None,
        poll=lambda wait_s: slabs,
        log_end={FIRST: 7}.__getitem__,  # of the others nothing was fetched
    )
    loop(Sink(first, second), group=group)._poll()
    assert ([*first.pending], first.log_end, second.log_end) == (slabs[FIRST], 7, 0)


class Member:
    """A group whose assignment has changed, and which counts how often it is left."""

    is_stable, changed = True, True

    def __init__(self):
        self.rejoined = 0

    def read_only(self, partitions):
        pass

    def poll(self, wait_s):
        return {}

    def rejoin(self):
        self.rejoined += 1


def loop_that_cannot_open(group, error):
    def open_all():
        raise error

    parking = SimpleNamespace(clear=lambda: None)
    sink = SimpleNamespace(lanes={}, drop=lambda: None)
    health = Health(0.0)
    made = Loop(
        group,
        sink,
        SimpleNamespace(open_all=open_all),
        parking,
        None,
        health,
        SinkMetrics(),
        memory_bytes=1,
        now_s=lambda: 0.0,
        wait=lambda seconds: None,
    )
    return made, health


def test_clickhouse_away_at_a_rebalance_is_waited_for_as_a_member_however_long():
    group = Member()
    waiting, health = loop_that_cannot_open(group, ClickHouseUnavailable("no answer"))
    for _ in range(3 * FAILURES_BEFORE_REJOIN):
        waiting.turn()
    assert (group.rejoined, group.changed) == (0, True)
    assert health.readiness() == (
        False,
        {"ready": False, "detail": "assigned, but cannot begin yet: no answer", "parked": []},
    )


@pytest.mark.parametrize(
    ("assigned", "working", "is_parked", "said"),
    [
        ([FIRST, SECOND], [FIRST, SECOND], False, "working on events/0, events/1"),
        ([FIRST, SECOND], [SECOND], True, "working on events/1"),
        ([FIRST], [], True, "every feed that is here is parked"),
        ([], [], True, "every feed that is here is parked"),
        ([], [], False, "idle: more consumers than partitions"),
    ],
    ids=["all at work", "one parked", "all parked", "its topic is gone", "idle"],
)
def test_ready_says_what_a_sink_works_on(assigned, working, is_parked, said):
    sink = Sink(*map(lane, working))
    made = loop(sink)
    made._parking = SimpleNamespace(is_any_parked=is_parked)
    assert made._work(sorted(map(str, assigned))) == said


def test_a_kafka_client_that_fails_for_long_is_made_anew():
    group = Member()
    waiting, _ = loop_that_cannot_open(group, KafkaUnavailable("no answer"))
    for _ in range(FAILURES_BEFORE_REJOIN):
        waiting.turn()
    assert group.rejoined == 1


class Parking:
    """Notes what is parked."""

    is_any_parked = False

    def __init__(self):
        self.parked = []

    def park(self, some_feed, error):
        self.parked.append((some_feed.topic, str(error)))

    def clear(self):
        pass

    def retry_due(self, now_s):
        pass

    def check_flood(self, lane):
        pass


def turning(group, opened):
    """A loop whose partitions open like that."""
    opening = SimpleNamespace(open_all=lambda: opened, feed=lambda topic: feed(ONE_EACH))
    parking, sink = Parking(), Sink()
    sink.drop = lambda: None
    made = Loop(
        group,
        sink,
        opening,
        parking,
        None,
        Health(0.0),
        SinkMetrics(),
        memory_bytes=1 << 30,
        now_s=lambda: 0.0,
        wait=lambda seconds: None,
    )
    return made, parking, sink


def test_a_feed_that_cannot_be_opened_is_parked_and_what_can_be_is_worked_on():
    group = Member()
    group.assigned = lambda: [FIRST, SECOND]
    fine = lane(FIRST)
    made, parking, sink = turning(group, Opened({FIRST: fine}, {"events": FeedBlocked("rows past it")}))
    made.turn()
    assert parking.parked == [("events", "rows past it")]
    assert sink.lanes == {FIRST: fine}


def test_a_batch_that_cannot_be_read_parks_its_feed():
    group = Member()
    group.changed = False

    def poll(wait_s):
        raise UnreadableBatch("events", "events-0 at offset 7: too large")

    group.poll = poll
    made, parking, _ = turning(group, Opened({}, {}))
    made.turn()
    assert parking.parked == [("events", "events-0 at offset 7: too large")]


def test_out_of_memory_drops_what_was_read_and_ends_nothing():
    group = Member()
    group.changed = False
    made, _, sink = turning(group, Opened({}, {}))
    dropped = []
    sink.drop = lambda: dropped.append(True)
    sink.error = MemoryError()
    made.turn()
    assert (dropped, group.changed) == ([True], True)


def test_lanes_go_on_when_the_dead_letters_of_one_cannot_be_sent():
    other = lane(FIRST)
    sink = Sink(other)
    sink.error = KafkaUnavailable("no broker for the dead-letter topic")
    other.pending.append(slab([event(n) for n in range(3)], 0))
    with pytest.raises(KafkaUnavailable):
        loop(sink)._step()
    assert other.ready.batch.next == 3
