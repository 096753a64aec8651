import random
from dataclasses import replace

import pytest

from common.commits.intent import Intent, decode
from common.errors import DataExpired, DoesNotFit
from consumer.sink.cutting import Limits
from consumer.sink.lane import COALESCE_S, Lane, expired
from tests.unit.consumer.material import (
    BAD,
    HERE,
    INTENT,
    NO_LIMITS,
    ONE_EACH,
    PARTS,
    TP,
    all_rows,
    batch,
    event,
    feed,
    slab,
)

IDLE = replace(INTENT, cut="rows")
"""What a lane commits that has nothing on its way, after a batch of three."""


def lane(committed=0, intent=INTENT, rows=3, bad_run=0):
    limits = Limits(rows=rows, payload_bytes=1 << 30, age_s=1.0)
    return Lane(feed(ONE_EACH, PARTS), HERE, TP, committed, intent, limits, bad_run)


def read(some_lane, count, now_s=0.0, **how):
    """Let the lane read that many messages, each of which carries its offset, and cut what is due."""
    start = some_lane.position
    some_lane.pending.append(slab([event(n) for n in range(start, start + count)], start))
    some_lane.fill(now_s, **how)


def commit(some_lane, now_s=0.0):
    """Commit what the lane wants, successfully."""
    wanted = some_lane.wanted_commit(now_s)
    some_lane.applied(wanted)
    return wanted


def named(**how):
    """A lane with a batch [0, 3) named and under way."""
    some_lane = lane(**how)
    read(some_lane, 3)
    commit(some_lane)
    return some_lane


class Letter:
    is_acknowledged = False
    error = None


# From reading to a commit that names a range


def test_a_fresh_lane_wants_nothing():
    fresh = lane(committed=5)
    fresh.fill(1e9)
    assert fresh.wanted_commit(1e9) is None
    assert (fresh.position, fresh.buffered_bytes, fresh.insertions()) == (5, 0, [])


def test_nothing_is_named_before_a_batch_is_due():
    filling = lane()
    read(filling, 2)
    assert (filling.ready, filling.wanted_commit(0.9)) == (None, None)


@pytest.mark.parametrize(
    ("count", "now_s", "is_short_of_memory", "why"),
    [(3, 0.0, False, "rows"), (2, 1.0, False, "age"), (1, 0.0, True, "memory")],
)
def test_a_batch_that_is_due_is_cut_and_wants_to_be_named(count, now_s, is_short_of_memory, why):
    filling = lane(committed=0)
    read(filling, count)
    filling.fill(now_s, is_short_of_memory=is_short_of_memory)
    wanted = filling.wanted_commit(now_s)
    assert wanted.offset == 0
    assert wanted.intent == replace(INTENT, next=count, cut=why)
    assert wanted.named is filling.ready
    assert (wanted.named.batch.first, wanted.named.batch.next, wanted.named.must_count) == (0, count, False)


@pytest.mark.parametrize(
    ("lead_s", "due_s"),
    [
        pytest.param(0.0, 1.0, id="no INSERT was seen yet"),
        pytest.param(0.1, 0.9, id="a quick INSERT"),
        pytest.param(5.0, 0.75, id="a slow INSERT counts for a quarter of the age at most"),
    ],
)
def test_a_batch_is_cut_as_long_before_its_age_as_it_takes_into_the_table(lead_s, due_s):
    filling = lane()
    read(filling, 1)
    filling.fill(due_s - 0.01, lead_s=lead_s)
    assert filling.ready is None
    filling.fill(due_s, lead_s=lead_s)
    assert (filling.ready.batch.next, filling.ready.cut_s) == (1, due_s)


@pytest.mark.parametrize(
    ("log_end", "due_s"),
    [
        pytest.param(0, 1.0, id="nothing is known"),
        pytest.param(5, 1.0, id="all was read"),
        pytest.param(6, 1.0, id="less waits than was gathered"),
        pytest.param(7, 5.0, id="as much again waits"),
    ],
)
def test_a_lane_behind_its_log_waits_for_a_full_batch_but_not_for_ever(log_end, due_s):
    behind = named()
    behind.log_end = log_end
    read(behind, 2)
    behind.fill(due_s - 0.01)
    assert behind.ready is None
    behind.fill(due_s)
    assert behind.ready.batch.next == 5


def test_the_first_batch_after_a_rebalance_is_cut_as_soon_as_most_of_what_waited_is_read():
    fresh = lane()
    fresh.log_end = 3
    read(fresh, 1)
    assert fresh.ready is None
    read(fresh, 1)
    assert fresh.ready.batch.next == 2


