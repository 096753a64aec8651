from types import SimpleNamespace

import pytest

from common.errors import CommitRefused, FeedBlocked, KafkaUnavailable
from common.model.record import Partition
from common.process.deadline import Deadline
from consumer.metrics import SinkMetrics
from consumer.sink.assignment import Opened
from consumer.sink.buffer import PIECE_BYTES
from consumer.sink.cutting import Limits
from consumer.sink.lane import Lane
from consumer.sink.lanes import Budget, Lanes
from consumer.sink.role import BUSY_WAIT_S, FULL_WAIT_S, IDLE_WAIT_S, SinkRole
from consumer.sink.sink import Sink
from tests.unit.consumer.material import BAD, INTENT, ONE_EACH, TP, event, feed, slab

FIRST, SECOND = Partition("events", 0), Partition("events", 1)
FLOOD = 2


def lane(partition):
    limits = Limits(rows=3, payload_bytes=1 << 30, age_s=1.0)
    return Lane(feed(ONE_EACH), partition, TP, 0, INTENT, limits)


class Inserter:
    """Lands what is submitted when it is waited for."""

    def __init__(self):
        self.submitted, self.waited_s = [], []

    def submit(self, insertion):
        self.submitted.append(insertion)

    def results(self):
        return []

    def wait(self, timeout_s):
        self.waited_s.append(timeout_s)
        for insertion in self.submitted:
            insertion.succeed()
        self.submitted.clear()


class House:
    """A role on two partitions, with a real sink and real lanes."""

    def __init__(self):
        self.now_s, self.commits, self.letter_error, self.commit_error = 0.0, [], None, None
        self.opened = Opened({FIRST: lane(FIRST), SECOND: lane(SECOND)}, {})
        assignment = SimpleNamespace(
            open_all=lambda: self.opened, open_topic=lambda topic, before: self.reopened(topic, before)
        )
        self.lanes = Lanes(Budget(memory_bytes=1 << 30, dead_letter_limit=FLOOD))
        self.inserter = Inserter()
        self.sink = Sink(
            self.lanes,
            self,
            self.inserter,
            self,
            SinkMetrics(),
            instance="me",
            jitter=lambda: 0.0,
        )
        self.role = SinkRole(self.lanes, self.sink, assignment, self.inserter, lambda: self.now_s)
        self.role.open()

    def reopened(self, topic, before):
        self.before = before
        return self.opened

    def commit(self, offsets, meanwhile=None):
        if meanwhile:
            meanwhile()
        if self.commit_error:
            raise self.commit_error
        self.commits.append({at: to.offset for at, to in offsets.items()})
        return True

    def send(self, *letter):
        if self.letter_error:
            raise self.letter_error
        return SimpleNamespace(is_acknowledged=True, error=None)

    def read(self, partition, values):
        start = self.lanes.get(partition).position
        self.role.take({partition: [slab(values, start)]}, lambda _: start + len(values))


@pytest.fixture
def house():
    return House()


def events(count):
    return [event(n) for n in range(count)]


def test_opening_tells_which_topics_cannot_go_on(house):
    error = FeedBlocked("rows past it")
    house.opened = Opened({FIRST: lane(FIRST)}, {"events": error})
    assert house.role.open() == [("events", error)]


def test_a_topic_is_opened_again_with_fresh_lanes_that_know_the_old_ones(house):
    old = house.lanes.get(FIRST)
    house.opened = Opened({FIRST: lane(FIRST)}, {})
    assert house.role.reopen("events") is None
    assert house.before[FIRST] is old
    assert house.lanes.get(FIRST) is house.opened.lanes[FIRST]


def test_what_is_in_the_way_of_a_topic_is_told_when_it_is_opened_again(house):
    house.opened = Opened({}, {"events": FeedBlocked("rows past it")})
    assert str(house.role.reopen("events")) == "rows past it"


def test_a_step_names_what_was_read_before_and_cuts_what_was_read_since(house):
    house.read(FIRST, events(3))
    assert house.role.step(0.0) == []
    assert (house.commits, house.lanes.get(FIRST).ready.batch.next) == ([], 3)
    house.read(FIRST, events(3))
    house.role.step(0.0)
    assert (house.commits, house.lanes.get(FIRST).ready.batch.next) == ([{FIRST: 0}], 6)


