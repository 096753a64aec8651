from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from common.clickhouse_io.encoding import EncodingCheck
from common.errors import BlockTooBig, ClickHouseUnavailable, FeedBlocked
from common.model.partitions import partition_of
from common.model.stream import Rows, Table
from consumer.sink.recovery import Outcome, Recovery
from tests.unit.consumer.fake_tables import (
    FakeTables,
    acknowledged,
    burned,
    lost_acknowledgement,
    never_arrived,
    partly,
    partly_burned,
    still_running,
    too_big,
)
from tests.unit.consumer.material import (
    DAILY,
    ONE_EACH,
    PARTS,
    TOKENS,
    TP,
    batch,
    cancelled,
    event,
    insertion,
)

TABLES = (ONE_EACH, PARTS, DAILY)
FIRST, NEXT = 10, 16


@pytest.fixture
def tables():
    return FakeTables(TABLES)


def carry_out(tables, some_insertion):
    recovery = Recovery(tables, TOKENS, TABLES)
    return recovery.fill(some_insertion) or recovery.settle(some_insertion)


def made(*into, days=1):
    """Messages 10 to 15, each of two parts, in so many table partitions."""
    return batch([event(n, parts=2, day=n % days) for n in range(FIRST, NEXT)], *into, start=FIRST)


def fresh(*into, **fields):
    return insertion(made(*into), **fields)


def verified(*into, days=1, **fields):
    """An insertion of which an earlier attempt may have left rows."""
    return insertion(made(*into, days=days), must_count=True, **fields)


def again(some_insertion):
    """What the sink makes of an insertion that failed."""
    some_insertion.fail(0.0, instance="me", is_too_big=False, jitter=0.0)
    some_insertion.send()
    return some_insertion


def complete(*names, parts=2):
    """What the tables hold when every row is there once."""
    rows = {name: parts if name == "parts" else 1 for name in names}
    return {
        name: Counter({(TP, off, row): 1 for off in range(FIRST, NEXT) for row in range(rows[name])})
        for name in names
    }


def held(tables):
    return {name: +rows for name, rows in tables.rows.items() if rows}


# The clean way


def test_what_was_never_tried_and_is_acknowledged_is_in_without_counting(tables):
    assert carry_out(tables, fresh()) is Outcome.STORED
    assert tables.calls == ["insert one_each"]
    assert held(tables) == complete("one_each")


def test_a_feed_of_two_tables_makes_an_insert_a_table_each_under_its_own_token(tables):
    assert carry_out(tables, fresh(ONE_EACH, PARTS)) is Outcome.STORED
    assert held(tables) == complete("one_each", "parts")
    assert [copy.token.rpartition(":")[2] for copy in tables.sent] == ["one_each", "parts"]


def test_c1_the_query_id_of_an_insert_is_its_token_so_that_a_second_copy_is_refused(tables):
    tables.fates += [still_running]
    first = fresh()
    for _ in range(2):
        with pytest.raises(ClickHouseUnavailable):
            carry_out(tables, first)
    assert [copy.query_id for copy in tables.sent] == [tables.sent[0].token] * 2
    assert len(tables.running) == 1


def test_c2_past_a_frozen_copy_the_same_token_goes_under_another_query_id(tables):
    tables.fates += [still_running]
    first = fresh()
    with pytest.raises(ClickHouseUnavailable):
        carry_out(tables, first)
    first.query_suffix = "~me.4"
    assert carry_out(tables, again(first)) is Outcome.STORED
    assert tables.sent[1].query_id == tables.sent[1].token + "~me.4"
    tables.land(tables.running.pop())  # the frozen copy wakes up: its token is taken
    assert held(tables) == complete("one_each")


def test_the_errors_of_the_store_are_passed_on(tables):
    for fate, error in ((never_arrived, ClickHouseUnavailable), (too_big, BlockTooBig)):
        tables.fates += [fate]
        with pytest.raises(error):
            carry_out(tables, fresh())


