import logging
import random
from dataclasses import replace

import pytest

from common.commits.intent import decode
from common.errors import (
    BlockTooBig,
    ClickHouseRefused,
    ClickHouseUnavailable,
    CommitAmbiguous,
    CommitRefused,
    FeedBlocked,
    KafkaUnavailable,
)
from common.model.record import Partition
from consumer.member.role import Blocked
from consumer.metrics import SinkMetrics
from consumer.sink.cutting import Limits
from consumer.sink.inserter import Result
from consumer.sink.insertion import FROZEN_COPY_S, SAME_SIZE_TRIES, State
from consumer.sink.lane import Lane
from consumer.sink.lanes import Budget, Lanes
from consumer.sink.recovery import Outcome
from consumer.sink.sink import Sink
from tests.unit.consumer.material import BAD, INTENT, ONE_EACH, TP, event, feed, record, slab

EVENTS, OTHERS = Partition("events", 0), Partition("others", 4)


class Commits:
    """A group whose answers are given beforehand; True once they have run out."""

    def __init__(self):
        self.answers, self.asked = [], []

    def commit(self, offsets, meanwhile=None):
        self.asked.append(offsets)
        if meanwhile:
            meanwhile()
        answer = self.answers.pop(0) if self.answers else True
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def last(self):
        """Partition → (offset, intent) of the last request."""
        return {at: (to.offset, decode(to.metadata, str(at))) for at, to in self.asked[-1].items()}


class Inserter:
    """Keeps what is submitted until the test says what became of it."""

    def __init__(self):
        self.submitted, self.landed = [], []

    def submit(self, insertion):
        self.submitted.append(insertion)

    def results(self):
        landed, self.landed = self.landed, []
        return landed

    def finish(self, outcome=Outcome.STORED, error=None, insertion=None):
        self.landed.append(Result(insertion or self.submitted[-1], None if error else outcome, error, 0.1))


class Letter:
    is_acknowledged = False
    error = None


class Letters:
    def __init__(self):
        self.sent, self.letters, self.fails_at = [], [], None

    def send(self, dead, source, topic_id, reason, dead_topic):
        if len(self.sent) == self.fails_at:
            self.fails_at = None
            raise KafkaUnavailable("no broker answers")
        self.sent.append((dead, source, topic_id, reason, dead_topic))
        self.letters.append(Letter())
        return self.letters[-1]


class House:
    """A sink among fakes."""

    def __init__(self):
        self.commits, self.inserter, self.letters = Commits(), Inserter(), Letters()
        self.metrics = SinkMetrics()
        self.blocked = []
        self.sink = Sink(
            Lanes(Budget(memory_bytes=1 << 40, dead_letter_limit=1_000)),
            self.commits,
            self.inserter,
            self.letters,
            self.metrics,
            instance="me",
            jitter=lambda: 0.0,
        )
        self.lane = self.open(EVENTS)

    def open(self, partition, intent=INTENT, committed=0):
        limits = Limits(rows=3, payload_bytes=1 << 30, age_s=1.0)
        self.sink.lanes.open({partition: Lane(feed(ONE_EACH), partition, TP, committed, intent, limits)})
        return self.sink.lanes.get(partition)

    def step(self, now_s):
        self.blocked += self.sink.step(now_s)

    def read(self, values=3, lane=None, now_s=0.0):
        """Let a lane read so many messages, or these."""
        lane = lane or self.lane
        values = [event(n) for n in range(values)] if isinstance(values, int) else values
        lane.pending.append(slab(values, lane.position))
        lane.fill(now_s)

    def name(self, values=3):
        """An insertion named and submitted."""
        self.read(values)
        self.step(0.0)
        return self.inserter.submitted[-1]

    def metric(self, name, **labels):
        return self.metrics.registry.get_sample_value(f"penstock_sink_{name}", labels)


@pytest.fixture
def house(caplog):
    caplog.set_level(logging.WARNING)
    return House()


# Intent, INSERT, commit


def test_nothing_is_committed_or_sent_when_there_is_nothing(house):
    house.step(1e9)
    assert (house.commits.asked, house.inserter.submitted) == ([], [])


