import logging

import pytest

from common.errors import (
    ClickHouseUnavailable,
    CommitAmbiguous,
    CommitRefused,
    FeedBlocked,
    KafkaDenied,
    KafkaRefused,
    KafkaUnavailable,
    UnreadableBatch,
)
from common.model.record import Partition
from common.process.clock import Clock
from common.process.health import Health
from consumer.member.loop import DENIALS_BEFORE_REPEAT, FAILURES_BEFORE_REJOIN, REPORT_EVERY_S, Loop
from consumer.member.parking import Parking
from consumer.member.role import Blocked
from consumer.metrics import MemberMetrics

FIRST, SECOND = Partition("events", 0), Partition("events", 1)
BLOCKED = FeedBlocked("rows past it")


class Group:
    """A stable member whose assignment has just changed; remembers what it is asked for."""

    def __init__(self):
        self.is_stable, self.changed = True, True
        self.partitions, self.ends, self.slabs = [FIRST, SECOND], {}, {}
        self.errors, self.rejoin_errors = [], []
        self.rejoined, self.read, self.waits = 0, [], []

    def invalidate(self):
        self.changed = True

    def assigned(self):
        return self.partitions

    def read_only(self, wanted):
        self.read.append(set(wanted))

    def poll(self, wait_s):
        self.waits.append(wait_s)
        if self.errors:
            raise self.errors.pop(0)
        return self.slabs

    def log_end(self, partition):
        return self.ends[partition]

    def end_offsets(self, partitions):
        if isinstance(self.ends, Exception):
            raise self.ends
        return {partition: self.ends[partition] for partition in partitions}

    def rejoin(self):
        self.rejoined += 1
        if self.rejoin_errors:
            raise self.rejoin_errors.pop(0)


class Role:
    """Does what the test says; remembers what it is told."""

    counts = "rows"

    def __init__(self, group):
        self._group = group
        self.calls, self.taken, self.parked = [], [], []
        self.blocked, self.open_errors, self.step_errors, self.still = [], [], [], None
        self.finish_error = None
        self.working, self.committed, self.done = [FIRST, SECOND], {}, 0

    def open(self):
        self.calls.append("open")
        if self.open_errors:
            raise self.open_errors.pop(0)
        self._group.changed = False
        return self.blocked

    def reopen(self, topic):
        self.calls.append(f"reopen {topic}")
        if isinstance(self.still, ClickHouseUnavailable):
            raise self.still
        return self.still

    def park(self, topic, reason):
        self.parked.append((topic, reason))

    def drop(self):
        self.calls.append("drop")

    def hungry(self):
        return {FIRST}

    def await_work(self):
        return 0.05

    def take(self, slabs, log_end):
        self.taken.append({partition: (run, log_end(partition)) for partition, run in slabs.items()})

    def step(self, now_s):
        self.calls.append("step")
        if self.step_errors:
            raise self.step_errors.pop(0)
        blocked, self.blocked = self.blocked, []
        return blocked

    def finish(self, deadline):
        self.calls.append("finish")
        if self.finish_error:
            raise self.finish_error


class House:
    """A loop among fakes, with a clock that sleeping moves."""

    def __init__(self):
        self.now_s = 100.0
        clock = Clock(lambda: self.now_s, lambda: 1e9 + self.now_s, self.sleep, lambda: 0.0)
        self.group = Group()
        self.role = Role(self.group)
        self.health, self.metrics = Health(0.0), MemberMetrics("sink")
        self.parking = Parking(
            self.health, self.metrics, retry_every_s=30.0, now_s=clock.now_s, unix_s=clock.unix_s
        )
        self.loop = Loop(
            self.group, self.role, self.parking, self.health, self.metrics, clock, memory_bytes=1 << 30
        )

    def sleep(self, seconds):
        self.now_s += seconds

    def turn(self, times=1):
        for _ in range(times):
            self.loop.turn()

    def work(self):
        """Take one turn, after which it works on its assignment."""
        self.turn()
        self.role.calls.clear()
        return self

    def metric(self, name, **labels):
        return self.metrics.registry.get_sample_value(f"penstock_sink_{name}", labels)

    @property
    def ready(self):
        is_ready, answer = self.health.readiness()
        return is_ready, answer["detail"]


@pytest.fixture
def house(caplog):
    caplog.set_level(logging.INFO)
    return House()


# Rounds


def test_a_round_reads_for_the_hungry_and_gives_what_came_to_the_role(house):
    house.group.slabs, house.group.ends = {FIRST: ["slab"]}, {FIRST: 7}
    house.turn()
    assert (house.group.read, house.group.waits) == ([{FIRST}], [0.05])
    assert house.role.taken == [{FIRST: (["slab"], 7)}]


def test_s5_an_assignment_that_changed_is_begun_after_everything_is_dropped(house):
    house.turn()
    assert house.role.calls == ["drop", "open", "step"]
    assert house.ready == (True, "working on events/0, events/1")
    assert house.metric("rebalances_total") == 1