def test_an_acknowledged_first_insert_that_was_dropped_as_known_is_counted_and_goes_in_under_the_next_attempt(
    tables,
):
    carry_out(tables, fresh())
    tables.rows["one_each"].clear()  # DELETE takes rows away, not tokens
    tables.calls.clear()
    assert carry_out(tables, fresh()) is Outcome.NEXT_ATTEMPT
    assert tables.calls == ["insert one_each", "count one_each", "look for copies", "count one_each"]
    assert carry_out(tables, verified(attempt=2)) is Outcome.STORED
    assert held(tables) == complete("one_each")


def test_a_first_insert_that_was_dropped_as_known_and_whose_rows_are_there_is_stored(tables):
    carry_out(tables, fresh(ONE_EACH, PARTS))
    assert carry_out(tables, fresh(ONE_EACH, PARTS)) is Outcome.STORED
    assert held(tables) == complete("one_each", "parts")


# The one recovery path


def test_a_complete_range_is_not_inserted_again(tables):
    carry_out(tables, fresh())
    tables.calls.clear()
    assert carry_out(tables, verified()) is Outcome.STORED
    assert tables.calls == ["count one_each"]


def test_a_range_of_which_nothing_is_there_is_inserted_and_counted_again(tables):
    assert carry_out(tables, verified()) is Outcome.STORED
    assert tables.calls == ["count one_each", "insert one_each", "count one_each"]
    assert held(tables) == complete("one_each")


def elsewhere(some_insertion, tp):
    """The same range of another partition."""
    blocks = {
        name: {**columns, "_tp": np.full_like(columns["_tp"], tp)}
        for name, columns in some_insertion.batch.blocks.items()
    }
    some_insertion.batch = replace(some_insertion.batch, tp=tp, blocks=blocks)
    return some_insertion


def test_the_first_counts_of_several_insertions_are_one_query_a_table(tables):
    recovery = Recovery(tables, TOKENS, TABLES)
    tables.put("one_each", TP, [(off, 0) for off in range(FIRST, NEXT)])
    insertions = [
        verified(ONE_EACH, PARTS),
        elsewhere(verified(ONE_EACH), TP + 1),
        elsewhere(verified(), TP + 2),
    ]
    tables.calls.clear()
    looks = recovery.look(insertions)
    assert tables.calls == ["count one_each x3", "count parts"]
    assert [sorted(look) for look in looks] == [["one_each", "parts"], ["one_each"], ["one_each"]]
    assert [len(look["one_each"].offsets) for look in looks] == [NEXT - FIRST, 0, 0]


def test_an_insertion_that_was_looked_at_counts_once_more_after_its_insert(tables):
    recovery, some_insertion = Recovery(tables, TOKENS, TABLES), verified()
    (found,) = recovery.look([some_insertion])
    tables.calls.clear()
    assert recovery.fill(some_insertion, found) is None
    assert recovery.settle(some_insertion) is Outcome.STORED
    assert tables.calls == ["insert one_each", "count one_each"]
    assert held(tables) == complete("one_each")


def test_a_look_after_the_insert_takes_the_place_of_that_count(tables):
    recovery, some_insertion = Recovery(tables, TOKENS, TABLES), verified()
    assert recovery.fill(some_insertion) is None
    (found,) = recovery.look([some_insertion])
    tables.calls.clear()
    assert recovery.settle(some_insertion, found) is Outcome.STORED
    assert tables.calls == []


def test_what_a_look_after_the_insert_misses_is_counted_anew_when_no_copy_runs(tables):
    tables.fates += [burned]
    with pytest.raises(ClickHouseUnavailable):
        carry_out(tables, fresh())
    recovery, some_insertion = Recovery(tables, TOKENS, TABLES), verified()
    assert recovery.fill(some_insertion) is None
    (found,) = recovery.look([some_insertion])
    tables.calls.clear()
    assert recovery.settle(some_insertion, found) is Outcome.NEXT_ATTEMPT
    assert tables.calls == ["look for copies", "count one_each"]