def test_s1_a_batch_is_named_first_and_sent_then(house):
    insertion = house.name()
    assert house.commits.last == {EVENTS: (0, insertion.intent)}
    assert (insertion.intent.next, house.inserter.submitted) == (3, [insertion])


def test_the_lead_is_how_long_batches_take_and_falls_slowly(house):
    house.name()
    house.inserter.finish()
    house.step(2.0)
    assert house.sink.lead_s == 2.0
    house.read(now_s=2.0)
    house.step(2.0)
    house.inserter.finish()
    house.step(3.0)
    assert house.sink.lead_s == pytest.approx(1.98)


def test_a_batch_that_was_tried_again_says_nothing_about_the_lead(house):
    house.name()
    house.inserter.finish(error=ClickHouseUnavailable("away"))
    house.step(0.0)
    house.step(100.0)
    house.inserter.finish()
    house.step(101.0)
    assert house.sink.lead_s == 0.0


def test_a_batch_that_waited_for_one_that_failed_says_nothing_about_the_lead(house):
    house.name()
    house.read(now_s=1.0)
    house.inserter.finish(error=ClickHouseUnavailable("away"))
    house.step(2.0)
    house.step(100.0)
    house.inserter.finish()
    house.step(101.0)
    house.inserter.finish()
    house.step(102.0)
    house.step(200.0)
    assert house.sink.stored_rows == 6
    assert house.sink.lead_s == 0.0


def test_s1_nothing_is_sent_while_the_commit_travels(house):
    house.commits.commit = lambda offsets, meanwhile: bool(house.inserter.submitted)
    house.read()
    house.step(0.0)
    assert house.inserter.submitted == []


def test_what_is_raw_is_decoded_while_the_commit_travels(house):
    house.read(3)
    house.read(2)
    house.step(0.0)
    assert house.lane.buffer.payload_bytes > 0


def test_what_was_read_is_gathered_while_the_commit_travels(house):
    house.read(3)
    house.lane.pending.append(slab([event(n) for n in range(3)], 3))
    house.step(0.0)
    assert (house.lane.named.batch.next, house.lane.ready) == (3, None)
    assert house.lane.buffer.position == 6


def test_s2_the_offset_passes_a_batch_when_it_is_stored(house):
    house.name()
    house.step(100.0)
    assert len(house.commits.asked) == 1
    house.inserter.finish()
    house.step(100.0)
    assert house.commits.last == {EVENTS: (3, replace(INTENT, cut="rows"))}
    assert (house.lane.committed, house.sink.lanes.get(EVENTS).named) == (3, None)


def test_one_commit_passes_a_batch_and_names_the_next(house):
    house.name()
    house.read()
    house.inserter.finish()
    house.step(0.0)
    assert len(house.commits.asked) == 2
    offset, intent = house.commits.last[EVENTS]
    assert (offset, intent.next) == (3, 6)
    assert [insertion.batch.first for insertion in house.inserter.submitted] == [0, 3]


def test_all_partitions_that_are_due_share_one_commit(house):
    other = house.open(OTHERS, committed=7)
    house.read()
    house.read(3, other)
    house.step(0.0)
    assert len(house.commits.asked) == 1
    assert {at: (offset, intent.next) for at, (offset, intent) in house.commits.last.items()} == {
        EVENTS: (0, 3),
        OTHERS: (7, 10),
    }
    assert len(house.inserter.submitted) == 2


def test_an_insertion_is_submitted_once(house):
    house.name()
    house.step(1.0)
    house.step(2.0)
    assert len(house.inserter.submitted) == 1


def test_what_is_stored_and_committed_is_counted(house):
    house.name()
    house.inserter.finish()
    assert house.sink.stored_rows == 0
    house.step(2.5)
    assert house.sink.stored_rows == 3
    assert house.metric("rows_total", feed="events") == 3
    assert house.metric("batches_total", feed="events") == 1
    assert house.metric("bytes_total", feed="events") == house.inserter.submitted[0].batch.payload_bytes
    assert house.metric("batch_age_seconds_sum", feed="events") == 2.5
    assert house.metric("insert_seconds_count", feed="events") == 1
    assert house.metric("cuts_total", feed="events", reason="rows") == 1


