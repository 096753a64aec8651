"""The role with a group, transactions and a clock of the test's own; opening, outbox and works are the real ones."""

import pytest

from common.commits.groups import transform_group
from common.errors import DataExpired, FeedBlocked, KafkaUnavailable, OutputRefused, TransactionLost
from common.model.record import Partition, Record, Slab
from common.model.transform import Each
from common.process.deadline import Deadline
from common.settings.config import Settings
from consumer.metrics import TransformMetrics
from consumer.transform.opening import Opening
from consumer.transform.outbox import Outbox
from consumer.transform.place import Named
from consumer.transform.role import IDLE_WAIT_S, TransformRole
from consumer.transform.waiting import Limits
from tests.unit.consumer.transform.group import COPY, FIRST, HISTOGRAM, SECOND, Group, at
from tests.unit.consumer.transform.material import SILENCE_S, Visit, visit, windows

GROUP_NAME = transform_group(Settings.from_env({"KAFKA_GROUP_ID": "team"}))
AGE_S, MESSAGES, BYTES, FLOOD = 0.1, 10, 10_000, 3
BAD = b"{bad"


class Calls:
    """What was asked of Kafka, in order; transactions and group write into the same list."""

    def __init__(self):
        self.all = []

    def names(self):
        return [call[0] for call in self.all]


class Transactions:
    """Applies what is committed to the group; `error` is raised by the step that is named in `fails_at`."""

    def __init__(self, calls, group):
        self.calls, self.group, self.fails_at, self.error = calls, group, None, None
        self.sent, self.read = [], []

    def _note(self, *call):
        self.calls.all.append(call)
        if call[0] == self.fails_at:
            self.fails_at = None
            raise self.error

    def fence(self, ids):
        self._note("fence", list(ids))

    def open(self, transactional_id):
        self._note("open", transactional_id)

    def throw_away(self):
        self.sent.clear()
        self._note("throw away")

    def begin(self):
        self._note("begin")

    def send(self, topic, partition, values, **how):
        self.sent += [(topic, value) for value in values]
        self._note("send", topic, partition)

    def flush(self):
        self._note("flush")

    def commit(self, offsets, member):
        self._note("commit", {where: to.offset for where, to in offsets.items()}, member)
        self.group.offsets |= offsets
        self.read += self.sent
        self.sent.clear()


class Members(Group):
    """Its membership is noted when the assignment is read."""

    def __init__(self, calls, committed):
        super().__init__(committed)
        self.calls, self.member, self.mine, self.log_ends = calls, None, list(committed), {}
        self.sizes |= {"events": 2, "events-copies": 2}

    def assigned(self):
        return list(self.mine)

    def read_assignment(self):
        self.calls.all.append(("read",))
        self.member = "member of now"
        return {where: self.offsets.get(where) for where in self.mine}

    def first_offsets(self, partitions):
        return dict.fromkeys(partitions, 0)

    def end_offsets(self, partitions):
        return dict.fromkeys(partitions, 1000)

    def log_end(self, partition):
        return self.log_ends.get(partition, 0)


class House:
    """A role on some partitions."""

    def __init__(self, *partitions, transforms=(COPY,), committed=None):
        self.now_s, self.calls = 100.0, Calls()
        self.group = Members(self.calls, committed or dict.fromkeys(partitions or (FIRST, SECOND)))
        self.transactions = Transactions(self.calls, self.group)
        named = {each.source: Named(each, f"stream.{each.name}", []) for each in transforms}
        self.metrics = TransformMetrics()
        opening = Opening(
            self.group,
            named,
            lambda topic, size: set(),
            lambda: self.now_s,
            group_name=GROUP_NAME,
            most_bytes=10_000,
        )
        self.role = TransformRole(
            self.group,
            opening,
            self.transactions,
            Outbox(self.transactions, lambda: self.now_s),
            self.metrics,
            Limits(AGE_S, MESSAGES, BYTES, FLOOD),
            GROUP_NAME,
            lambda: self.now_s,
        )

    def open(self):
        """As the loop does after each rebalance and each lost transaction."""
        self.role.drop()
        self.calls.all.clear()
        return self.role.open()

    def take(self, partition, *values, start=0, next_offset=None):
        records = [Record(start + index, 0, None, value, ()) for index, value in enumerate(values)]
        end = start + len(values) if next_offset is None else next_offset
        slab = Slab(start, end, range(start, start + len(values)), list(values), records)
        self.role.take({partition: [slab]}, self.group.log_end)

    def step(self, after_s=AGE_S):
        self.now_s += after_s
        self.calls.all.clear()
        return list(self.role.step(self.now_s))

    def fail(self, step, error):
        self.transactions.fails_at, self.transactions.error = step, error

    def count(self, metric, *labels):
        return metric.labels(*labels)._value.get()