def test_a_range_that_the_look_found_complete_needs_nothing_more(tables):
    recovery = Recovery(tables, TOKENS, TABLES)
    recovery.fill(fresh())
    (found,) = recovery.look([verified()])
    tables.calls.clear()
    assert recovery.fill(verified(), found) is Outcome.STORED
    assert tables.calls == []


def test_rows_that_land_after_the_look_are_not_there_twice(tables):
    recovery, some_insertion = Recovery(tables, TOKENS, TABLES), verified()
    (found,) = recovery.look([some_insertion])
    recovery.fill(fresh())
    assert recovery.fill(some_insertion, found) is None
    assert recovery.settle(some_insertion) is Outcome.STORED
    assert held(tables) == complete("one_each")


def test_nothing_is_looked_for_on_behalf_of_an_insertion_that_is_cancelled(tables):
    recovery = Recovery(tables, TOKENS, TABLES)
    assert recovery.look([cancelled(verified())]) == [{}]
    assert tables.calls == []


def test_a_lost_acknowledgement_is_found_by_counting(tables):
    tables.fates += [lost_acknowledgement]
    some_insertion = fresh()
    with pytest.raises(ClickHouseUnavailable):
        carry_out(tables, some_insertion)
    assert carry_out(tables, again(some_insertion)) is Outcome.STORED
    assert held(tables) == complete("one_each")
    assert len(tables.sent) == 1


def test_of_a_partial_range_only_the_missing_rows_go_in_under_the_same_token(tables):
    tables.fates += [partly]
    some_insertion = insertion(made(DAILY, days=3))
    with pytest.raises(ClickHouseUnavailable):
        carry_out(tables, some_insertion)
    assert sum(tables.rows["daily"].values()) == 2
    assert carry_out(tables, again(some_insertion)) is Outcome.STORED
    assert held(tables) == complete("daily")
    assert tables.sent[1].token == tables.sent[0].token
    assert sum(len(rows) for rows in tables.rows.values()) == 6


def test_missing_rows_of_a_message_are_filled_in_one_by_one(tables):
    tables.put("parts", TP, [(10, 0), (12, 1), (13, 0), (13, 1)])
    assert carry_out(tables, verified(PARTS)) is Outcome.STORED
    assert held(tables) == complete("parts")


def test_a_burned_token_makes_a_next_attempt(tables):
    tables.fates += [burned]
    some_insertion = fresh()
    with pytest.raises(ClickHouseUnavailable):
        carry_out(tables, some_insertion)
    assert carry_out(tables, again(some_insertion)) is Outcome.NEXT_ATTEMPT
    assert held(tables) == {}
    assert carry_out(tables, verified(attempt=2)) is Outcome.STORED
    assert held(tables) == complete("one_each")


def test_a_token_burned_for_one_table_partition_leaves_the_rest_to_the_next_attempt(tables):
    tables.fates += [partly_burned]
    some_insertion = insertion(made(DAILY, days=3))
    with pytest.raises(ClickHouseUnavailable):
        carry_out(tables, some_insertion)
    assert carry_out(tables, again(some_insertion)) is Outcome.NEXT_ATTEMPT
    assert sum(tables.rows["daily"].values()) == 4  # the third partition went in under the first token
    assert carry_out(tables, verified(DAILY, days=3, attempt=2)) is Outcome.STORED
    assert held(tables) == complete("daily")


def test_a_successor_does_not_trust_the_acknowledgement_of_a_burned_token(tables):
    tables.fates += [burned]
    with pytest.raises(ClickHouseUnavailable):
        carry_out(tables, fresh())
    tables.fates += [acknowledged]  # the server drops the block without a word
    assert carry_out(tables, verified()) is Outcome.NEXT_ATTEMPT