def test_a_batch_without_rows_passes_without_an_insert(house):
    house.lane.pending.append(slab([], 0, [], 5))
    house.lane.fill(0.0)
    house.lane.fill(1.0)
    house.step(1.0)
    house.step(1.0)
    assert [offset for asked in house.commits.asked for offset, _ in asked.values()] == [0, 5]
    assert house.inserter.submitted == []


# Commits that fail


def test_a_commit_that_was_not_sent_is_tried_again_and_nothing_is_lost(house):
    house.commits.answers = [False, False]
    house.read()
    for _ in range(2):
        house.step(0.0)
        assert (house.inserter.submitted, house.lane.named) == ([], None)
    house.step(0.0)
    assert house.commits.asked[0] == house.commits.asked[2]
    assert [insertion.batch.first for insertion in house.inserter.submitted] == [0]


def test_a_commit_that_was_not_sent_leaves_a_stored_batch_uncounted_and_uncommitted(house):
    house.name()
    house.inserter.finish()
    house.commits.answers = [False]
    house.step(0.0)
    assert (house.lane.committed, house.sink.stored_rows) == (0, 0)
    house.step(0.0)
    assert (house.lane.committed, house.sink.stored_rows) == (3, 3)


@pytest.mark.parametrize("error", [CommitRefused("gone"), CommitAmbiguous("no answer")])
def test_r1_a_commit_that_is_refused_or_unknown_is_told_and_nothing_is_sent(house, error):
    house.commits.answers = [error]
    house.read()
    with pytest.raises(type(error)):
        house.step(0.0)
    assert (house.inserter.submitted, house.lane.named, house.lane.committed) == ([], None, 0)


# Dead letters


def test_dead_letters_are_sent_with_their_address_after_the_batch_is_named(house):
    insertion = house.name([event(0), BAD, event(2)])
    assert house.letters.sent == [
        (record(1, BAD), EVENTS, INTENT.topic, str(insertion.batch.dead[0].reason), "events.dead")
    ]


def test_dead_letters_are_sent_once(house):
    house.name([event(0), BAD, event(2)])
    house.step(1.0)
    assert len(house.letters.sent) == 1


def test_s2_dead_letters_are_acknowledged_before_the_offset_passes(house):
    house.name([event(0), BAD, event(2)])
    house.inserter.finish()
    house.step(0.0)
    house.step(100.0)
    assert house.lane.committed == 0
    house.letters.letters[0].is_acknowledged = True
    house.step(100.0)
    assert house.lane.committed == 3


def test_a_batch_of_bad_messages_passes_when_they_are_acknowledged(house):
    house.read([BAD, None, BAD])
    house.step(0.0)
    house.step(100.0)
    assert (house.lane.committed, house.inserter.submitted, len(house.letters.sent)) == (0, [], 3)
    for letter in house.letters.letters:
        letter.is_acknowledged = True
    house.step(100.0)
    assert house.lane.committed == 3


def test_a_dead_letter_that_is_refused_blocks_the_feed(house):
    house.name([event(0), BAD, event(2)])
    house.inserter.finish()
    house.letters.letters[0].error = "TopicAuthorizationFailedError()"
    house.step(0.0)
    ((topic, error),) = house.blocked
    assert topic == "events"
    assert str(error) == "events.dead does not take a message: TopicAuthorizationFailedError()"
    assert house.lane.committed == 0


def test_dead_letters_of_which_one_could_not_be_sent_are_all_sent_again(house):
    house.letters.fails_at = 1
    house.read([BAD, BAD, event(2)])
    with pytest.raises(KafkaUnavailable):
        house.step(0.0)
    assert house.inserter.submitted == []
    house.step(0.0)
    assert [sent[0].offset for sent in house.letters.sent] == [0, 0, 1]
    house.inserter.finish()
    house.letters.letters[1].is_acknowledged = True
    house.step(0.0)
    assert house.lane.committed == 0
    house.letters.letters[2].is_acknowledged = True
    house.step(0.0)
    assert house.lane.committed == 3