def test_a_range_that_was_named_before_a_rebalance_is_not_yet_that_first_batch():
    successor = lane(intent=replace(INTENT, next=2))
    successor.log_end = 3
    read(successor, 2)
    assert commit(successor).named.must_count
    read(successor, 1)
    assert (successor.ready.batch.first, successor.ready.batch.next) == (2, 3)


def test_a_lane_behind_its_log_cuts_what_is_full_and_what_is_hurried():
    full, hurried = lane(), lane()
    full.log_end = hurried.log_end = 1000
    read(full, 3)
    read(hurried, 1, is_short_of_memory=True)
    assert (full.ready.batch.next, hurried.ready.batch.next) == (3, 1)


def test_hurry_cuts_nothing_out_of_nothing():
    empty = lane()
    empty.fill(0.0, is_short_of_memory=True)
    assert empty.ready is None


def test_a_range_without_messages_is_committed_too():
    idle = lane()
    idle.pending.append(slab([], 0, [], 4))
    idle.fill(0.0)
    idle.fill(1.0)
    assert commit(idle).intent.next == 4


def test_s1_an_insertion_is_named_only_after_its_commit_was_applied():
    filling = lane()
    read(filling, 3)
    wanted = filling.wanted_commit(0.0)
    assert filling.named is None
    filling.applied(wanted)
    assert filling.named is wanted.named
    assert (filling.committed, filling.intent, filling.ready) == (0, wanted.intent, None)


def test_a_commit_that_was_not_applied_is_wanted_again_as_it_was():
    filling = lane()
    read(filling, 3)
    first = filling.wanted_commit(0.0)
    read(filling, 3)
    assert filling.wanted_commit(5.0) == first


def test_one_batch_is_ready_while_another_is_named_and_a_third_is_only_buffered():
    busy = named()
    read(busy, 3)
    assert (busy.ready.batch.first, busy.ready.batch.next) == (3, 6)
    read(busy, 3)
    assert (busy.ready.batch.next, busy.buffer.position, len(busy.pending)) == (6, 9, 0)
    read(busy, 3)  # the buffer is full, so it has to wait
    assert (busy.buffer.position, len(busy.pending), busy.position) == (9, 1, 12)


def test_named_ranges_follow_one_another_without_a_hole():
    busy, ends = lane(), []
    for _ in range(5):
        read(busy, 3)
        wanted = commit(busy)
        ends.append((wanted.offset, wanted.named.batch.first, wanted.intent.next))
        busy.named.succeed()
    assert ends == [(0, 0, 3), (3, 3, 6), (6, 6, 9), (9, 9, 12), (12, 12, 15)]


# S2: the committed offset passes a batch only when it is done


def test_s2_nothing_is_wanted_while_a_batch_is_named():
    busy = named()
    read(busy, 3)
    assert busy.wanted_commit(1e9) is None


@pytest.mark.parametrize(("stored", "acknowledged"), [(False, True), (True, False), (False, False)])
def test_s2_a_batch_is_not_done_before_its_rows_are_stored_and_its_dead_letters_acknowledged(
    stored, acknowledged
):
    busy, letter = named(), Letter()
    letter.is_acknowledged = acknowledged
    busy.named.letters = [letter]
    if stored:
        busy.named.succeed()
    assert busy.wanted_commit(1e9) is None
    assert not busy.can_work


def test_s2_the_offset_passes_a_batch_that_is_done_and_the_same_commit_names_the_next():
    busy = named()
    read(busy, 3)
    busy.named.succeed()
    wanted = commit(busy)
    assert (wanted.offset, wanted.intent.next, wanted.named.batch.first) == (3, 6, 3)
    assert (busy.committed, busy.named, busy.ready) == (3, wanted.named, None)


def test_a_done_batch_is_committed_at_once_when_nothing_is_to_follow():
    busy = named()
    busy.named.succeed()
    wanted = commit(busy)
    assert wanted == (3, IDLE, None)
    assert (busy.committed, busy.intent, busy.named) == (3, IDLE, None)
    assert busy.wanted_commit(1e9) is None


def test_a_done_batch_waits_a_moment_for_the_next_one_so_that_one_commit_serves_both():
    busy = named()
    read(busy, 1)
    busy.named.succeed()
    assert busy.wanted_commit(10.0) is None
    assert busy.wanted_commit(10.0 + COALESCE_S * 0.9) is None
    assert busy.wanted_commit(10.0 + COALESCE_S) == (3, IDLE, None)