@pytest.fixture
def house():
    """On two partitions, after their first commit."""
    house = House()
    house.open()
    house.step()
    return house


# Ids


def test_i1_who_had_the_partitions_is_fenced_before_what_is_committed_is_read():
    house = House()
    house.open()
    assert house.calls.all == [
        ("fence", ["team-transform-visits-1"]),
        ("open", "team-transform-visits-0"),
        ("read",),
    ]


@pytest.mark.parametrize("step", ["fence", "open"])
def test_i1_nothing_is_read_while_somebody_may_not_be_fenced(step):
    house = House()
    house.role.drop()
    house.fail(step, KafkaUnavailable("no broker"))
    with pytest.raises(KafkaUnavailable):
        house.role.open()
    assert "read" not in house.calls.names()
    assert house.role.working == []


def test_i1_a_partition_that_comes_while_the_others_are_fenced_is_not_begun_with():
    house = House(FIRST)
    fence = house.transactions.fence

    def fence_while_one_more_comes(ids):
        fence(ids)
        house.group.mine.append(SECOND)

    house.transactions.fence = fence_while_one_more_comes
    house.role.drop()
    with pytest.raises(KafkaUnavailable, match="the assignment moved"):
        house.role.open()
    assert house.role.working == []


def test_i2_all_are_fenced_again_after_a_producer_was_thrown_away(house):
    house.take(FIRST, visit("a", 1))
    house.fail("commit", TransactionLost("no answer"))
    with pytest.raises(TransactionLost):
        house.step()
    house.open()
    assert house.calls.all[:2] == [
        ("fence", ["team-transform-visits-1"]),
        ("open", "team-transform-visits-0"),
    ]


def test_i2_the_old_id_is_fenced_too_when_the_lowest_partition_is_another_one_now():
    house = House(SECOND)
    house.open()
    assert ("open", "team-transform-visits-1") in house.calls.all
    house.group.mine.append(FIRST)
    house.open()
    assert house.calls.all[:2] == [
        ("fence", ["team-transform-visits-1"]),
        ("open", "team-transform-visits-0"),
    ]


def test_i5_without_partitions_there_is_no_producer(house):
    house.group.mine.clear()
    house.role.drop()
    assert house.calls.all[-1] == ("throw away",)
    house.calls.all.clear()
    assert house.role.open() == []
    assert house.calls.names() == ["read"]
    assert house.step() == []
    assert house.calls.all == []


def test_i6_ids_begin_with_the_name_of_the_group():
    house = House(FIRST, SECOND, Partition("events", 0), transforms=(COPY, copy_of_events()))
    house.open()
    (_, fenced), (_, opened), _ = house.calls.all
    assert opened == "team-transform-events-0"
    assert len({opened, *fenced}) == 3
    assert all(each.startswith("team-transform-") for each in (opened, *fenced))


def copy_of_events(**changes):
    stated = {"name": "copy-events", "source": "events", "event": Visit, "target": "events-copies"}
    return Each(**stated | {"make": COPY.make} | changes)


# A transaction


def test_a_first_start_is_committed_at_once():
    house = House()
    house.open()
    assert house.step() == []
    assert house.calls.all == [
        ("begin",),
        ("flush",),
        ("commit", {FIRST: 0, SECOND: 0}, "member of now"),
    ]
    assert house.role.committed == {FIRST: 0, SECOND: 0}


def test_outputs_and_dead_letters_are_acknowledged_before_the_offsets_are_committed(house):
    house.take(FIRST, visit("a", 1), BAD)
    house.take(SECOND, visit("b", 1))
    assert house.step() == []
    assert house.calls.all == [
        ("begin",),
        ("send", "copies", 0),
        ("send", "visits.dead", 0),
        ("send", "copies", 1),
        ("flush",),
        ("commit", {FIRST: 2, SECOND: 1}, "member of now"),
    ]
    assert house.transactions.read == [
        ("copies", visit("a", 1)),
        ("visits.dead", BAD),
        ("copies", visit("b", 1)),
    ]
    assert house.role.committed == {FIRST: 2, SECOND: 1}
    assert house.role.done == 3