def test_a_feed_that_is_tried_again_does_not_send_its_acknowledged_dead_letters_once_more(house):
    house.name([event(0), BAD, BAD])
    house.letters.letters[0].is_acknowledged = True
    again = house.open(EVENTS, house.lane.intent)
    house.read([event(0), BAD, BAD], lane=again)
    house.step(0.0)
    assert [sent[0].offset for sent in house.letters.sent] == [1, 2, 2]


def test_after_a_rebalance_dead_letters_are_sent_by_whoever_owns_the_partition(house):
    house.name([event(0), BAD, event(2)])
    house.letters.letters[0].is_acknowledged = True
    house.sink.drop()
    again = house.open(EVENTS)
    house.read([event(0), BAD, event(2)], lane=again)
    house.step(0.0)
    assert len(house.letters.sent) == 2


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b'{"n": "x"}', "wrong type"),
        (b'{"n": 1} x', "not JSON"),
        (b'{"n": "\xff"}', "not UTF-8"),
        (None, "tombstone"),
    ],
)
def test_dead_letters_are_counted_by_the_kind_of_their_reason(house, value, kind):
    house.name([event(0), value, event(2)])
    assert house.metric("dead_letters_total", feed="events", reason=kind) is None  # on its way
    house.letters.letters[0].is_acknowledged = True
    house.lane.named.succeed()
    house.step(1.0)
    house.step(2.0)
    assert house.metric("dead_letters_total", feed="events", reason=kind) == 1


# INSERTs that fail for a passing reason


def test_an_insertion_that_failed_is_verified_and_tried_again_later(house):
    insertion = house.name()
    house.inserter.finish(error=ClickHouseUnavailable("no answer"))
    house.step(10.0)
    assert (insertion.must_count, insertion.failures, len(house.inserter.submitted)) == (True, 1, 1)
    house.step(10.04)
    assert len(house.inserter.submitted) == 1
    house.step(10.05)
    assert house.inserter.submitted == [insertion, insertion]
    assert house.metric("retries_total", call="insert") == 1


def test_the_wait_grows_with_each_failure(house):
    insertion, now_s, waits = house.name(), 0.0, []
    for _ in range(8):
        house.inserter.finish(error=ClickHouseUnavailable("no answer"))
        house.step(now_s)
        waits.append(round(insertion.not_before_s - now_s, 3))
        now_s = insertion.not_before_s
        house.step(now_s)
    assert waits == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0]


def fail(house, times, error, now_s=0.0):
    for _ in range(times):
        house.inserter.finish(error=error)
        house.step(now_s)
        now_s = house.lane.named.not_before_s
        house.step(now_s)
    return now_s


def test_c2_past_a_frozen_copy_the_query_id_changes_at_each_try(house):
    insertion = house.name()
    now_s = fail(house, 6, ClickHouseUnavailable("no answer"))  # at 0, 0.05, 0.15, 0.35, 0.75 and 1.55 s
    assert insertion.query_suffix == ""
    assert now_s > FROZEN_COPY_S
    now_s = fail(house, 1, ClickHouseUnavailable("no answer"), now_s)
    assert insertion.query_suffix == "~me.7"
    fail(house, 1, ClickHouseUnavailable("no answer"), now_s)
    assert insertion.query_suffix == "~me.8"


def test_an_insertion_that_fails_holds_up_no_other_partition(house):
    other = house.open(OTHERS)
    house.name()
    house.inserter.finish(error=ClickHouseUnavailable("no answer"))
    house.read(3, other)
    house.step(0.0)
    assert [insertion.partition for insertion in house.inserter.submitted] == [EVENTS, OTHERS]


# The next attempt, and blocks that are too big


