"""Where partitions go on, with a group and newest outputs that say what the test wants."""

import uuid

import pytest

from common.commits.memory import decode
from common.errors import DataExpired, KafkaUnavailable, OffsetRefused
from common.model.headers import source_name
from common.model.ranges import Committed
from common.model.record import Partition
from common.model.transform import Each, Transform
from consumer.transform.each import EachWork
from consumer.transform.histogram import HistogramWork
from consumer.transform.opening import Opening
from consumer.transform.place import Named
from consumer.transform.windows import WindowWork
from tests.unit.consumer.material import TOPIC_ID
from tests.unit.consumer.transform.group import COPY, FIRST, HISTOGRAM, SECOND, Group, at, memory
from tests.unit.consumer.transform.material import FRESH, Visit, run, visit, windows

OTHER_ID = uuid.UUID(int=99)


def opening(group, transform=COPY, sources=()):
    named = {transform.source: Named(transform, f"visits.{transform.name}", [])}
    return Opening(
        group, named, lambda topic, size: set(sources), lambda: 0.0, group_name="team", most_bytes=10_000
    )


def blocked(group, transform=COPY, sources=()):
    opened = opening(group, transform, sources).open_all()
    assert opened.places == {}
    return opened.blocked["visits"]


def test_a_partition_goes_on_at_its_committed_offset():
    group = Group({FIRST: at(40), SECOND: at(7)})
    opened = opening(group).open_all()
    assert opened.blocked == {}
    assert (
        {where: place.position for where, place in opened.places.items()}
        == group.sought
        == {
            FIRST: 40,
            SECOND: 7,
        }
    )
    place = opened.places[FIRST]
    assert (place.read, place.committed, place.source) == (40, at(40), source_name(TOPIC_ID, 0))
    assert (place.topic_id, place.memory, place.has_news) == (TOPIC_ID.hex, memory(40), False)


def test_a_partition_begins_where_its_log_does_when_nothing_was_ever_committed_or_made():
    group = Group({FIRST: None})
    group.firsts[FIRST] = 5
    place = opening(group).open_all().places[FIRST]
    assert (place.position, place.read, place.committed, group.sought) == (5, 5, None, {FIRST: 5})
    assert place.memory == memory(5)
    assert place.has_news


@pytest.mark.parametrize(
    ("transform", "work"), [(COPY, EachWork), (HISTOGRAM, HistogramWork), (windows(), WindowWork)]
)
def test_each_kind_of_transform_has_its_work(transform, work):
    (place,) = opening(Group({FIRST: None}), transform).open_all().places.values()
    assert type(place.work) is work


def test_a_transform_that_nothing_runs_is_a_mistake_of_the_programmer():
    unknown = Transform(name="copy", source="visits", event=Visit, target="copies")
    with pytest.raises(TypeError, match="nothing runs a Transform"):
        opening(Group({FIRST: None}), unknown).open_all()


def test_w2_windows_are_read_again_from_the_offset_and_done_up_to_what_was_read():
    before = WindowWork(windows(), FRESH, 0.0)
    before.take(run([visit("a", 150), visit("b", 1), visit("c", 160)], 40), 0.0)
    offset, read, state = before.remembered
    group = Group({FIRST: at(offset, read, windows(), sizes=(2, 1), state=state)})
    place = opening(group, windows()).open_all().places[FIRST]
    assert (place.position, place.read, group.sought) == (40, 43, {FIRST: 40})
    assert place.work.is_behind


def test_w6_a_partition_that_comes_back_is_begun_anew():
    group = Group({FIRST: at(40)})
    opens = opening(group)
    first = opens.open_all().places[FIRST]
    first.outputs.append(object())
    first.work.take(run([visit("a", 1)], 40), 0.0)
    again = opens.open_all().places[FIRST]
    assert again.work is not first.work
    assert (again.work.remembered.read, again.outputs, again.position) == (40, [], 40)