def test_an_attempt_can_be_burned_too(tables):
    for attempt in (1, 2, 3):
        tables.fates += [burned]
        with pytest.raises(ClickHouseUnavailable):
            carry_out(tables, verified(attempt=attempt))
        assert carry_out(tables, verified(attempt=attempt)) is Outcome.NEXT_ATTEMPT
    assert carry_out(tables, verified(attempt=4)) is Outcome.STORED
    assert held(tables) == complete("one_each")


def test_of_two_tables_the_complete_one_is_left_alone(tables):
    tables.fates += [acknowledged, never_arrived]
    some_insertion = fresh(ONE_EACH, PARTS)
    with pytest.raises(ClickHouseUnavailable):
        carry_out(tables, some_insertion)
    tables.calls.clear()
    assert carry_out(tables, again(some_insertion)) is Outcome.STORED
    assert tables.calls == [
        *("count one_each", "count parts"),
        "insert parts",
        *("count one_each", "count parts"),
    ]
    assert held(tables) == complete("one_each", "parts")


def test_of_two_tables_one_burned_makes_a_next_attempt_which_leaves_the_other_alone(tables):
    tables.fates += [acknowledged, burned]
    some_insertion = fresh(ONE_EACH, PARTS)
    with pytest.raises(ClickHouseUnavailable):
        carry_out(tables, some_insertion)
    assert carry_out(tables, again(some_insertion)) is Outcome.NEXT_ATTEMPT
    assert carry_out(tables, verified(ONE_EACH, PARTS, attempt=2)) is Outcome.STORED
    assert [copy.token.split("#")[1] for copy in tables.sent] == [
        *("1:one_each", "1:parts"),
        "1:parts",
        "2:parts",
    ]
    assert held(tables) == complete("one_each", "parts")


def test_rows_of_other_partitions_and_ranges_are_none_of_its_business(tables):
    tables.put("one_each", TP + 1, [(12, 0), (12, 0)])
    tables.put("one_each", TP, [(9, 0), (16, 0), (16, 0)])
    assert carry_out(tables, verified()) is Outcome.STORED
    assert len(tables.sent) == 1


# C3 and C4: what looks missing may only be late, or not have been seen


def test_c3_while_a_copy_still_runs_no_next_attempt_is_made(tables):
    tables.fates += [still_running]
    some_insertion = fresh()
    with pytest.raises(ClickHouseUnavailable):
        carry_out(tables, some_insertion)
    some_insertion.query_suffix = "~me.4"
    tables.log(copy := tables.running[0])  # it has its token already, its part not yet
    with pytest.raises(ClickHouseUnavailable, match="an earlier copy of it still runs"):
        carry_out(tables, again(some_insertion))
    tables.put("one_each", TP, [(off, 0) for off in range(FIRST, NEXT)])
    tables.running.remove(copy)
    assert carry_out(tables, again(some_insertion)) is Outcome.STORED
    assert held(tables) == complete("one_each")


def test_c3_a_copy_that_ends_between_count_and_look_is_counted_once_more(tables):
    tables.fates += [burned]
    with pytest.raises(ClickHouseUnavailable):
        carry_out(tables, fresh())
    look = tables.is_running

    def lands_now(prefix):
        tables.put("one_each", TP, [(off, 0) for off in range(FIRST, NEXT)])
        return look(prefix)

    tables.is_running = lands_now
    assert carry_out(tables, verified()) is Outcome.STORED


def test_c3_copies_of_every_piece_are_looked_for(tables):
    some_insertion = verified(pieces=2)
    tables.fates += [acknowledged, still_running]
    with pytest.raises(ClickHouseUnavailable):
        carry_out(tables, some_insertion)
    some_insertion.query_suffix = "~me.4"
    tables.log(tables.running[0])
    with pytest.raises(ClickHouseUnavailable, match="#1.1:one_each: an earlier copy"):
        carry_out(tables, some_insertion)


