"""Where partitions go on, with a group and tables that say what the test wants."""

import uuid

import pytest

from common.commits.intent import Intent
from common.errors import ClickHouseRefused, ClickHouseUnavailable, DoesNotFit, KafkaUnavailable
from common.model.address import tp_address
from common.model.ranges import Beyond, Committed
from common.model.record import Partition
from consumer.sink.assignment import Assignment
from consumer.sink.cutting import Limits
from tests.unit.consumer.material import BAD, ONE_EACH, PARTS, SCHEMA, TOPIC_ID, event, feed, slab

LIMITS = Limits(rows=1000, payload_bytes=1 << 30, age_s=1.0)
FIRST, SECOND = Partition("events", 0), Partition("events", 1)
IDLE = Intent(topic=TOPIC_ID.hex, schema=SCHEMA)
HIGHEST = 99


class Group:
    """What is committed, and where logs start and end (0 and 1,000); notes of what was asked of it."""

    def __init__(self, committed):
        self.offsets = committed
        self.firsts = dict.fromkeys(committed, 0)
        self.ends = dict.fromkeys(committed, 1000)
        self.topics = {"events"}
        self.sought, self.committed, self.coordinator_is_known = {}, [], True
        self.bounds = {}

    def read_assignment(self):
        return dict(self.offsets)

    def read_committed(self, partitions):
        return {partition: self.offsets[partition] for partition in partitions}

    def assigned(self):
        return list(self.offsets)

    def size_of(self, topic):
        return topic in self.topics

    def topic_id(self, topic):
        return TOPIC_ID

    def first_offsets(self, partitions):
        return self.firsts

    def end_offsets(self, partitions):
        return self.ends

    def commit(self, offsets):
        if self.coordinator_is_known:
            self.committed.append(dict(offsets))
        return self.coordinator_is_known

    def bound_unpacking(self, partition, until_offset, limit_bytes):
        self.bounds[partition] = until_offset, limit_bytes

    def seek(self, partition, offset):
        self.sought[partition] = offset


class Tables:
    """Table → partition → its highest row; `error` is raised instead of an answer."""

    def __init__(self, **highest):
        self.highest = {
            table: {tp_address(TOPIC_ID, number): offset for number, offset in found.items()}
            for table, found in highest.items()
        }
        self.asked, self.error = [], None

    def beyond(self, table, bounds, *, timeout_s):
        self.asked.append((table, dict(bounds)))
        if self.error:
            raise self.error
        found = self.highest.get(table, {})
        return {tp: Beyond(bound, found[tp]) for tp, bound in bounds.items() if found.get(tp, -1) >= bound}


def opening(group, tables, *of_feed):
    return Assignment(group, tables, {"events": (feed(*of_feed), SCHEMA)}, LIMITS, group_name="team-sink")


def at(offset, intent=IDLE):
    return Committed(offset, intent.encode())


def test_a_partition_goes_on_at_its_committed_offset_where_no_table_holds_more():
    group, tables = Group({FIRST: at(40)}), Tables(one_each={0: 39})
    opened = opening(group, tables).open_all()
    assert (opened.lanes[FIRST].committed, opened.blocked) == (40, {})
    assert group.committed == []


def test_rows_of_a_named_range_are_no_excess():
    group, tables = Group({FIRST: at(40, Intent(topic=TOPIC_ID.hex, schema=SCHEMA, next=60))}), Tables()
    tables.highest["one_each"] = {tp_address(TOPIC_ID, 0): 59}
    opened = opening(group, tables).open_all()
    assert (list(opened.lanes), opened.blocked) == ([FIRST], {})


def test_a_standing_range_is_unpacked_under_the_limit_it_was_named_with():
    named = Intent(topic=TOPIC_ID.hex, schema=SCHEMA, next=60, max_unpacked_bytes=1 << 20)
    group = Group({FIRST: at(40, named), SECOND: at(7)})
    opening(group, Tables()).open_all()
    assert group.bounds == {FIRST: (60, 1 << 20), SECOND: (0, None)}


@pytest.mark.parametrize(
    ("committed", "highest", "said"),
    [
        (at(40), 40, "one_each holds rows of offsets 40 to 40, but group team-sink has committed only 40:"),
        (
            at(40, Intent(topic=TOPIC_ID.hex, schema=SCHEMA, next=60)),
            HIGHEST,
            "one_each holds rows of offsets 60 to 99, but group team-sink has committed only 40 and named 40-60:",
        ),
        (
            None,
            HIGHEST,
            "one_each holds rows of offsets 0 to 99, but group team-sink has committed nothing here (another "
            "KAFKA_GROUP_ID, or expired offsets?) and would start at 0:",
        ),
    ],
    ids=["an offset set back", "a range set back", "a first start on a table that is not empty"],
)
def test_rows_past_what_is_committed_block_the_feed_with_both_numbers_and_three_ways_out(
    committed, highest, said
):
    group = Group({FIRST: committed, SECOND: at(7)})
    opened = opening(group, Tables(one_each={0: highest})).open_all()
    reason = str(opened.blocked["events"])
    assert reason.startswith(f"events/0: {said} going on would repeat them.")
    for way in (
        "consumer adopt",
        "another group fills this table",
        "ALTER TABLE `one_each` DELETE",
        "SINK_EPOCH",
    ):
        assert way in reason
    assert list(opened.lanes) == [SECOND]
    assert group.committed == []  # what may be wrong is not written down again


def test_one_question_a_table_serves_all_partitions():
    group, tables = Group({FIRST: at(40), SECOND: None}), Tables()
    opening(group, tables, ONE_EACH, PARTS).open_all()
    bounds = {tp_address(TOPIC_ID, 0): 40, tp_address(TOPIC_ID, 1): 0}
    assert tables.asked == [("one_each", bounds), ("parts", bounds)]


