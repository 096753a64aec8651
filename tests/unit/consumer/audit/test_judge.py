"""What the audit concludes from what the tables hold and what Kafka says."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
import pytest
from msgspec import Meta

from common.errors import DoesNotFit
from common.model.ranges import Extent, Range, Seen
from common.model.record import Details, Partition, TooLarge
from common.model.record_columns import Timestamp
from common.model.stream import Feed, Rows, Table
from consumer.audit.judge import (
    FINDINGS_KEPT,
    JOINED_GAP,
    SLICE_OFFSETS,
    SLICE_ROWS,
    Finding,
    Judge,
    cuts,
    runs,
    slices,
)

PARTITION = Partition("orders", 0)
FIRST, UNTIL = 10, 20


class Order(msgspec.Struct):
    items: Annotated[int, Meta(ge=0, le=100)]


def headers(events):
    return Rows({"items": np.fromiter((order.items for order in events), np.uint8, len(events))})


def items(events):
    counts = np.fromiter((order.items for order in events), np.int64, len(events))
    return Rows({"item": np.arange(counts.sum())}, counts)


def overflowing(events):
    """A hundred items are too many for this column."""
    return Rows({"items": np.array([order.items + 156 * (order.items > 99) for order in events], np.uint8)})


HEADERS = Table(name="headers", ddl="", rows=headers)
ITEMS = Table(name="items", ddl="", rows=items)


def judge(*tables: Table, dead: list[int] | None = None) -> Judge:
    feed = Feed(topic="orders", event=Order, tables=tables or (HEADERS,))
    return Judge(feed, PARTITION, 77, FIRST, UNTIL, offsets(*(dead or [])))


def offsets(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.uint64)


def seen(*, rows: int = 10, whole_rows: int | None = None, holes=(), partial=(), repeated=()) -> Seen:
    """A slice of ten messages of one row each, unless told otherwise."""
    held = rows if whole_rows is None else whole_rows
    return Seen(rows, held, offsets(*holes), offsets(*partial), offsets(*repeated))


def message(items_of_order: int) -> bytes:
    return msgspec.json.encode(Order(items_of_order))


def test_a_slice_without_a_hole_is_stored():
    judged = judge()
    assert judged.judge(FIRST, UNTIL, {"headers": seen()}).tolist() == []
    verdict = judged.verdict
    assert (verdict.messages, verdict.rows, judged.whole_rows, verdict.is_sound) == (10, 10, 10, True)


def test_offsets_without_rows_are_asked_about_and_are_no_message_until_kafka_says_so():
    judged = judge()
    assert judged.judge(FIRST, UNTIL, {"headers": seen(rows=8, holes=[13, 17])}).tolist() == [13, 17]
    assert (judged.verdict.messages, judged.verdict.missing, judged.verdict.is_sound) == (8, 0, True)


def test_a_message_that_kafka_holds_and_no_table_does_is_missing():
    judged = judge()
    judged.judge(FIRST, UNTIL, {"headers": seen(rows=8, holes=[13, 17])})
    judged.read_again(offsets(13, 17), [message(1), message(1)])
    verdict = judged.verdict
    assert (verdict.messages, verdict.missing, verdict.first_missing, verdict.is_sound) == (8, 2, 13, False)
    assert verdict.findings["missing"][0] == Finding(13, "no rows in headers")


def test_a_bad_message_without_a_dead_letter_is_missing_and_its_value_is_not_told():
    judged = judge()
    judged.judge(FIRST, UNTIL, {"headers": seen(rows=9, holes=[13])})
    judged.read_again(offsets(13), [b'{"items": 12345}'])
    (finding,) = judged.verdict.findings["missing"]
    assert finding.how.startswith("neither rows nor a dead letter (")
    assert "12345" not in finding.how


def test_messages_read_again_together_are_told_apart():
    judged = judge(Table(name="headers", ddl="", rows=overflowing))
    judged.judge(FIRST, UNTIL, {"headers": seen(rows=6, holes=[12, 13, 14, 15])})
    array = b"[" + message(2) + b"," + message(3) + b"]"
    judged.read_again(offsets(12, 13, 14, 15), [message(1), b"{", message(100), array])
    found = {finding.offset: finding.how.partition(" (")[0] for finding in judged.verdict.findings["missing"]}
    no_letter = "neither rows nor a dead letter"
    assert found == {12: "no rows in headers", 13: no_letter, 14: no_letter, 15: "no rows in headers"}
    assert (judged.verdict.missing, judged.verdict.first_missing, judged.verdict.messages) == (4, 12, 6)


class Misfit(Exception):
    pass


@pytest.mark.parametrize("exception", [Misfit("a secret"), KeyError("a secret"), ZeroDivisionError()])
def test_whatever_a_stream_raises_is_told_of_that_message_alone(exception):
    def raising(events):
        if any(order.items == 100 for order in events):
            raise exception
        return headers(events)

    judged = judge(Table(name="headers", ddl="", rows=raising))
    judged.judge(FIRST, UNTIL, {"headers": seen(rows=7, holes=[12, 13, 14])})
    judged.read_again(offsets(12, 13, 14), [message(1), message(100), TooLarge(1_000)])
    found = {finding.offset: finding.how for finding in judged.verdict.findings["missing"]}
    assert found == {
        12: "no rows in headers",
        13: "neither rows nor a dead letter (stream code failed: "
        f"{type(exception).__name__} in the rows of headers)",
        14: "neither rows nor a dead letter (too large: unpacks to more than 1,000 bytes (MAX_UNPACKED_BYTES))",
    }


def test_what_the_sink_refuses_as_too_large_or_not_encodable_the_audit_calls_bad_as_well():
    def refuse(table, columns):
        if 7 in columns["items"]:
            raise DoesNotFit("items", "UInt8", "out of range")

    feed = Feed(topic="orders", event=Order, tables=(HEADERS, ITEMS))
    judged = Judge(feed, PARTITION, 77, FIRST, UNTIL, offsets(), message_rows=50, check=refuse)
    held = seen(rows=8, holes=[13, 17])
    judged.judge(FIRST, UNTIL, {"headers": held, "items": held})
    judged.read_again(offsets(13, 17), [message(51), message(7)])
    assert [finding.how for finding in judged.verdict.findings["missing"]] == [
        "neither rows nor a dead letter (too large: more than 50 rows (MAX_MESSAGE_ROWS))",
        "neither rows nor a dead letter (cannot be encoded: table headers, column items, UInt8: out of range)",
    ]


def test_a_message_of_which_no_row_can_be_made_is_bad():
    judged = judge(Table(name="headers", ddl="", rows=overflowing))
    judged.judge(FIRST, UNTIL, {"headers": seen(rows=9, holes=[13])})
    judged.read_again(offsets(13), [message(100)])
    assert judged.verdict.missing == 1
    assert "OverflowError" in judged.verdict.findings["missing"][0].how


def test_a_dead_letter_stands_for_its_message():
    judged = judge(dead=[13, 25])
    assert judged.judge(FIRST, UNTIL, {"headers": seen(rows=9, holes=[13])}).tolist() == []
    assert (judged.verdict.messages, judged.verdict.dead, judged.verdict.is_sound) == (9, 2, True)


def test_a_message_that_is_stored_and_dead_is_repeated():
    judged = judge(dead=[13])
    assert judged.judge(FIRST, UNTIL, {"headers": seen()}).tolist() == []
    assert (judged.verdict.missing, judged.verdict.repeated) == (0, 1)
    assert judged.verdict.findings["repeated"] == [Finding(13, "a dead letter, and rows as well")]


def test_a_message_with_some_of_its_rows_is_missing_whatever_kafka_holds():
    judged = judge()
    assert judged.judge(FIRST, UNTIL, {"headers": seen(holes=[13], partial=[13])}).tolist() == []
    assert (judged.verdict.missing, judged.verdict.first_missing) == (1, 13)
    assert judged.verdict.findings["missing"] == [Finding(13, "only some of its rows are there")]


def test_a_message_with_some_rows_and_a_dead_letter_is_repeated_not_missing():
    judged = judge(dead=[13])
    assert judged.judge(FIRST, UNTIL, {"headers": seen(holes=[13], partial=[13])}).tolist() == []
    assert (judged.verdict.missing, judged.verdict.repeated) == (0, 1)


def test_a_repeated_message_counts_once_however_it_is_repeated():
    judged = judge(HEADERS, ITEMS, dead=[13])
    judged.judge(FIRST, UNTIL, {"headers": seen(repeated=[13, 14]), "items": seen(repeated=[13, 15])})
    assert judged.verdict.repeated == 3


@pytest.mark.parametrize(
    ("first", "next_offset"), [(0, FIRST), (UNTIL, 30)], ids=["before the log", "in flight"]
)
def test_outside_of_what_is_judged_only_repeats_count(first, next_offset):
    judged = judge(dead=[5, 25])
    found = seen(rows=4, holes=[first + 1, first + 2], partial=[first + 2], repeated=[first + 3])
    assert judged.judge(first, next_offset, {"headers": found}).tolist() == []
    verdict = judged.verdict
    assert (verdict.messages, verdict.rows, verdict.missing, verdict.repeated) == (0, 4, 0, 1)


def test_a_message_may_make_no_rows_in_one_of_two_tables():
    judged = judge(HEADERS, ITEMS)
    held = {"headers": seen(), "items": seen(rows=18, holes=[12, 16])}
    assert judged.judge(FIRST, UNTIL, held).tolist() == [12, 16]
    judged.read_again(offsets(12, 16), [message(0), message(3)])
    verdict = judged.verdict
    assert (verdict.messages, verdict.rows, verdict.missing) == (9, 28, 1)
    assert verdict.findings["missing"] == [Finding(16, "no rows in items")]


def test_what_the_count_of_events_needs_is_that_of_the_first_table():
    judged = judge(HEADERS, ITEMS)
    held = {
        "headers": seen(rows=9, whole_rows=8, holes=[12], partial=[12], repeated=[12, 15]),
        "items": seen(whole_rows=5, holes=[13], partial=[13], repeated=[14]),
    }
    judged.judge(FIRST, UNTIL, held)
    assert (judged.whole_rows, judged.partial_offsets, judged.repeated_offsets) == (8, [12], [15])


def test_the_first_findings_are_kept_and_all_are_counted():
    judged = judge()
    judged.judge(0, FIRST, {"headers": seen(repeated=range(FIRST))})
    judged.judge(FIRST, UNTIL, {"headers": seen(repeated=range(FIRST, UNTIL))})
    assert judged.verdict.repeated == 20
    assert [finding.offset for finding in judged.verdict.findings["repeated"]] == list(range(FINDINGS_KEPT))


def test_an_offset_that_kafka_does_not_hold_is_not_sound():
    verdict = judge().verdict
    assert verdict.is_sound
    verdict.out_of_range = True
    assert not verdict.is_sound


@pytest.mark.parametrize(
    ("first", "next_offset", "rows", "expected"),
    [
        (5, 5, 0, []),
        (5, 25, 0, [(5, 25)]),
        (5, 25, 20, [(5, 25)]),
        (0, SLICE_OFFSETS + 1, 0, [(0, SLICE_OFFSETS), (SLICE_OFFSETS, SLICE_OFFSETS + 1)]),
        (0, 4, 2 * SLICE_ROWS, [(0, 2), (2, 4)]),
        (7, 9, 5 * SLICE_ROWS, [(7, 8), (8, 9)]),
    ],
    ids=["nothing", "no rows", "few", "many offsets", "many rows an offset", "more rows than fit"],
)
def test_slices_are_narrow_enough(first, next_offset, rows, expected):
    assert list(slices(first, next_offset, rows)) == expected


def test_runs_are_cut_where_reading_on_is_waste():
    far = 1_000 + JOINED_GAP + 1
    found = runs(offsets(1, 2, 1_000, far, far + JOINED_GAP))
    assert [run.tolist() for run in found] == [[1, 2, 1_000], [far, far + JOINED_GAP]]
    assert runs(offsets()) == []


def test_what_is_bad_for_its_record_alone_is_told_as_the_sink_tells_it():
    ddl = "CREATE TABLE {table} (items UInt8, sent DateTime64(3), {address}) ENGINE = MergeTree ORDER BY () {settings}"
    judged = judge(Table(name="headers", ddl=ddl, rows=headers, record={"sent": Timestamp()}))
    assert judged.needs_details and not judge().needs_details
    judged.judge(FIRST, UNTIL, {"headers": seen(rows=8, holes=[12, 15])})
    judged.read_again(offsets(12, 15), [message(1)] * 2, Details([5, -1], [None] * 2, [()] * 2))
    assert judged.verdict.findings["missing"] == [
        Finding(
            15,
            "neither rows nor a dead letter (cannot be encoded: table headers, column sent, DateTime64(3): "
            "the record has none)",
        ),
        Finding(12, "no rows in headers"),
    ]


def test_of_a_partition_that_is_judged_all_offsets_are_cut():
    extents = [Extent(5, 3, 9), Extent(5, 40, 50)]
    assert cuts(Range(7, 0, 60), extents, is_judged=True) == [(0, 60)]
    assert cuts(Range(7, 0, 60), [], is_judged=True) == [(0, 60)]


def test_of_one_that_is_not_only_where_rows_are():
    extents = [Extent(5, 40, 50), Extent(5, 3, 9)]
    assert cuts(Range(7, 0, 60), extents, is_judged=False) == [(3, 50)]
    assert cuts(Range(7, 0, 60), [], is_judged=False) == []


def test_the_rows_of_every_table_make_a_cut_narrower():
    extents = [Extent(SLICE_ROWS, 0, 100), Extent(SLICE_ROWS, 0, 100)]
    assert cuts(Range(7, 0, 100), extents, is_judged=False) == [(0, 50), (50, 100)]
