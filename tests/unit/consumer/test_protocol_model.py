"""Thousands of random schedules around the real code; then the same with one rule broken, which must be found out."""

import logging
from dataclasses import replace

import pytest

from common.errors import ClickHouseUnavailable
from consumer.sink.insertion import State
from consumer.sink.lane import Lane
from consumer.sink.recovery import NOTHING_KNOWN, Outcome, Recovery
from consumer.sink.sink import Sink
from tests.unit.consumer.material import HERE
from tests.unit.consumer.protocol_model import (
    DEAD_SERVERS,
    FAILING_COUNTS,
    LARGE_BLOCKS,
    LATE_COPIES,
    LOST_COMMITS,
    MIXED,
    House,
    Kafka,
    Server,
    Stuck,
    Violation,
    Worker,
    World,
)

SCHEDULES, CHUNKS = 1_200, 12
SCHEDULES_TO_FIND = 2_000
"""A broken rule is found within a few dozen schedules, the hardest in a hundred; here the search gives up."""


@pytest.fixture(autouse=True)
def quiet():
    """A schedule logs more than anybody reads."""
    logger = logging.getLogger("consumer.sink.sink")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_schedule_ends_with_each_row_there_once(chunk):
    for seed in range(chunk, SCHEDULES, CHUNKS):
        World(seed).run()


def corners(world):
    """What a schedule has seen."""
    for copy in world.server.sent:
        attempt = copy.token.split("#")[1].split(":")[0]
        yield "a next attempt" if not attempt.startswith("1") else "a first attempt"
        if "." in attempt:
            yield "a piece"
        if "~" in copy.query_id:
            yield "a query id past a frozen copy"
    if world.dead:
        yield "a dead letter"
    if world.kafka.generation > 2:
        yield "a rebalance"
    yield from world.seen


@pytest.mark.parametrize(
    "weather",
    [MIXED, LOST_COMMITS, LATE_COPIES, DEAD_SERVERS, FAILING_COUNTS, LARGE_BLOCKS],
    ids=["mixed", "lost commits", "late copies", "dead servers", "failing counts", "large blocks"],
)
def test_a_schedule_is_made_of_its_seed_alone(weather):
    first, second = World(7, weather=weather), World(7, weather=weather)
    for world in (first, second):
        world.run()
    assert [(copy.token, copy.query_id) for copy in first.server.sent] == [
        (copy.token, copy.query_id) for copy in second.server.sent
    ]
    assert (first.kafka.generation, first.now_s) == (second.kafka.generation, second.now_s)


def test_the_schedules_come_round_every_corner():
    unseen = {
        "a first attempt",
        "a next attempt",
        "a piece",
        "a query id past a frozen copy",
        "a dead letter",
        "a rebalance",
        "a late commit that is applied",
        "a late commit that is fenced",
        "a late INSERT",
        "a parked feed",
        "a process killed in its INSERT",
        "a process killed in its commit",
        "a clean stop",
        "a look",
    }
    for seed in range(SCHEDULES):
        world = World(seed)
        world.run()
        unseen.difference_update(corners(world))
        if not unseen:
            return
    assert unseen == set()


def what_breaks(weather, house):
    """The first schedule that ends badly, and how."""
    for seed in range(SCHEDULES_TO_FIND):
        try:
            World(seed, house, weather).run()
        except Violation as found:
            return str(found)
        except Stuck:
            pass  # wrong as well, but not what is looked for
    return "nothing"


def assert_found(what, weather, **house):
    assert what in what_breaks(weather, House(**house))


LOST, TWICE, LETTER_LOST = "lacks row", "twice", "the dead letter of"
LOST_OR_TWICE = "row"


# S1: only what an acknowledged commit names is sent


class SendsFirst(Sink):
    def _commit(self, now_s):
        early = vars(self).setdefault("early", [])
        for lane in self.lanes:
            if lane.ready is not None and lane.named is None and lane.ready not in early:
                early.append(lane.ready)
                self._inserter.submit(lane.ready)
        super()._commit(now_s)
        for lane in self.lanes:
            if lane.named in early and lane.named.state is State.NAMED:
                lane.named.send()  # it was sent already


def test_the_model_finds_an_insert_sent_before_its_commit_is_acknowledged():
    assert_found(TWICE, LOST_COMMITS, sink=SendsFirst)


class NamesNoAttempt(Sink):
    def _take_outcome(self, insertion, result, now_s):
        super()._take_outcome(insertion, result, now_s)
        if result.outcome is Outcome.NEXT_ATTEMPT:
            mine = 100 * int(self._instance.removeprefix("w"))
            insertion.name(replace(insertion.next_intent, attempt=insertion.intent.attempt + mine))


def test_the_model_finds_a_next_attempt_that_no_commit_names():
    assert_found(TWICE, DEAD_SERVERS, sink=NamesNoAttempt)


# S2: the offset passes only what is stored


class JumpsOver(Lane):
    def wanted_commit(self, now_s):
        named = self.named
        state = named.state if named is not None else None
        if state is State.INSERTING:
            named._state = State.STORED
        try:
            return super().wanted_commit(now_s)
        finally:
            if state is not None:
                named._state = state


def test_the_model_finds_an_offset_that_passes_rows_not_acknowledged():
    assert_found(LOST, MIXED, lane=JumpsOver)


class WaitsForNoLetter(Worker):
    def send(self, *dead):
        letter = super().send(*dead)
        letter.is_acknowledged = True
        return letter


def test_the_model_finds_an_offset_that_passes_dead_letters_not_acknowledged():
    assert_found(LETTER_LOST, MIXED, worker=WaitsForNoLetter)


class CutsMeanwhile(Lane):
    def gather(self, now_s):
        super().gather(now_s)
        if self.ready is None and (why := self._full()) is not None:
            self.ready = self._cut(why, now_s)