def test_a_member_that_has_not_joined_yet_drops_and_waits(house):
    house.group.is_stable = False
    house.turn()
    assert house.role.calls == ["drop", "step"]
    assert house.ready == (False, "joining the consumer group")


@pytest.mark.parametrize(
    ("assigned", "working", "blocked", "said"),
    [
        ([FIRST, SECOND], [SECOND], [Blocked("others", BLOCKED)], "working on events/1"),
        ([FIRST], [], [Blocked("events", BLOCKED)], "every feed that is here is parked"),
        ([], [], [Blocked("events", BLOCKED)], "every feed that is here is parked"),
        ([], [], [], "idle: more consumers than partitions"),
    ],
    ids=["one parked", "all parked", "its topic is gone", "idle"],
)
def test_ready_says_what_a_member_works_on(house, assigned, working, blocked, said):
    house.group.partitions, house.role.working, house.role.blocked = assigned, working, blocked
    house.turn()
    assert house.ready[1] == said


# Topics that cannot go on


def test_a_topic_that_cannot_be_opened_is_parked(house):
    house.role.blocked = [Blocked("events", BLOCKED)]
    house.turn()
    assert house.role.parked[0] == ("events", "rows past it")
    assert house.parking.reason("events") == "rows past it"


def test_a_topic_that_is_blocked_in_a_step_is_parked_once_for_its_first_reason(house):
    house.work().role.blocked = [Blocked("events", BLOCKED), Blocked("events", FeedBlocked("another"))]
    house.turn()
    assert house.role.parked == [("events", "rows past it")]
    assert house.parking.reason("events") == "rows past it"


def test_a_batch_that_cannot_be_read_parks_its_topic(house):
    house.work().group.errors = [UnreadableBatch("events", "events-0 at offset 7: too large")]
    house.turn()
    assert house.role.parked == [("events", "events-0 at offset 7: too large")]


def test_a_parked_topic_is_tried_again_and_goes_on_when_nothing_is_in_the_way(house):
    house.work().role.blocked = [Blocked("events", BLOCKED)]
    house.turn()
    house.now_s += 29.9
    house.turn()
    assert "reopen events" not in house.role.calls
    house.now_s += 0.1
    house.turn()
    assert "reopen events" in house.role.calls
    assert (house.parking.reason("events"), house.ready[0]) == ("", True)


def test_a_parked_topic_that_cannot_go_on_yet_stays_parked_for_what_is_in_the_way_now(house):
    house.work().role.blocked = [Blocked("events", BLOCKED)]
    house.turn()
    house.role.still = FeedBlocked("still rows past it")
    house.now_s += 30
    house.turn()
    assert house.parking.reason("events") == "still rows past it"
    assert house.role.parked[-1] == ("events", "still rows past it")


def test_a_parked_topic_of_which_no_server_tells_anything_stays_parked(house):
    house.work().role.blocked = [Blocked("events", BLOCKED)]
    house.turn()
    house.role.still = ClickHouseUnavailable("away")
    house.now_s += 30
    house.turn(2)
    assert house.parking.reason("events") == "rows past it"
    assert house.role.calls.count("reopen events") == 1


def test_a_new_assignment_finds_out_for_itself_what_is_parked(house):
    house.work().role.blocked = [Blocked("events", BLOCKED)]
    house.turn()
    house.group.changed = True
    house.turn()
    assert house.parking.reason("events") == ""


# Commits


def test_r1_a_commit_that_is_refused_drops_what_was_read_and_stays_in_the_group(house):
    house.work().role.step_errors = [CommitRefused("gone")]
    house.turn()
    assert (house.role.calls, house.group.rejoined) == (["step", "drop"], 0)
    house.turn()  # what is committed is read again, whichever role was refused
    assert house.role.calls[2:] == ["drop", "open", "step"]


def test_r1_a_commit_whose_outcome_is_unknown_drops_what_was_read_and_leaves_the_group(house):
    house.work().role.step_errors = [CommitAmbiguous("no answer")]
    house.turn()
    assert (house.role.calls, house.group.rejoined) == (["step", "drop"], 1)
    assert house.ready == (False, "rejoining the consumer group")
    assert house.metric("retries_total", call="rejoin") == 1


@pytest.mark.parametrize("error", [KafkaUnavailable("no answer"), KafkaDenied("READ on group team")])
def test_a_rejoin_that_fails_is_no_end(house, error):
    house.work().role.step_errors = [CommitAmbiguous("no answer")]
    house.group.rejoin_errors = [error]
    house.turn()
    assert house.metric("retries_total", call=type(error).__name__) == 1
    assert house.now_s > 100.0


# Servers that do not answer, and permissions