def test_a_step_tells_which_topic_is_flooded_before_any_of_it_is_named(house):
    house.read(FIRST, [BAD] * 3)
    ((topic, error),) = house.role.step(0.0)
    assert (topic, "more than 2 bad messages" in str(error), house.commits) == ("events", True, [])


def test_lanes_go_on_when_the_dead_letters_of_one_cannot_be_sent(house):
    house.read(FIRST, [BAD, *events(2)])
    house.role.step(0.0)
    house.letter_error = KafkaUnavailable("no broker for the dead-letter topic")
    house.read(SECOND, events(3))
    with pytest.raises(KafkaUnavailable):
        house.role.step(0.0)
    assert house.lanes.get(SECOND).ready.batch.next == 3


def test_a_flood_that_is_found_while_a_step_fails_is_told_before_any_of_it_is_named(house):
    house.read(FIRST, [BAD, *events(2)])
    house.role.step(0.0)
    house.letter_error = KafkaUnavailable("no broker for the dead-letter topic")
    house.read(SECOND, [BAD] * 3)
    with pytest.raises(KafkaUnavailable):
        house.role.step(0.0)
    assert house.lanes.get(SECOND).ready is not None
    house.letter_error = None
    blocked = house.role.step(0.0)
    assert {topic for topic, _ in blocked} == {"events"}
    assert house.commits == [{FIRST: 0}]


def test_it_polls_at_once_while_there_is_work(house):
    house.read(FIRST, events(3))
    house.role.step(0.0)
    assert house.role.await_work() == 0.0


def test_it_polls_for_a_while_when_there_is_nothing_to_do(house):
    assert house.role.await_work() == IDLE_WAIT_S


def test_it_polls_for_a_moment_while_an_insert_is_under_way(house):
    house.read(FIRST, events(3))
    house.role.step(0.0)
    house.role.step(0.0)
    assert (house.role.await_work(), house.inserter.waited_s) == (BUSY_WAIT_S, [])


def test_it_waits_for_an_insert_when_nobody_is_to_be_read_for(house):
    for partition in (FIRST, SECOND):
        for _ in range(3):
            house.read(partition, events(3))
            house.role.step(0.0)
    assert house.role.hungry() == set()
    house.role.await_work()
    assert house.inserter.waited_s == [FULL_WAIT_S]


def test_finishing_stores_and_commits_what_is_named_and_forgets_the_rest(house):
    for _ in range(3):
        house.read(FIRST, events(3))
        house.role.step(0.0)
    house.role.finish(Deadline(lambda: house.now_s, 5.0))
    assert house.commits[-1] == {FIRST: 3}
    assert (house.role.committed, house.role.done) == ({FIRST: 3, SECOND: 0}, 3)


def test_finishing_raises_what_a_last_commit_raises(house):
    house.read(FIRST, events(3))
    house.role.step(0.0)
    house.role.step(0.0)
    house.commit_error = CommitRefused("the generation is over")
    with pytest.raises(CommitRefused):
        house.role.finish(Deadline(lambda: house.now_s, 5.0))


def test_parked_lanes_are_not_among_those_it_works_on(house):
    assert house.role.working == [FIRST, SECOND]
    house.role.park("events", "no such table")
    assert house.role.working == []
    house.role.drop()
    assert house.role.committed == {}


def test_what_cannot_be_decoded_while_a_commit_travels_parks_its_topic_and_ends_nothing(house):
    """The slab that failed is gone from the buffer: what follows it must not be added to it."""
    house.read(FIRST, events(3))
    house.role.step(0.0)
    house.lanes.get(FIRST).buffer.maker.make = out_of_memory
    large = [event(n) + b" " * PIECE_BYTES for n in range(4)]
    start = house.lanes.get(FIRST).position
    runs = [slab(large, start), slab(events(2), start + 4)]
    house.role.take({FIRST: runs}, lambda _: start + 6)
    blocked = house.role.step(0.0)
    assert [(topic, "do not fit into memory" in str(error)) for topic, error in blocked] == [("events", True)]
    house.role.park("events", "too large")
    assert house.lanes.get(FIRST).committed == 0
    assert house.role.step(0.0) == []


def out_of_memory(*_):
    raise MemoryError