@pytest.mark.parametrize("before", [0, 1, 2], ids=["the first count", "the second", "the last"])
def test_c4_an_error_while_counting_is_never_missing(tables, before):
    tables.fates += [burned]
    with pytest.raises(ClickHouseUnavailable):
        carry_out(tables, fresh())
    tables.errors += [None] * before + [ClickHouseUnavailable("no answer")]
    sent = len(tables.sent)
    with pytest.raises(ClickHouseUnavailable, match="no answer"):
        carry_out(tables, verified())
    assert len(tables.sent) == sent + (before > 0)
    assert held(tables) == {}


def test_rows_of_messages_that_compaction_removed_since_are_no_contradiction(tables):
    tables.put("one_each", TP, [(0, 0), (1, 0), (2, 0)])
    left = batch([event(0), None, event(2)])
    left.dead.clear()  # offset 1 holds no message any more
    assert carry_out(tables, insertion(left, must_count=True)) is Outcome.STORED
    assert tables.sent == []


# Rows that only a person can judge


@pytest.mark.parametrize(
    "there",
    [
        pytest.param([(10, 1)], id="a row too many of a message"),
        pytest.param([(off, 0) for off in range(FIRST, NEXT)] + [(15, 7)], id="beside a complete range"),
    ],
)
def test_rows_that_this_version_does_not_make_block_the_feed(tables, there):
    tables.put("one_each", TP, there)
    with pytest.raises(FeedBlocked, match="rows that this version does not make"):
        carry_out(tables, verified())
    assert tables.sent == []


def test_a_row_of_a_message_that_makes_none_blocks_the_feed(tables):
    tables.put("one_each", TP, [(11, 0)])
    some_insertion = insertion(batch([event(1), b"{bad"], start=FIRST), must_count=True)
    with pytest.raises(FeedBlocked, match="events/0 offsets 10-12"):
        carry_out(tables, some_insertion)


def test_a_row_that_is_there_twice_blocks_the_feed(tables):
    tables.put("one_each", TP, [(10, 0), (10, 0)])
    with pytest.raises(FeedBlocked, match=r"one_each .* twice: run python -m consumer audit"):
        carry_out(tables, verified())
    assert tables.sent == []


# Pieces and burning


@pytest.mark.parametrize("pieces", [2, 3, 4, 6])
def test_a_range_in_pieces_is_complete_and_each_piece_has_its_token(tables, pieces):
    assert carry_out(tables, verified(attempt=2, pieces=pieces)) is Outcome.STORED
    assert held(tables) == complete("one_each")
    assert [copy.token.split("#")[1] for copy in tables.sent] == [f"2.{i}:one_each" for i in range(pieces)]


def recorded(tables):
    """Token → offsets of each INSERT, kept at the moment it is sent."""
    seen = []
    insert = tables.insert

    def note(table, columns, *, token, query_id):
        seen.append((token.split("#")[1], sorted(set(columns["_off"].tolist()))))
        return insert(table, columns, token=token, query_id=query_id)

    tables.insert = note
    return seen


def test_a_retry_cuts_the_same_pieces_whatever_is_already_there(tables):
    seen = recorded(tables)
    carry_out(tables, verified(PARTS, pieces=3))
    whole = list(seen)
    assert whole == [("1.0:parts", [10, 11]), ("1.1:parts", [12, 13]), ("1.2:parts", [14, 15])]

    seen.clear()
    other = FakeTables(TABLES)
    retried = recorded(other)
    other.put("parts", TP, [(10, 0), (10, 1), (11, 0), (11, 1), (13, 0)])
    carry_out(other, verified(PARTS, pieces=3))
    assert retried == [("1.1:parts", [12, 13]), ("1.2:parts", [14, 15])]


def test_a_piece_that_failed_is_sent_alone(tables):
    tables.fates += [acknowledged, never_arrived]
    some_insertion = verified(pieces=2)
    with pytest.raises(ClickHouseUnavailable):
        carry_out(tables, some_insertion)
    seen = recorded(tables)
    assert carry_out(tables, some_insertion) is Outcome.STORED
    assert seen == [("1.1:one_each", [13, 14, 15])]