def test_a_failure_that_passes_is_told_once_and_tried_again(house, caplog):
    house.work().role.step_errors = [KafkaUnavailable("no answer")] * 3
    house.turn(4)
    assert house.role.calls == ["step"] * 4
    assert [line.message for line in caplog.records].count("trying again") == 1
    assert house.metric("retries_total", call="KafkaUnavailable") == 3
    assert house.group.rejoined == 0


def test_a_kafka_client_that_fails_for_long_is_replaced(house):
    house.work().role.step_errors = [KafkaUnavailable("no answer")] * FAILURES_BEFORE_REJOIN
    house.turn(FAILURES_BEFORE_REJOIN - 1)
    assert house.group.rejoined == 0
    house.turn()
    assert house.group.rejoined == 1


def test_clickhouse_away_at_a_rebalance_is_waited_for_as_a_member_however_long(house):
    house.role.open_errors = [ClickHouseUnavailable("no answer")] * 3 * FAILURES_BEFORE_REJOIN
    house.turn(3 * FAILURES_BEFORE_REJOIN)
    assert (house.group.rejoined, house.group.changed) == (0, True)
    assert house.ready == (False, "assigned, but cannot begin yet: no answer")
    house.turn()
    assert house.ready == (True, "working on events/0, events/1")


def test_a_permission_that_is_taken_is_waited_for_with_growing_pauses_and_a_new_client(house, caplog):
    times = 2 * DENIALS_BEFORE_REPEAT
    house.work().role.step_errors = [KafkaDenied("WRITE on topic events.dead")] * times
    pauses = []
    for _ in range(times):
        before_s = house.now_s
        house.turn()
        pauses.append(house.now_s - before_s)
    assert pauses[:4] == pytest.approx([0.2, 0.4, 0.8, 1.6])
    assert max(pauses) == pytest.approx(5.0)
    assert house.group.rejoined == times
    assert house.ready == (False, "WRITE on topic events.dead")
    told = [line.message for line in caplog.records if line.levelname == "ERROR"]
    assert told == ["permission denied, retrying until it is granted"] * 3


@pytest.mark.parametrize(
    "failure", [KafkaDenied("READ on group team"), KafkaUnavailable("no broker answers")]
)
def test_a_new_client_that_is_denied_too_is_no_end(house, failure):
    house.work().role.step_errors = [KafkaDenied("READ on topic events")]
    house.group.rejoin_errors = [failure]
    house.turn(2)
    assert house.role.calls == ["step", "drop", "step"]


@pytest.mark.parametrize("where", ["step", "rejoin"])
def test_an_error_that_will_not_pass_ends_the_loop(house, where):
    refused = KafkaRefused("the login is wrong")
    house.work().role.step_errors = [refused if where == "step" else KafkaDenied("READ on group team")]
    house.group.rejoin_errors = [refused]
    with pytest.raises(KafkaRefused):
        house.turn()


def test_out_of_memory_drops_what_was_read_and_reads_it_again(house):
    house.work().role.step_errors = [MemoryError()]
    house.turn()
    assert (house.role.calls, house.group.changed) == (["step", "drop"], True)
    house.turn()
    assert house.role.calls == ["step", "drop", "drop", "open", "step"]


# Reports and the end


def test_lag_and_throughput_are_reported_now_and_then(house, caplog):
    house.work().role.committed, house.group.ends = {FIRST: 40, SECOND: 9}, {FIRST: 100, SECOND: 9}
    house.now_s, house.role.done = house.now_s + REPORT_EVERY_S, 1_000
    house.turn()
    assert house.metric("lag_messages", topic="events", partition="0") == 60
    assert house.metric("lag_messages", topic="events", partition="1") == 0
    (line,) = [line for line in caplog.records if line.message == "done and committed"]
    assert (line.rows, line.rows_per_s, line.lag) == (1_000, 100, 60)


@pytest.mark.parametrize("error", [KafkaUnavailable("no answer"), KafkaDenied("DESCRIBE on topic events")])
def test_a_lag_that_nobody_tells_is_left_out(house, error):
    house.work().role.committed, house.group.ends = {FIRST: 40}, error
    house.now_s += REPORT_EVERY_S
    house.turn()
    assert house.metric("lag_messages", topic="events", partition="0") is None


def test_a_loop_that_is_asked_to_stop_finishes_what_is_under_way(house):
    turns = iter([False, False, True])
    house.loop.run(lambda: next(turns))
    assert house.role.calls == ["drop", "open", "step", "step", "finish"]


def test_a_loop_says_that_it_stops_before_what_may_take_seconds(house, caplog):
    house.role.finish_error = CommitRefused("the generation is over")
    house.loop.run(lambda: True)
    said = [line.message for line in caplog.records]
    assert said[0] == "stopping, what is on its way is finished first"
    assert "the next owner recovers" in said[-1]


def test_a_last_commit_that_does_not_go_through_is_left_to_the_next_owner(house, caplog):
    house.role.finish_error = CommitRefused("the generation is over")
    house.loop.run(lambda: True)
    assert "the next owner recovers" in caplog.records[-1].message