def test_the_moment_is_counted_anew_for_each_batch():
    busy = named()
    read(busy, 1)
    busy.named.succeed()
    busy.wanted_commit(10.0)
    busy.applied(busy.wanted_commit(10.0 + COALESCE_S))
    read(busy, 3)
    busy.fill(20.0, is_short_of_memory=True)
    commit(busy, 20.0)
    busy.named.succeed()
    read(busy, 1)
    assert busy.wanted_commit(20.0) is None


# S3: a named range is rebuilt exactly


def planned(end, rows=3, **fields):
    return lane(intent=replace(INTENT, next=end, **fields), rows=rows)


def test_s3_a_named_range_is_rebuilt_exactly_and_verified():
    heir = planned(5, attempt=4, pieces=2)
    read(heir, 5)
    assert (heir.ready.batch.first, heir.ready.batch.next, heir.ready.must_count) == (0, 5, True)
    assert heir.ready.intent == replace(INTENT, next=5, attempt=4, pieces=2)


@pytest.mark.parametrize("age_s", [0.0, 1e9])
def test_s3_a_named_range_is_not_cut_short_by_any_limit_or_hurry(age_s):
    heir = planned(10, rows=2)
    for _ in range(9):
        read(heir, 1, age_s, is_short_of_memory=True)
        assert heir.ready is None
    read(heir, 1, age_s)
    assert heir.ready.batch.next == 10


def test_s3_a_named_range_is_rebuilt_under_the_limit_it_was_named_with_and_what_follows_under_todays():
    """What is stored and what is dead must not depend on when a sink died, nor on who takes over."""
    long, short = event(0, parts=4), event(1)
    today = Limits(rows=100, payload_bytes=1 << 30, age_s=1e9, message_rows=3, unpacked_bytes=1 << 20)
    named = replace(INTENT, next=2, max_message_rows=5)
    heir = Lane(feed(PARTS), HERE, TP, 0, named, today)
    heir.take([slab([long, short, long, short])], 4)
    heir.fill(0.0)
    assert [letter.record.offset for letter in heir.ready.batch.dead] == []
    assert heir.ready.intent.max_message_rows == 5
    heir.applied(heir.wanted_commit(0.0))
    heir.fill(0.0, is_short_of_memory=True)
    assert [letter.record.offset for letter in heir.ready.batch.dead] == [2]
    assert (heir.ready.intent.max_message_rows, heir.ready.intent.max_unpacked_bytes) == (3, 1 << 20)


def test_s3_a_slab_that_crosses_the_end_of_a_standing_range_is_cut_there():
    heir = planned(5)
    read(heir, 8)
    assert heir.ready.batch.next == 5
    assert heir.position == 8
    commit(heir)
    heir.named.succeed()
    heir.fill(0.0)
    assert (heir.ready.batch.first, heir.ready.batch.next, heir.ready.must_count) == (5, 8, False)
    assert heir.ready.intent == replace(IDLE, next=8)


def test_s3_a_named_range_may_end_where_no_message_lies():
    heir = planned(5)
    heir.pending.append(slab([event(0), event(1)], 0, [2, 9], 10))
    heir.fill(0.0)
    assert (heir.ready.batch.next, heir.ready.batch.rows) == (5, 2)
    heir.fill(0.0, is_short_of_memory=True)
    assert heir.position == 10


def test_s3_a_named_range_is_named_again_before_it_is_named():
    heir = planned(5, attempt=2)
    read(heir, 5)
    wanted = heir.wanted_commit(0.0)
    assert (wanted.offset, wanted.intent, wanted.named) == (0, heir.intent, heir.ready)


@pytest.mark.parametrize("seed", range(30))
def test_s3_the_rebuilt_rows_are_the_same_however_the_slabs_lie(seed):
    rng = random.Random(seed)
    end, total = rng.randint(1, 20), 25
    messages = [event(n, parts=rng.randrange(3)) if rng.random() < 0.8 else BAD for n in range(total)]
    heir, at = planned(end, rows=rng.randint(1, 4)), 0
    while heir.ready is None:
        size = rng.randint(1, 8)
        heir.pending.append(slab(messages[at : at + size], at))
        at = min(total, at + size)
        heir.fill(rng.random() * 5, is_short_of_memory=rng.random() < 0.5)
    original = batch(messages[:end], ONE_EACH, PARTS)
    assert all_rows([heir.ready.batch]) == all_rows([original])
    assert [letter.record for letter in heir.ready.batch.dead] == [letter.record for letter in original.dead]
    assert heir.position == at