def test_the_model_finds_a_batch_that_is_cut_while_a_commit_travels():
    assert_found(LOST, MIXED, lane=CutsMeanwhile)


# S3: a named range never changes


class PicksAnew(Lane):
    def __init__(self, feed, partition, tp, committed, intent, limits, bad_run=0):
        super().__init__(feed, partition, tp, committed, replace(intent, next=None), limits, bad_run)


def test_the_model_finds_a_successor_that_picks_another_range():
    assert_found(LOST_OR_TWICE, MIXED, lane=PicksAnew)


# R1: what becomes of a commit that nobody answered


class TakesItAsApplied(Worker):
    def ambiguous(self):
        return True


def test_the_model_finds_an_ambiguous_commit_taken_as_applied():
    assert_found(LOST_OR_TWICE, LOST_COMMITS, worker=TakesItAsApplied)


class SendsItAgain(Worker):
    def ambiguous(self):
        return False


def test_the_model_finds_an_ambiguous_commit_that_is_sent_again_by_the_same_member():
    assert_found(LOST_OR_TWICE, LOST_COMMITS, worker=SendsItAgain)


class ReadsItBack(Worker):
    def leave(self):
        self.changed = True


def test_the_model_finds_an_ambiguous_commit_that_is_read_back_without_a_new_generation():
    assert_found(LOST_OR_TWICE, LOST_COMMITS, worker=ReadsItBack)


# R2, S5: a member of an older generation is out


class TakesAll(Kafka):
    def takes(self, member, generation):
        return True


def test_the_model_finds_commits_that_are_not_fenced():
    assert_found(LOST_OR_TWICE, LOST_COMMITS, kafka=TakesAll)


class KeepsItsBuffers(Worker):
    def start_over(self):
        kept = self.sink.lanes.get(HERE)
        states = [(each, each.state) for each in kept.insertions()] if kept is not None else []
        super().start_over()
        if kept is not None and self.sink.lanes.get(HERE) is not None:
            for insertion, state in states:
                insertion._state = state
            self.sink.lanes._lanes[HERE] = kept
            self.position = kept.position


def test_the_model_finds_buffers_kept_across_a_rebalance():
    assert_found(LOST_OR_TWICE, MIXED, worker=KeepsItsBuffers)


class DoesNotSeek(Worker):
    def open(self):
        before = self.position
        super().open()
        self.position = max(before, self.position)


def test_t5_a_position_that_is_not_reset_is_refused_as_a_hole():
    with pytest.raises(AssertionError, match=r"events/0: slab at \d+, expected \d+"):
        what_breaks(MIXED, House(worker=DoesNotSeek))


# R3: tokens are remembered


class ShortMemory(Server):
    def log(self, copy):
        self.tokens.clear()
        super().log(copy)


def test_the_model_finds_a_deduplication_window_that_is_too_small():
    assert_found(TWICE, LATE_COPIES, server=ShortMemory)


# R4: the count by address is the only judge


class TrustsTheToken(Recovery):
    def fill(self, insertion, found=NOTHING_KNOWN):
        insertion.must_count = False
        return super().fill(insertion, found)

    def _insert(self, insertion, rows_of):
        super()._insert(insertion, rows_of)
        return True  # whatever the server says of blocks that it dropped


def test_the_model_finds_a_successor_that_trusts_the_acknowledgement_of_a_used_token():
    assert_found(LOST, DEAD_SERVERS, recovery=TrustsTheToken)


class TriesNotTheSameToken(Recovery):
    def _insert(self, insertion, rows_of):
        return (
            super()._insert(insertion, rows_of)
            if not insertion.must_count or insertion.intent.attempt > 1
            else True
        )


def test_the_model_finds_a_next_attempt_before_the_token_is_used_up():
    assert_found(TWICE, LATE_COPIES, recovery=TriesNotTheSameToken)


class AsksForNoCopy(Recovery):
    def _wait_for_copies(self, insertion):
        pass


def test_the_model_finds_c3_a_next_attempt_while_a_copy_still_runs():
    assert_found(TWICE, LATE_COPIES, recovery=AsksForNoCopy)


class KeepsItsLook(Recovery):
    def _missing(self, insertion, found=NOTHING_KNOWN):
        kept = vars(self._store).setdefault("kept", {})
        return super()._missing(insertion, kept.setdefault(insertion.batch.first, found))


def test_the_model_finds_a_look_that_is_used_for_a_later_count():
    assert_found(TWICE, LATE_COPIES, recovery=KeepsItsLook)


class TakesErrorsForMissing(Recovery):
    def _missing(self, insertion, found=NOTHING_KNOWN):
        try:
            return super()._missing(insertion, found)
        except ClickHouseUnavailable:
            return dict(insertion.batch.blocks)


def test_the_model_finds_c4_an_error_taken_for_missing():
    assert_found(TWICE, FAILING_COUNTS, recovery=TakesErrorsForMissing)


class TakesErrorsForComplete(Recovery):
    def _missing(self, insertion, found=NOTHING_KNOWN):
        try:
            return super()._missing(insertion, found)
        except ClickHouseUnavailable:
            return {}


def test_the_model_finds_c4_an_error_taken_for_complete():
    assert_found(LOST, FAILING_COUNTS, recovery=TakesErrorsForComplete)


# Blocks that are too big


class BurnsNothing(Sink):
    def _try_later(self, lane, insertion, error, now_s):
        super()._try_later(lane, insertion, error, now_s)
        if insertion.consumes_token:
            insertion._state = State.INSERTING
            insertion.use_up()


def test_the_model_finds_pieces_sent_while_the_big_blocks_token_is_unused():
    assert_found(TWICE, LARGE_BLOCKS, sink=BurnsNothing)
