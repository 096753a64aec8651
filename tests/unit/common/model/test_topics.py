"""Which topics are wanted, and what is planned for those that differ."""

import pytest

from common.model.topics import Plan, TopicState, data_topic, dead_topic, plan, wanted
from common.settings.parts import GIB, MIB, TopicSettings
from common.streams import STREAMS

SETTINGS = TopicSettings(partitions=4, replication_factor=3, min_insync_replicas=2)
AS_WANTED = TopicState(partitions=4, replication_factor=3)
SPECS = [data_topic("a", SETTINGS), data_topic("b", SETTINGS)]


def test_every_topic_of_every_stream_has_a_companion_for_dead_letters():
    names = [spec.name for spec in wanted(STREAMS.values(), SETTINGS)]
    topics = {topic for stream in STREAMS.values() for topic in stream.topics}
    assert topics | {f"{topic}.dead" for topic in topics} == set(names)
    assert len(names) == len(set(names))


def test_data_is_bounded_and_acknowledged_by_enough_brokers():
    spec = data_topic("a", SETTINGS)
    assert (spec.partitions, spec.replication_factor) == (4, 3)
    assert (spec.configs["retention.bytes"], spec.configs["retention.ms"]) == (str(GIB), "-1")
    assert spec.configs["segment.bytes"] == str(GIB // 8)
    assert spec.configs["min.insync.replicas"] == "2"
    assert spec.configs["unclean.leader.election.enable"] == "false"


@pytest.mark.parametrize(("retention_bytes", "segment_bytes"), [(MIB, MIB), (2**50, GIB)])
def test_segments_have_a_size_that_kafka_takes(retention_bytes, segment_bytes):
    configs = data_topic("a", TopicSettings(retention_bytes=retention_bytes)).configs
    assert configs["segment.bytes"] == str(segment_bytes)


def test_dead_letters_are_kept_for_ever_and_may_be_larger_than_their_source():
    spec = dead_topic("a", SETTINGS)
    assert spec.name == "a.dead"
    assert spec.partitions == 1
    assert (spec.configs["retention.ms"], spec.configs["retention.bytes"]) == ("-1", "-1")
    assert spec.configs["message.timestamp.type"] == "LogAppendTime"
    source = int(data_topic("a", SETTINGS).configs["max.message.bytes"])
    assert int(spec.configs["max.message.bytes"]) == source + 65_536


def test_what_is_missing_is_created_and_what_is_there_is_left_alone():
    todo = plan(SPECS, {"a": AS_WANTED}, {})
    assert [spec.name for spec in todo.create] == ["b"]
    assert (todo.grow, todo.problems) == ({}, ())


def test_another_number_of_partitions_is_no_problem_unless_asked_for():
    assert (
        plan(SPECS, {"a": TopicState(partitions=9, replication_factor=3), "b": AS_WANTED}, {}).problems == ()
    )


def test_grows_what_it_is_asked_to():
    todo = plan(SPECS, {"a": AS_WANTED}, {"a": 6, "b": 7})
    assert todo.grow == {"a": 6}
    assert [(spec.name, spec.partitions) for spec in todo.create] == [("b", 7)]


def test_growing_to_what_it_has_is_nothing_to_do():
    todo = plan(SPECS, {"a": AS_WANTED, "b": AS_WANTED}, {"a": 4})
    assert (todo.create, todo.grow, todo.problems) == ((), {}, ())


@pytest.mark.parametrize(
    ("replicas", "in_sync"), [(1, "1"), (2, "2"), (3, "2"), (5, "2")], ids=["one", "two", "as wanted", "more"]
)
def test_the_companion_of_a_topic_that_exists_is_made_like_it(replicas, in_sync):
    specs = [data_topic("a", SETTINGS), dead_topic("a", SETTINGS)]
    todo = plan(specs, {"a": TopicState(partitions=4, replication_factor=replicas)}, {})
    (made,) = todo.create
    assert (made.name, made.replication_factor, made.configs["min.insync.replicas"]) == (
        "a.dead",
        replicas,
        in_sync,
    )
    assert made.configs["retention.ms"] == "-1"
    assert (todo.grow, todo.problems) == ({}, ())


def test_other_replicas_are_no_problem():
    states = {
        "a": TopicState(partitions=4, replication_factor=1),
        "b": TopicState(partitions=4, replication_factor=5),
    }
    assert plan(SPECS, states, {"a": 6}) == Plan(create=(), grow={"a": 6}, problems=())


def test_the_companion_of_a_topic_that_is_made_now_is_made_as_the_settings_say():
    specs = [data_topic("a", SETTINGS), dead_topic("a", SETTINGS)]
    assert plan(specs, {}, {}).create == tuple(specs)


@pytest.mark.parametrize(
    ("state", "grow", "reason"),
    [
        (AS_WANTED, {"a": 3}, "cannot take any away"),
        (AS_WANTED, {"z": 9}, "no stream has that topic"),
    ],
    ids=["shrink", "unknown topic"],
)
def test_what_cannot_be_done_is_refused_with_the_reason(state, grow, reason):
    (problem,) = plan(SPECS, {"a": state, "b": AS_WANTED}, grow).problems
    assert reason in problem