# The next attempt


def test_a_next_attempt_is_named_at_the_same_offset_before_it_starts():
    busy = named()
    insertion = busy.named
    insertion.send()
    insertion.use_up()
    wanted = busy.wanted_commit(0.0)
    assert (wanted.offset, wanted.intent, wanted.named) == (
        0,
        replace(IDLE, next=3, attempt=2),
        insertion,
    )
    assert insertion.intent.attempt == 1


def test_a_next_attempt_may_be_sent_once_it_is_named():
    busy = named()
    insertion = busy.named
    insertion.send()
    insertion.use_up()
    read(busy, 3)
    commit(busy)
    assert busy.named is insertion
    assert (insertion.intent.attempt, insertion.next_intent, insertion.may_send(0.0)) == (2, None, True)
    assert busy.intent == insertion.intent
    assert (busy.committed, busy.ready.batch.first) == (0, 3)


def test_after_a_next_attempt_the_next_range_starts_with_the_first_attempt_again():
    busy = named()
    busy.named.send()
    busy.named.use_up()
    commit(busy)
    busy.named.succeed()
    read(busy, 3)
    assert commit(busy).intent == replace(IDLE, next=6)


# A feed that stands still


def test_a_parked_lane_says_so_once_in_its_commit():
    still = lane(committed=4)
    still.parked = "no such table"
    wanted = commit(still)
    assert wanted == (4, replace(INTENT, parked="no such table"), None)
    assert still.wanted_commit(0.0) is None


def test_a_parked_lane_keeps_the_named_range():
    still = planned(5, attempt=2)
    still.parked = "no such table"
    assert commit(still).intent == replace(INTENT, next=5, attempt=2, parked="no such table")


def test_a_lane_at_work_again_takes_the_reason_back():
    again = lane(intent=replace(INTENT, parked="no such table"))
    assert commit(again) == (0, INTENT, None)
    assert again.wanted_commit(0.0) is None


def test_the_ranges_of_a_lane_at_work_again_carry_no_reason():
    again = planned(3, parked="no such table")
    read(again, 3)
    assert commit(again).intent == replace(INTENT, next=3)


def test_a_parked_lane_reads_nothing():
    still = lane()
    still.parked = "no such table"
    assert not still.is_hungry
    assert not still.can_work


def test_what_a_lane_commits_can_be_read_back():
    still = planned(5)
    still.parked = "no such table"
    intent = commit(still).intent
    assert decode(intent.encode(), "events/0") == intent


# What the loop asks


def test_a_lane_is_hungry_until_a_slab_waits_or_the_batch_after_the_ready_one_is_complete():
    busy = lane()
    assert busy.is_hungry
    read(busy, 3)
    assert busy.ready is not None
    assert busy.is_hungry
    read(busy, 3)
    assert not busy.is_hungry
    commit(busy)
    busy.fill(0.0)
    assert busy.is_hungry
    busy.pending.append(slab([event(6)], 6))
    assert not busy.is_hungry


def test_a_lane_that_rebuilds_a_range_is_hungry_until_its_end():
    busy = planned(5)
    read(busy, 4)
    assert busy.is_hungry
    read(busy, 1)
    assert (busy.ready.batch.next, busy.is_hungry) == (5, True)


def test_a_finished_batch_waits_for_what_was_read_and_not_gathered_yet():
    busy = named()
    busy.named.succeed()
    busy.pending.append(slab([event(3)], 3))
    assert busy.wanted_commit(0.0) is None
    assert busy.wanted_commit(COALESCE_S) is not None


def test_gathering_cuts_no_batch():
    busy = lane()
    busy.pending.append(slab([event(n) for n in range(3)], 0))
    busy.gather(0.0)
    assert (busy.ready, busy.buffer.position) == (None, 3)
    busy.fill(0.0)
    assert busy.ready.batch.next == 3


def test_a_lane_can_work_when_a_batch_may_be_named():
    busy = lane()
    assert not busy.can_work
    read(busy, 3)
    assert busy.can_work
    commit(busy)
    assert not busy.can_work
    read(busy, 3)
    assert not busy.can_work
    busy.pending.append(slab([event(n) for n in range(6, 12)], 6))
    assert busy.can_work
    busy.fill(0.0)
    assert not busy.can_work
    busy.named.succeed()
    assert busy.can_work