def test_r4_a_next_attempt_is_named_before_it_is_sent(house):
    insertion = house.name()
    house.inserter.finish(Outcome.NEXT_ATTEMPT)
    house.commits.answers = [False]
    house.step(0.0)
    assert (insertion.intent.attempt, len(house.inserter.submitted)) == (1, 1)
    house.step(0.0)
    offset, intent = house.commits.last[EVENTS]
    assert (offset, intent.next, intent.attempt, intent.pieces) == (0, 3, 2, 1)
    assert (insertion.intent, insertion.must_count) == (intent, True)
    assert house.inserter.submitted == [insertion, insertion]


def test_fewer_resets_than_five_leave_the_block_as_it_is(house):
    insertion = house.name()
    fail(house, SAME_SIZE_TRIES - 1, BlockTooBig("reset"))
    assert (insertion.consumes_token, insertion.is_too_big) == (False, False)


def test_resets_are_counted_apart_from_other_failures(house):
    insertion = house.name()
    fail(house, 20, ClickHouseUnavailable("no answer"))
    assert not insertion.consumes_token


def test_after_five_resets_the_token_is_used_up_and_the_range_goes_on_in_more_pieces(house):
    insertion = house.name()
    fail(house, SAME_SIZE_TRIES, BlockTooBig("reset"))
    assert (insertion.consumes_token, insertion.intent.attempt) == (True, 1)
    house.inserter.finish(Outcome.NEXT_ATTEMPT)
    house.step(100.0)
    assert (insertion.consumes_token, insertion.is_too_big, insertion.must_count) == (False, False, True)
    assert (insertion.intent.attempt, insertion.intent.pieces) == (2, 2)
    assert house.commits.last[EVENTS] == (0, insertion.intent)


def test_burning_that_fails_goes_on_as_burning(house):
    insertion = house.name()
    fail(house, SAME_SIZE_TRIES + 3, BlockTooBig("reset"))
    assert (insertion.consumes_token, house.blocked) == (True, [])


def make_smaller(house):
    """Fail until the sink cuts the range into more pieces, or gives up."""
    fail(house, SAME_SIZE_TRIES, BlockTooBig("reset"))
    if not house.blocked:
        house.inserter.finish(Outcome.NEXT_ATTEMPT)
        house.step(1e6)


def test_pieces_get_smaller_down_to_a_message_each_and_then_the_feed_is_blocked(house):
    insertion = house.name()
    pieces = []
    while not house.blocked:
        make_smaller(house)
        pieces.append(insertion.intent.pieces)
    assert pieces == [2, 3, 3]
    ((topic, error),) = house.blocked
    assert topic == "events"
    assert str(error) == "events/0 offset 0: ClickHouse cannot take even one message at a time"


def test_a_single_message_that_is_too_big_blocks_the_feed(house):
    house.read(1)
    house.lane.fill(1.0)
    house.step(1.0)
    make_smaller(house)
    assert [topic for topic, _ in house.blocked] == ["events"]


# Errors that do not pass


@pytest.mark.parametrize("error", [FeedBlocked("rows twice"), ClickHouseRefused("no such table")])
def test_a_refusal_for_good_blocks_the_feed_and_no_other(house, error):
    other = house.open(OTHERS)
    house.name()
    house.inserter.finish(error=error)
    house.read(3, other)
    house.step(0.0)
    assert house.blocked == [("events", error)]
    assert house.inserter.submitted[-1].partition == OTHERS


def test_an_error_nobody_knows_is_raised(house):
    house.name()
    house.inserter.finish(error=KeyError("a mistake"))
    with pytest.raises(KeyError, match="a mistake"):
        house.step(0.0)


# Lanes that go


def test_s5_dropped_lanes_cancel_their_insertions(house):
    named = house.name()
    house.read()
    ready = house.lane.ready
    house.sink.drop()
    assert (len(house.sink.lanes), named.is_cancelled, ready.is_cancelled) == (0, True, True)
    house.step(0.0)


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Outcome.STORED, None),
        (Outcome.CANCELLED, None),
        (Outcome.NEXT_ATTEMPT, None),
        (None, FeedBlocked("no such table")),
        (None, KeyError("a mistake")),
    ],
)
def test_s5_the_result_of_a_cancelled_insertion_is_not_listened_to(house, outcome, error):
    stale = house.name()
    house.open(EVENTS)
    house.inserter.finish(outcome, error, stale)
    house.step(0.0)
    assert (house.sink.lanes.get(EVENTS).committed, len(house.commits.asked), house.blocked) == (0, 1, [])