def test_burning_uses_the_token_up_with_a_single_row(tables):
    seen = recorded(tables)
    assert carry_out(tables, verified(consumes_token=True)) is Outcome.NEXT_ATTEMPT
    assert seen == [("1:one_each", [10])]
    late = tables.copy_of("one_each", made().blocks["one_each"], tables.sent[0].token, "late")
    tables.land(late)  # the block that was too big arrives after all
    assert sum(tables.rows["one_each"].values()) == 1
    assert carry_out(tables, verified(attempt=2, pieces=2)) is Outcome.STORED
    assert held(tables) == complete("one_each")


def test_burning_inserts_a_row_for_each_table_partition(tables):
    seen = recorded(tables)
    assert carry_out(tables, verified(DAILY, days=3, consumes_token=True)) is Outcome.NEXT_ATTEMPT
    assert [len(offsets) for _, offsets in seen] == [3]
    late = tables.copy_of("daily", made(DAILY, days=3).blocks["daily"], tables.sent[0].token, "late")
    tables.land(late)
    assert sum(tables.rows["daily"].values()) == 3


def test_burning_uses_up_the_token_of_each_piece_and_table(tables):
    seen = recorded(tables)
    assert carry_out(tables, verified(ONE_EACH, PARTS, pieces=2, consumes_token=True)) is Outcome.NEXT_ATTEMPT
    assert [token for token, _ in seen] == ["1.0:one_each", "1.1:one_each", "1.0:parts", "1.1:parts"]


def test_burning_burns_only_what_is_missing(tables):
    tables.put("one_each", TP, [(off, 0) for off in range(FIRST, NEXT)])
    assert carry_out(tables, verified(ONE_EACH, PARTS, consumes_token=True)) is Outcome.NEXT_ATTEMPT
    assert {copy.table for copy in tables.sent} == {"parts"}


def test_burning_a_range_of_one_row_stores_it(tables):
    some_insertion = insertion(batch([event(1)], start=FIRST), must_count=True, consumes_token=True)
    assert carry_out(tables, some_insertion) is Outcome.STORED


def test_burning_that_fails_can_be_repeated(tables):
    tables.fates += [lost_acknowledgement]
    some_insertion = verified(consumes_token=True)
    with pytest.raises(ClickHouseUnavailable):
        carry_out(tables, some_insertion)
    assert carry_out(tables, some_insertion) is Outcome.NEXT_ATTEMPT
    assert sum(tables.rows["one_each"].values()) == 1


# An insertion that was cancelled


def cancelled_at(tables, some_insertion, call):
    """Let the assignment go while that call of the store is answered."""
    seen = 0

    def watch(method):
        def answer(*given, **named):
            nonlocal seen
            seen += 1
            if seen == call:
                some_insertion.cancel()
            return method(*given, **named)

        return answer

    tables.insert, tables.stored = watch(tables.insert), watch(tables.stored)
    tables.is_running = watch(tables.is_running)


def test_a_cancelled_insertion_is_not_begun(tables):
    for some_insertion in (cancelled(fresh()), cancelled(verified())):
        assert carry_out(tables, some_insertion) is Outcome.CANCELLED
    assert tables.calls == []


@pytest.mark.parametrize("call", range(1, 9))
def test_s5_a_cancelled_insertion_stops_before_its_next_statement(tables, call):
    for fate in (burned, burned):  # so that the whole path is walked
        tables.fates += [fate]
    for table in (ONE_EACH, PARTS):
        with pytest.raises(ClickHouseUnavailable):
            carry_out(tables, fresh(table))
    tables.calls.clear()
    some_insertion = verified(ONE_EACH, PARTS)
    cancelled_at(tables, some_insertion, call)
    assert carry_out(tables, some_insertion) is Outcome.CANCELLED
    assert len(tables.calls) == call


def test_a_cancelled_insertion_of_two_tables_stops_between_them(tables):
    some_insertion = fresh(ONE_EACH, PARTS)
    cancelled_at(tables, some_insertion, 1)
    assert carry_out(tables, some_insertion) is Outcome.CANCELLED
    assert tables.calls == ["insert one_each"]