def test_it_commits_as_the_member_that_it_was_when_the_assignment_was_read(house):
    house.take(FIRST, visit("a", 1))
    house.step()
    assert house.calls.all[-1][2] == "member of now"


def test_only_what_has_news_is_committed(house):
    house.take(SECOND, visit("b", 1))
    house.step()
    assert house.calls.all[-1] == ("commit", {SECOND: 1}, "member of now")
    assert house.step() == []
    assert house.calls.all == []


def test_what_holds_no_message_is_passed(house):
    house.take(FIRST, next_offset=3)
    house.step()
    assert house.calls.all[-1] == ("commit", {FIRST: 3}, "member of now")
    assert house.role.done == 0


def test_a_transaction_is_due_some_time_after_its_first_message(house):
    house.take(FIRST, visit("a", 1))
    house.take(FIRST, visit("b", 1), start=1)
    assert house.role.await_work() == pytest.approx(min(AGE_S, IDLE_WAIT_S))
    assert house.step(AGE_S / 2) == []
    assert house.calls.all == []
    house.step(AGE_S / 2 + 0.001)
    assert "commit" in house.calls.names()


@pytest.mark.parametrize("values", [[visit("a", 1)] * MESSAGES, [b"x" * BYTES]], ids=["messages", "bytes"])
def test_a_transaction_that_is_full_is_due_at_once_and_takes_no_more(house, values):
    assert house.role.hungry() == {FIRST, SECOND}
    house.take(FIRST, *values)
    assert (house.role.hungry(), house.role.await_work()) == (set(), 0.0)
    house.step(0.0)
    assert "commit" in house.calls.names() or house.role.done == 0
    assert house.role.hungry() == {FIRST, SECOND}


def test_a_hole_in_what_is_read_is_a_mistake_of_the_programmer(house):
    house.take(FIRST, visit("a", 1), start=5)
    with pytest.raises(AssertionError, match="visits/0: slab at 5, expected 0"):
        house.step()


def test_what_comes_for_a_partition_that_stands_still_is_dropped(house):
    house.take(Partition("visits", 7), visit("a", 1))
    assert house.step() == []
    assert house.calls.all == []


def test_finishing_commits_nothing(house):
    house.take(FIRST, visit("a", 1))
    house.calls.all.clear()
    house.role.finish(Deadline(lambda: house.now_s, 5.0))
    assert house.calls.all == []


def test_what_is_done_is_counted_when_it_is_committed(house):
    house.take(FIRST, visit("a", 1), BAD)
    house.fail("commit", TransactionLost("no answer"))
    with pytest.raises(TransactionLost):
        house.step()
    assert house.count(house.metrics.messages, "stream.copy") == 0
    house.open()
    house.take(FIRST, visit("a", 1), BAD)
    house.step()
    assert house.count(house.metrics.messages, "stream.copy") == 2
    assert house.count(house.metrics.outputs, "stream.copy") == 1
    assert house.count(house.metrics.dead_letters, "stream.copy", "not JSON") == 1
    assert house.role.done == 2


# W5, W6


@pytest.mark.parametrize("step", ["begin", "send", "flush", "commit"])
def test_w5_a_transaction_of_unknown_outcome_voids_what_is_in_memory(step):
    house = House(FIRST, transforms=(windows(),))
    house.open()
    house.step()
    house.take(FIRST, visit("a", 1), visit("b", 150), visit("late", 2))
    house.fail(step, TransactionLost("no answer"))
    with pytest.raises(TransactionLost):
        house.step()
    house.open()
    assert (house.role.committed, house.group.sought) == ({FIRST: 0}, {FIRST: 0})
    house.take(FIRST, visit("a", 1), visit("b", 150), visit("late", 2))
    house.step()
    assert [value for _, value in house.transactions.read] == [
        b'{"key":"k","start":0,"distinct":1,"late":0,"state":"final"}',
        b'{"key":"k","start":0,"distinct":0,"late":1,"state":"late"}',
    ]