def test_rows_in_a_later_table_of_a_feed_block_it_too():
    opened = opening(Group({FIRST: at(40)}), Tables(parts={0: 41}), ONE_EACH, PARTS).open_all()
    assert "parts holds rows of offsets 40 to 41" in str(opened.blocked["events"])
    assert opened.lanes == {}


def test_a_first_start_on_an_empty_table_is_committed_with_an_intent_and_sought():
    group = Group({FIRST: None})
    group.firsts[FIRST] = 5
    opened = opening(group, Tables()).open_all()
    assert (opened.lanes[FIRST].committed, opened.blocked) == (5, {})
    assert group.committed == [{FIRST: at(5)}]
    assert group.sought == {FIRST: 5}


def test_the_offset_of_an_older_topic_of_that_name_counts_as_none():
    older = Intent(topic=uuid.UUID(int=8).hex, schema=SCHEMA)
    group = Group({FIRST: at(40, older)})
    opening(group, Tables()).open_all()
    assert group.committed == [{FIRST: at(0)}]


@pytest.mark.parametrize("metadata", ["", "logstash", '{"penstock":2}'])
def test_an_offset_that_is_not_ours_blocks_the_feed_and_gives_the_client_a_position(metadata):
    group = Group({FIRST: Committed(40, metadata)})
    opened = opening(group, Tables()).open_all()
    assert str(opened.blocked["events"]).startswith("events/0: the committed offset ")
    assert (opened.lanes, group.committed, group.sought) == ({}, [], {FIRST: 0})


def test_several_bad_partitions_of_a_feed_are_one_reason_that_names_them():
    group = Group({FIRST: Committed(40, ""), SECOND: Committed(40, "")})
    reason = str(opening(group, Tables()).open_all().blocked["events"])
    assert reason.startswith("events/0: ")
    assert reason.endswith(". The like holds for events/1: python -m consumer status")


@pytest.mark.parametrize(
    ("first", "end", "said"),
    [
        (41, 1000, "were deleted by retention"),
        (0, 39, "the committed offset 40 is past the end of the log, 39"),
    ],
    ids=["retention", "a log cut off"],
)
def test_a_log_that_does_not_hold_what_comes_next_blocks_the_feed(first, end, said):
    group = Group({FIRST: at(40)})
    group.firsts[FIRST], group.ends[FIRST] = first, end
    opened = opening(group, Tables()).open_all()
    assert said in str(opened.blocked["events"])
    assert list(opened.lanes) == [FIRST]  # it may say so in its commits, for `status` to read


def test_a_topic_that_is_gone_blocks_its_feed_by_name():
    group = Group({})
    group.topics = set()
    reason = str(opening(group, Tables()).open_all().blocked["events"])
    assert reason.startswith("topic events is not there any more, or hidden from this user: was it deleted?")


def test_a_table_that_clickhouse_refuses_to_read_blocks_its_feed_and_ends_nothing():
    group, tables = Group({FIRST: at(40)}), Tables()
    tables.error = ClickHouseRefused("code 60, no such table")
    opened = opening(group, tables).open_all()
    assert (opened.lanes, str(opened.blocked["events"])) == ({}, "code 60, no such table")
    assert group.committed == []


def test_a_first_start_after_everything_that_is_stored_repeats_nothing():
    """Retention has deleted what the table holds: nothing of it would be read again."""
    group = Group({FIRST: None})
    group.firsts[FIRST] = 20
    opened = opening(group, Tables(one_each={0: 19})).open_all()
    assert (opened.lanes[FIRST].committed, opened.blocked) == (20, {})


def test_clickhouse_away_or_an_unknown_coordinator_leave_everything_for_later():
    group, tables = Group({FIRST: None}), Tables()
    tables.error = ClickHouseUnavailable("no answer")
    with pytest.raises(ClickHouseUnavailable):
        opening(group, tables).open_all()
    assert (group.committed, group.sought) == ([], {})
    tables.error, group.coordinator_is_known = None, False
    with pytest.raises(KafkaUnavailable):
        opening(group, tables).open_all()
    assert group.sought == {}


def test_lanes_check_what_they_read_also_when_a_feed_is_stopped_and_opened_again():
    def refuse(table, columns):
        if 1 in columns["n"]:
            raise DoesNotFit("n", "UInt8", "out of range")
        return columns

    group = Group({FIRST: at(0)})
    feeds = {"events": (feed(), SCHEMA)}
    opens = Assignment(group, Tables(), feeds, LIMITS, group_name="team-sink", check=refuse)
    first = opens.open_all().lanes[FIRST]
    for lane in (first, first.again(""), opens.open_topic("events", {FIRST: first}).lanes[FIRST]):
        lane.take([slab([event(n) for n in range(3)])], 3)
        lane.fill(0.0, is_short_of_memory=True)
        assert [letter.record.offset for letter in lane.ready.batch.dead] == [1]


def test_a_feed_opened_again_counts_runs_of_bad_messages_on():
    group = Group({FIRST: at(40)})
    opens = opening(group, Tables())
    lane = opens.open_all().lanes[FIRST]
    lane.pending.append(slab([BAD] * 3, 40))
    lane.fill(0.0, is_short_of_memory=True)
    lane.applied(lane.wanted_commit(0.0))
    lane.named.succeed()
    lane.applied(lane.wanted_commit(10.0))
    stopped = lane.again("flood")
    assert (stopped.committed, stopped.bad_run, stopped.parked) == (43, 3, "flood")
    group.offsets[FIRST] = at(43)
    again = opens.open_topic("events", {FIRST: stopped}).lanes[FIRST]
    assert (again.committed, again.bad_run, again.parked) == (43, 3, "")
    assert group.sought[FIRST] == 43