def test_w9_at_a_first_start_windows_wait_for_all_partitions_that_their_source_is_made_from():
    group = Group({FIRST: None}, {"visits": 2, "counts": 1, "raw": 2})
    regroup = Each(name="regroup", source="raw", event=Visit, target="visits", make=COPY.make)
    named = {each.source: Named(each, f"stream.{each.name}", []) for each in (regroup, windows())}
    opens = Opening(group, named, lambda topic, size: set(), lambda: 0.0, group_name="team", most_bytes=1)
    work = opens.open_all().places[FIRST].work
    first, second = (source_name(TOPIC_ID, number) for number in range(2))
    assert work.take(run([visit("a", 1), visit("b", 900)], upstreams=[first] * 2), 0.0).late == 0
    closing = work.take(run([visit("c", 2), visit("d", 900)], 2, upstreams=[second] * 2), 0.0)
    assert (len(closing.outputs), closing.late) == (1, 0)


def test_a_topic_is_opened_alone():
    group = Group({FIRST: at(40), Partition("other", 0): at(3)})
    opened = opening(group).open_topic("visits")
    assert (list(opened.places), group.sought) == ([FIRST], {FIRST: 40})


def test_nothing_assigned_is_nothing_opened():
    assert opening(Group({})).open_all() == ({}, {})


# R7


def test_r7_outputs_without_a_committed_offset_block_the_feed():
    error = blocked(Group({FIRST: None}), sources=[source_name(TOPIC_ID, 0)])
    assert isinstance(error, OffsetRefused)
    assert "visits/0: copies holds outputs of it, but group team has committed nothing here" in str(error)


def test_r7_outputs_of_another_partition_block_the_feed_when_nothing_is_committed_at_all():
    group = Group({FIRST: None})
    assert isinstance(blocked(group, sources=[source_name(TOPIC_ID, 1)]), OffsetRefused)
    group.elsewhere[SECOND] = at(9)
    assert FIRST in opening(group, sources=[source_name(TOPIC_ID, 1)]).open_all().places


def test_r7_commits_of_an_older_topic_of_that_name_do_not_say_that_a_group_goes_on():
    group = Group({FIRST: None})
    group.elsewhere[SECOND] = at(40, topic=OTHER_ID.hex)
    assert isinstance(blocked(group, sources=[source_name(TOPIC_ID, 1)]), OffsetRefused)


def test_a_new_partition_does_not_wait_for_the_transactions_of_all_others():
    group = Group({SECOND: None})
    group.elsewhere[FIRST] = at(40)
    read = group.read_committed

    def read_but_the_second(partitions):
        if SECOND in partitions:
            raise KafkaUnavailable("in a transaction")
        return read(partitions)

    group.read_committed = read_but_the_second
    assert list(opening(group, sources=[source_name(TOPIC_ID, 0)]).open_all().places) == [SECOND]


def test_r7_outputs_of_other_topics_say_nothing():
    opened = opening(Group({FIRST: None}), sources=[source_name(OTHER_ID, 0)]).open_all()
    assert opened.places[FIRST].committed is None


def test_r7_a_partition_that_goes_on_may_have_outputs():
    opened = opening(Group({FIRST: at(40)}), sources=[source_name(TOPIC_ID, 0)]).open_all()
    assert opened.places[FIRST].position == 40


@pytest.mark.parametrize("metadata", ["", "somebody else's"])
def test_r7_an_offset_that_no_transform_committed_blocks_the_feed(metadata):
    group = Group({FIRST: Committed(40, metadata), SECOND: at(7)})
    assert isinstance(blocked(group), OffsetRefused)
    assert group.sought == {FIRST: 0, SECOND: 0}


@pytest.mark.parametrize("transform", [COPY, HISTOGRAM], ids=["each", "histogram"])
@pytest.mark.parametrize("offset", [39, 41])
def test_r7_an_offset_at_odds_with_what_is_remembered_blocks_the_feed(offset, transform):
    error = blocked(Group({FIRST: at(offset, 40, transform)}), transform)
    assert isinstance(error, OffsetRefused)
    assert f"visits/0: the committed offset is {offset}, what it remembers is of 40" in str(error)


def test_r7_windows_that_would_not_begin_before_what_was_read_block_the_feed():
    assert isinstance(blocked(Group({FIRST: at(41, 40, windows(), sizes=(2, 1))}), windows()), OffsetRefused)