def test_w5_what_was_only_read_is_void_too(house):
    house.take(FIRST, visit("a", 1))
    house.open()
    assert house.step() == []
    assert house.calls.all == []
    assert house.role.hungry() == {FIRST, SECOND}


def test_w6_a_partition_that_comes_back_is_begun_anew():
    house = House(FIRST, SECOND, transforms=(windows(),))
    house.open()
    house.step()
    house.take(FIRST, visit("a", 1))
    house.step()
    committed = house.group.offsets[FIRST]
    house.group.mine.remove(FIRST)
    house.open()
    assert house.role.working == [SECOND]
    house.group.mine.append(FIRST)
    house.open()
    assert (house.group.sought[FIRST], house.role.committed[FIRST]) == (0, 1)
    house.take(FIRST, visit("a", 1))
    house.take(FIRST, visit("b", 150), start=1)
    house.step()
    assert house.transactions.read == [
        ("counts", b'{"key":"k","start":0,"distinct":1,"late":0,"state":"final"}')
    ]
    assert committed.offset == 0


def test_w4_nothing_is_committed_for_a_partition_that_reads_again():
    house = House(FIRST, transforms=(windows(),))
    house.open()
    house.take(FIRST, visit("a", 1), visit("b", 2), visit("c", 3))
    house.step()
    assert house.role.done == 3
    house.open()
    house.take(FIRST, visit("a", 1))
    house.step()
    assert house.calls.all == []
    house.take(FIRST, visit("b", 2), visit("c", 3), visit("d", 4), start=1)
    house.step()
    assert house.calls.all[-1] == ("commit", {FIRST: 0}, "member of now")
    assert house.role.done == 4


# W7


def test_w7_a_log_of_which_nothing_was_read_yet_is_not_at_its_end():
    house = House(FIRST, transforms=(windows(),))
    house.open()
    house.take(FIRST, visit("a", 1))
    house.step()
    house.step(SILENCE_S + 1)
    assert house.transactions.read[-1][1].endswith(b'"state":"open"}')
    house.group.log_ends[FIRST] = 2
    house.step(SILENCE_S)
    assert len(house.transactions.read) == 1
    house.group.log_ends[FIRST] = 1
    house.step(SILENCE_S)
    assert house.transactions.read[-1][1].endswith(b'"state":"silence"}')


# What blocks a topic


def two_topics(**changes):
    house = House(FIRST, Partition("events", 0), transforms=(COPY, copy_of_events(**changes)))
    house.open()
    house.step()
    return house


def test_a_topic_that_cannot_begin_is_told_and_the_others_work():
    house = House(FIRST, Partition("events", 0), transforms=(COPY, copy_of_events()))
    house.group.sizes["events-copies"] = 0
    ((topic, error),) = house.open()
    assert (topic, type(error)) == ("events", FeedBlocked)
    assert house.role.working == [FIRST]


def test_a_topic_that_is_parked_stands_still_and_can_begin_again():
    house = two_topics()
    house.take(FIRST, visit("a", 1))
    house.role.park("visits", "because")
    assert house.role.working == [Partition("events", 0)]
    house.step()
    assert house.calls.all == []
    assert house.role.reopen("visits") is None
    assert house.role.working == [Partition("events", 0), FIRST]
    house.group.first_offsets = lambda partitions: dict.fromkeys(partitions, 500)
    assert isinstance(house.role.reopen("visits"), DataExpired)
    assert house.role.working == [Partition("events", 0)]


def test_bad_messages_in_a_row_park_their_topic_and_nothing_of_it_is_committed():
    house = two_topics()
    house.take(FIRST, *[BAD] * 2)
    house.take(FIRST, *[BAD] * 2, start=2)
    house.take(Partition("events", 0), visit("a", 1))
    ((topic, error),) = house.step()
    assert topic == "visits"
    assert "visits/0: more than 3 bad messages in a row up to offset 4 (DEAD_LETTER_LIMIT)" in str(error)
    assert house.calls.all[-1] == ("commit", {Partition("events", 0): 1}, "member of now")


def test_a_good_message_ends_a_row_of_bad_ones(house):
    for start in range(0, 20, 4):
        house.take(FIRST, BAD, BAD, BAD, visit("a", 1), start=start)
        assert house.step() == []
    assert house.role.committed[FIRST] == 20