# Details of comparing addresses


def test_addresses_are_compared_exactly_at_large_offsets(tables):
    far = 2**62
    some_insertion = insertion(
        batch([event(n, parts=2) for n in range(3)], PARTS, start=far), must_count=True
    )
    tables.put("parts", TP, [(far, 0), (far + 1, 1)])
    assert carry_out(tables, some_insertion) is Outcome.STORED
    assert set(tables.rows["parts"].values()) == {1}
    assert len(tables.rows["parts"]) == 6


def test_a_batch_without_rows_is_stored_without_a_word_to_clickhouse(tables):
    empty = insertion(batch([b"{bad"]), must_count=True)
    assert empty.batch.blocks == {}
    assert carry_out(tables, empty) is Outcome.STORED
    assert tables.calls == []


def test_a_block_is_sent_as_it_was_made(tables):
    seen = []
    tables.insert = lambda table, columns, *, token, query_id: seen.append(columns) or True
    some_insertion = fresh(PARTS)
    carry_out(tables, some_insertion)
    (columns,) = seen
    assert columns.keys() == {"n", "part", "day", "_tp", "_off", "_row", "_rows"}
    for name, column in columns.items():
        np.testing.assert_array_equal(column, some_insertion.batch.blocks["parts"][name])


# Columns as the bytes of the wire


WORDS = Table(
    name="words",
    ddl="CREATE TABLE {table} (word String, {address}) ENGINE = MergeTree PARTITION BY word ORDER BY () {settings}",
    rows=lambda events: Rows({"word": np.array([f"day {event.day}" for event in events], object)}),
    partition_of=partition_of("word", {"word": "String"}),
)


def words(days):
    messages = [event(n, day=n % days) for n in range(FIRST, NEXT)]
    return insertion(batch(messages, WORDS, start=FIRST, check=EncodingCheck([WORDS])), must_count=True)


class Sent(FakeTables):
    """Keeps the columns of each INSERT."""

    def insert(self, table, columns, *, token, query_id):
        self.columns = getattr(self, "columns", []) + [columns]
        return super().insert(table, columns, token=token, query_id=query_id)


def test_what_an_earlier_attempt_left_out_is_inserted_with_its_own_texts():
    tables = Sent([WORDS])
    tables.rows["words"].update({(TP, off, 0): 1 for off in (11, 12, 15)})
    some_insertion = words(days=4)
    assert Recovery(tables, TOKENS, [WORDS]).fill(some_insertion) is None
    (sent,) = tables.columns
    assert sent["_off"].tolist() == [10, 13, 14]
    assert sent["word"].tolist() == ["day 2", "day 1", "day 2"]


def test_a_range_of_which_nothing_is_there_is_inserted_as_it_was_encoded():
    tables = Sent([WORDS])
    some_insertion = words(days=4)
    Recovery(tables, TOKENS, [WORDS]).fill(some_insertion)
    assert tables.columns[0]["word"] is some_insertion.batch.blocks["words"]["word"]


def test_a_token_is_used_up_by_a_row_for_each_text_that_is_a_table_partition():
    tables = Sent([WORDS])
    some_insertion = words(days=4)
    some_insertion.consumes_token = True
    Recovery(tables, TOKENS, [WORDS]).fill(some_insertion)
    assert sorted(tables.columns[0]["word"].tolist()) == ["day 0", "day 1", "day 2", "day 3"]


def test_pieces_of_a_range_hold_their_own_texts():
    tables = Sent([WORDS])
    some_insertion = insertion(words(days=6).batch, pieces=3)
    Recovery(tables, TOKENS, [WORDS]).fill(some_insertion)
    assert [columns["word"].tolist() for columns in tables.columns] == [
        ["day 4", "day 5"],
        ["day 0", "day 1"],
        ["day 2", "day 3"],
    ]