def test_another_transform_does_not_go_on_with_what_is_committed():
    error = blocked(Group({FIRST: at(40, transform="visits.other")}))
    assert "is of the transform visits.other, not of visits.copy" in str(error)


def test_a_topic_that_was_created_again_begins_anew():
    group = Group({FIRST: at(40, topic=OTHER_ID.hex)})
    place = opening(group, sources=[source_name(OTHER_ID, 0)]).open_all().places[FIRST]
    assert (place.position, place.committed, place.memory.topic) == (0, None, TOPIC_ID.hex)


@pytest.mark.parametrize(
    ("transform", "state"),
    [
        (windows(), {"form": {"size": 1, "grace": 1}, "time": {"watermark": 1, "ahead": {}}}),
        (windows(), {"form": {"size": 100, "grace": 20}, "time": {"watermark": 1, "ahead": 5}}),
        (windows(), 5),
        (HISTOGRAM, {"form": [0.0, 1.0, 8], "counts": [0] * 8, "time": 0, "is_new": False}),
        (HISTOGRAM, {"form": [0.0, 1.0, 4], "counts": [2**70] * 4, "time": 0, "is_new": False}),
        (HISTOGRAM, {}),
        (HISTOGRAM, []),
        (HISTOGRAM, [1]),
    ],
)
def test_what_another_version_remembers_blocks_the_feed(transform, state):
    group = Group({FIRST: at(40, 40, transform, state=state)}, {"visits": 2, "counts": 2, "hist": 2})
    assert f"what {transform.name} remembers is of another version of it" in str(blocked(group, transform))


@pytest.mark.parametrize(("sizes", "topic"), [((1, 1), "visits"), ((2, 3), "counts")])
def test_a_topic_that_must_not_grow_and_did_blocks_the_feed(sizes, topic):
    error = blocked(Group({FIRST: at(40, 40, windows(), sizes=sizes)}), windows())
    assert f"topic {topic} had " in str(error)
    assert "delete the topics counts, visits" in str(error)


def test_a_topic_may_grow_where_nothing_hangs_on_numbers():
    place = opening(Group({FIRST: at(40, sizes=(1, 1))})).open_all().places[FIRST]
    assert place.position == 40


@pytest.mark.parametrize("topic", ["visits", "copies", "visits.dead"])
def test_a_topic_that_is_not_there_blocks_the_feed(topic):
    group = Group({FIRST: at(40)})
    group.sizes[topic] = 0
    assert f"topic {topic} is not there any more" in str(blocked(group))


def test_where_nothing_hangs_on_numbers_outputs_go_to_the_partitions_that_there_are():
    place = opening(Group({FIRST: at(40, sizes=(1, 8))})).open_all().places[FIRST]
    assert place.memory.sizes == (2, 2)
    assert not place.has_news


def test_what_retention_has_deleted_before_it_was_done_blocks_the_feed():
    group = Group({FIRST: at(40)})
    group.firsts[FIRST] = 41
    error = blocked(group)
    assert isinstance(error, DataExpired)
    assert "visits/0: offsets 40 to 41 are needed" in str(error)
    assert group.sought == {FIRST: 41}


def test_a_log_that_ends_before_what_was_done_blocks_the_feed():
    group = Group({FIRST: at(40)})
    group.ends[FIRST] = 39
    assert "visits/0: the committed offset 40 is past the end of the log, 39" in str(blocked(group))


def test_an_id_that_is_not_known_yet_is_asked_for_again_later():
    group = Group({FIRST: at(40)})
    group.id = None
    with pytest.raises(KafkaUnavailable):
        opening(group).open_all()


def test_what_is_committed_first_can_be_gone_on_with():
    group = Group({FIRST: None})
    place = opening(group, windows()).open_all().places[FIRST]
    place.work.take(run([visit("a", 1)]), 0.0)
    group.offsets[FIRST], _ = place.next_commit()
    again = opening(group, windows(), [source_name(TOPIC_ID, 0)]).open_all().places[FIRST]
    assert (again.position, again.read) == (0, 1)
    assert decode(group.offsets[FIRST].metadata, "here").sizes == (2, 1)