def test_buffered_bytes_count_what_is_named_ready_and_in_the_buffer():
    busy = named()
    read(busy, 3)
    read(busy, 2)
    busy.buffer.decode()
    sizes = [busy.named.batch.payload_bytes, busy.ready.batch.payload_bytes, busy.buffer.payload_bytes]
    assert busy.buffered_bytes == sum(sizes)
    assert min(sizes) > 0
    assert busy.insertions() == [busy.ready, busy.named]


def test_forgetting_what_is_not_named_keeps_what_is_named():
    busy = named()
    read(busy, 5)
    read(busy, 5)
    busy.forget_unnamed()
    assert (busy.insertions(), list(busy.pending)) == ([busy.named], [])
    busy.named.succeed()
    assert commit(busy) == (3, IDLE, None)


def is_flooded(some_lane, limit):
    return some_lane.flood(limit) is not None


def test_a_flood_is_looked_for_in_what_is_not_named_yet():
    busy = lane(rows=3)
    busy.pending.append(slab([BAD] * 3))
    busy.fill(0.0)
    assert (is_flooded(busy, 2), is_flooded(busy, 3)) == (True, False)
    busy.pending.append(slab([BAD], 3))
    busy.fill(0.0)
    busy.buffer.decode()
    assert (is_flooded(busy, 3), is_flooded(busy, 4)) == (True, False)
    commit(busy)
    assert (is_flooded(busy, 3), is_flooded(busy, 4)) == (True, False)
    busy.pending.append(slab([event(0)] * 2, 4))
    busy.fill(0.0)
    busy.named.succeed()
    commit(busy)
    assert not is_flooded(busy, 0)


def test_a_flood_says_where_it_begins_what_is_wrong_and_how_to_go_on():
    flooded = lane(committed=40, rows=100)
    flooded.pending.append(slab([BAD] * 6, 40))
    flooded.fill(0.0)
    flooded.buffer.decode()
    said = str(flooded.flood(5))
    assert said.startswith(
        "events/0: more than 5 bad messages in a row from offset 40 on (the first: not JSON: "
    )
    assert "raise DEAD_LETTER_LIMIT and start the sink again" in said


def test_a_lane_that_is_parked_already_is_not_flooded():
    still = lane(rows=3)
    still.pending.append(slab([BAD] * 3))
    still.fill(0.0)
    still.parked = "no such table"
    assert not is_flooded(still, 1)


def test_a_lane_opened_anew_at_the_committed_offset_counts_a_bad_run_on_from_there():
    busy = lane(rows=3, bad_run=7)
    assert busy.bad_run == 7
    for start in (0, 3, 6):
        busy.pending.append(slab([BAD] * 3, start))
        busy.fill(0.0)
        assert busy.bad_run == 7  # nothing is committed yet, so that is where a new lane would start
        if start == 0:
            commit(busy)
    busy.named.succeed()
    commit(busy)
    assert busy.bad_run == 10


def test_a_lane_is_itself_again_after_its_intent_went_through_kafka():
    first = named()
    heir = lane(first.committed, decode(first.intent.encode(), "events/0"))
    read(heir, 10)
    assert all_rows([heir.ready.batch]) == all_rows([first.named.batch])


def test_expired_data_is_told_with_what_to_do():
    error = expired(HERE, 10, 25)
    assert isinstance(error, DataExpired)
    assert str(error).startswith("events/0: offsets 10-25 were deleted by retention")
    assert "python -m consumer adopt --skip-expired" in str(error)


def test_a_lane_without_limits_takes_what_comes():
    wide = Lane(feed(), HERE, TP, 0, Intent(topic="t", schema="s"), NO_LIMITS)
    read(wide, 1000)
    assert wide.ready is None
    assert wide.is_hungry


# What cannot be stored


def test_what_the_check_refuses_is_a_dead_letter_before_and_after_an_orderly_stop():
    def refuse(table, columns):
        if 1 in columns["n"]:
            raise DoesNotFit("n", "UInt8", "out of range")
        return columns

    limits = Limits(rows=3, payload_bytes=1 << 30, age_s=1.0)
    checked = Lane(feed(ONE_EACH, PARTS), HERE, TP, 0, INTENT, limits, check=refuse)
    for _ in range(2):
        read(checked, 3)
        assert [letter.record.offset for letter in checked.ready.batch.dead] == [1]
        checked.forget_unnamed()