def test_a_replaced_lane_cancels_its_insertions_and_the_new_one_recovers_them(house):
    stale = house.name()
    named = house.lane.intent
    fresh = house.open(EVENTS, named)
    house.read(5, fresh)
    house.inserter.finish(insertion=stale)
    house.step(0.0)
    assert stale.is_cancelled
    insertion = house.inserter.submitted[-1]
    assert (insertion is stale, insertion.must_count, insertion.intent) == (False, True, named)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_each_offset_is_named_and_passed_once_and_in_order(house, seed):
    rng = random.Random(seed)
    now_s = 0.0
    for _ in range(200):
        now_s += rng.random() * 3
        if house.lane.is_hungry:
            house.read(rng.randint(0, 4) or [BAD], now_s=now_s)
        for letter in house.letters.letters:
            letter.is_acknowledged |= rng.random() < 0.5
        pending = [each for each in house.inserter.submitted[-1:] if each.state is State.INSERTING]
        if pending and rng.random() < 0.7:
            error = rng.choice([None, None, ClickHouseUnavailable("x"), BlockTooBig("y")])
            house.inserter.finish(rng.choice([Outcome.STORED, Outcome.STORED, Outcome.NEXT_ATTEMPT]), error)
        house.commits.answers = [rng.random() < 0.8]
        house.lane.fill(now_s)
        house.step(now_s)
    offsets = [asked[EVENTS].offset for asked in house.commits.asked]
    assert offsets == sorted(offsets)
    named = [
        (asked[EVENTS].offset, decode(asked[EVENTS].metadata, "").next)
        for asked in house.commits.asked
        if decode(asked[EVENTS].metadata, "").next is not None
    ]
    ranges = list(dict.fromkeys(named))
    assert len({first for first, _ in ranges}) == len(ranges)
    assert len(ranges) > 10
    submitted = list(
        dict.fromkeys((insertion.batch.first, insertion.batch.next) for insertion in house.inserter.submitted)
    )
    assert set(submitted) <= set(ranges)


def test_what_cannot_be_decoded_while_a_commit_travels_waits_until_the_answer_is_known(house):
    """Half-way through, nobody would know whether the commit was applied, and which range may be sent."""
    house.read(3)
    house.lane.pending.append(slab([event(9)], house.lane.position))
    house.lane.buffer.maker.make = out_of_memory
    house.step(0.0)
    assert house.lane.named.batch.next == 3
    assert [insertion.batch.next for insertion in house.inserter.submitted] == [3]
    ((topic, error),) = house.blocked
    assert topic == "events"
    assert str(error).startswith("events/0 offsets 3-4: the rows of these messages do not fit into memory.")


def out_of_memory(*arguments):
    raise MemoryError


def test_what_is_blocked_is_told_before_anything_else_is_done(house):
    """A commit in between could let the bad messages of a flood go."""
    flood = Blocked("events", FeedBlocked("a flood"))
    house.sink.block([flood])
    house.read()
    assert (house.sink.step(0.0), house.commits.asked) == ([flood], [])
    assert (house.sink.step(0.0), len(house.commits.asked)) == ([], 1)


def test_what_is_blocked_when_a_step_fails_is_told_by_the_next_one(house):
    other = house.open(OTHERS)
    house.name()
    house.inserter.finish(error=FeedBlocked("rows twice"))
    house.letters.fails_at = 0
    house.read([BAD, BAD, BAD], other)
    with pytest.raises(KafkaUnavailable):
        house.step(0.0)
    house.step(0.0)
    assert [(topic, str(error)) for topic, error in house.blocked] == [("events", "rows twice")]


def test_a_drop_forgets_what_was_blocked(house):
    house.sink.block([Blocked("events", FeedBlocked("a flood"))])
    house.sink.drop()
    assert house.sink.step(0.0) == []