def test_bad_messages_are_in_a_row_across_transactions(house):
    house.take(FIRST, *[BAD] * FLOOD)
    assert house.step() == []
    house.take(FIRST, BAD, start=FLOOD)
    assert [topic for topic, _ in house.step()] == ["visits"]


def test_a_count_that_no_output_can_be_made_of_parks_its_topic():
    def fail(key, count):
        raise SystemExit(1)

    house = House(FIRST, transforms=(windows(make=fail),))
    house.open()
    house.step()
    house.take(FIRST, visit("a", 1), visit("b", 150))
    ((topic, error),) = house.step()
    assert (topic, str(error)) == (
        "visits",
        "stream code failed: SystemExit in count: mend the stream file, and restart",
    )
    assert house.calls.all == []


def test_an_update_that_no_output_can_be_made_of_parks_its_topic():
    house = House(FIRST, transforms=(windows(make=lambda key, count: object()),))
    house.open()
    house.step()
    house.take(FIRST, visit("a", 1))
    assert [topic for topic, _ in house.step(2.0)] == ["visits"]


def test_an_event_that_ends_a_process_is_a_dead_letter():
    def fail(event, timestamp_ms):
        raise SystemExit(1)

    house = two_topics(make=fail)
    house.take(Partition("events", 0), visit("a", 1))
    assert house.step() == []
    assert house.transactions.read == [("events.dead", visit("a", 1))]


def test_what_brokers_would_not_remember_parks_its_topic_and_makes_no_empty_transaction():
    house = House(FIRST, transforms=(windows(),))
    house.open()
    house.step()
    headers = [[("penstock-source", b"%016x:0:0" % number)] for number in range(300)]
    values = [visit("a", 1)] * len(headers)
    records = [
        Record(index, 0, None, value, of_one)
        for index, (value, of_one) in enumerate(zip(values, headers, strict=True))
    ]
    house.role.take({FIRST: [Slab(0, 300, range(300), values, records)]}, house.group.log_end)
    ((topic, error),) = house.step()
    assert topic == "visits"
    assert "fewer partitions upstream" in str(error)
    assert house.calls.all == []


# What topics do not take


def test_a_source_is_parked_when_its_target_does_not_take_an_output():
    house = two_topics()
    house.take(FIRST, visit("a", 1))
    house.fail("flush", OutputRefused("copies", "a message is too large for it"))
    with pytest.raises(OutputRefused):
        house.step()
    ((topic, error),) = house.open()
    assert topic == "visits"
    assert "copies does not take what stream.copy writes: a message is too large for it" in str(error)
    house.role.park(topic, "")
    assert house.role.reopen("visits") is None
    assert house.open() == []


def test_dead_letters_are_tried_again_without_their_messages(house):
    large = b"x" * 100_000
    for partition in (FIRST, SECOND):
        house.take(partition, large)
    house.fail("flush", OutputRefused("visits.dead", "a message is too large for it"))
    with pytest.raises(OutputRefused):
        house.step()
    assert house.open() == []
    for partition in (FIRST, SECOND):
        house.take(partition, large)
    assert house.step() == []
    assert house.transactions.read == [("visits.dead", None)] * 2


def test_a_source_is_parked_when_not_even_that_is_taken(house):
    for _ in range(2):
        assert house.open() == []
        house.take(FIRST, BAD)
        house.fail("flush", OutputRefused("visits.dead", "a message is too large for it"))
        with pytest.raises(OutputRefused):
            house.step()
    assert [topic for topic, _ in house.open()] == ["visits"]


def test_a_histogram_goes_on_with_its_counts_after_all_was_void():
    house = House(FIRST, transforms=(HISTOGRAM,))
    house.open()
    house.take(FIRST, visit("a", 0), visit("b", 1))
    house.step()
    house.take(FIRST, visit("c", 1), start=2)
    house.fail("commit", TransactionLost("no answer"))
    with pytest.raises(TransactionLost):
        house.step()
    house.open()
    assert house.role.committed == {FIRST: 2}
    house.take(FIRST, visit("c", 1), start=2)
    house.step()
    assert '"counts":[1,0,0,2]' in house.group.offsets[FIRST].metadata


def test_committed_offsets_are_gone_on_with():
    house = House(FIRST, committed={FIRST: at(7, transform="stream.copy")})
    house.open()
    assert (house.role.committed, house.group.sought) == ({FIRST: 7}, {FIRST: 7})
