import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from api.look import Kafka, Look
from api.standing import _behind_s, questions_as_json, stream_as_json
from common.commits.intent import Intent
from common.commits.position import Position
from common.commits.transform_position import TransformPosition
from common.model.record import Partition
from common.model.verdicts import VerdictRow
from common.streams import STREAMS

RATINGS = STREAMS["ratings"]
TOPIC = uuid.UUID(int=1)
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def position(partition, committed, end, parked=""):
    intent = Intent(topic=TOPIC.hex, schema="s", cut="age", parked=parked)
    at = Partition("shadow", partition)
    return Position(partition=at, topic_id=TOPIC, first=0, end=end, committed=committed, intent=intent)


def source(end, read=None):
    return TransformPosition(
        partition=Partition("dominate", 0), first=0, end=end, committed=read, memory=None
    )


def look(at_s=10.0, ends=(30, 40), parked="", **more):
    kafka = Kafka(
        positions={"shadow": [position(0, 30, ends[0], parked), position(1, 20, ends[1])]},
        transforms={"dominate": [source(100)]},
        owners={Partition("shadow", 0): "consumer-1"},
    )
    return replace(Look(at_s=at_s, kafka=kafka, rows={"shadow": 50}, unix_s=NOW.timestamp()), **more)


def told(now, before=None, earlier=None):
    return stream_as_json(RATINGS, "people", now, before, earlier)


def test_lag_rows_and_owners_are_those_of_its_feeds_and_transforms():
    stream = told(look())
    assert (stream["rows"], stream["lag"]) == (50, 100 + 20)
    (feed,) = stream["feeds"]
    assert [(each["owner"], each["lag"]) for each in feed["partitions"]] == [("consumer-1", 0), (None, 20)]
    assert [topic["messages"] for topic in stream["topics"]] == [100, 70]


def test_rates_are_what_came_since_the_look_before():
    stream = told(look(at_s=12.0, ends=(50, 60), rows={"shadow": 70}), look(at_s=10.0))
    assert stream["rows_per_second"] == 10.0
    assert [topic["per_second"] for topic in stream["topics"]] == [0.0, 20.0]


def test_messages_sent_are_those_into_topics_that_no_transform_writes():
    now, before = look(at_s=12.0, ends=(50, 60)), look(at_s=10.0)
    sent = replace(now, kafka=replace(now.kafka, transforms={"dominate": [source(109)]}))
    assert told(sent, before)["messages_per_second"] == 4.5
    assert told(now)["messages_per_second"] is None


def test_without_a_look_before_rates_are_unknown():
    assert told(look())["rows_per_second"] is None


def test_the_lag_in_seconds_is_the_lag_at_the_pace_of_the_last_seconds():
    earlier = look(at_s=0.0)
    now = look(at_s=10.0)
    positions = {
        "shadow": [position(0, 30, 30), position(1, 30, 40)]
    }  # ten messages in ten seconds, ten are left
    now = replace(now, kafka=replace(now.kafka, positions=positions))
    (feed,) = told(now, earlier=earlier)["feeds"]
    assert (feed["lag"], feed["per_second"], feed["behind_s"]) == (10, 1.0, 10.0)


def test_a_lag_of_which_nothing_is_done_has_no_length_in_seconds_and_a_pace_of_nought():
    stream = told(look(at_s=10.0), earlier=look(at_s=0.0))
    (transform,) = stream["transforms"]
    assert (transform["lag"], transform["per_second"], transform["behind_s"]) == (100, 0.0, None)
    assert stream["behind_s"] is None and transform["stalled"]


def test_a_feed_whose_messages_have_just_come_is_not_stalled():
    now, earlier = look(at_s=10.0), look(at_s=0.0)
    idle = {"shadow": [position(0, 30, 30), position(1, 20, 20)]}
    (feed,) = told(now, earlier=replace(earlier, kafka=replace(earlier.kafka, positions=idle)))["feeds"]
    assert (feed["lag"], feed["per_second"], feed["stalled"]) == (20, 0.0, False)


def test_a_pace_is_not_known_before_there_were_a_few_seconds():
    (feed,) = told(look(at_s=10.0), earlier=look(at_s=8.0))["feeds"]
    assert (feed["per_second"], feed["behind_s"]) == (None, None)


def test_what_does_not_answer_is_unknown_and_not_nought():
    stream = told(Look(at_s=1.0))
    assert (stream["rows"], stream["lag"], stream["verdict"]) == (None, None, None)
    assert [topic["messages"] for topic in stream["topics"]] == [None, None]
    assert [dead["letters"] for dead in stream["dead"]] == [None, None]


def test_dead_letters_are_told_by_reason_the_most_first():
    stream = told(look(letters={"dominate.dead": {"not JSON": 2, "wrong type": 5}}))
    assert stream["dead"][0] == {
        "topic": "dominate",
        "dead_topic": "dominate.dead",
        "letters": 7,
        "counting": False,
        "reasons": [{"reason": "wrong type", "letters": 5}, {"reason": "not JSON", "letters": 2}],
    }


def test_letters_that_are_not_all_counted_yet_are_told_as_such_topic_by_topic():
    letters = {"dominate.dead": {"not JSON": 2}, "shadow.dead": {"not JSON": 1}}
    dead = told(look(letters=letters, counting=["shadow.dead"]))["dead"]
    assert [(each["dead_topic"], each["counting"]) for each in dead] == [
        ("dominate.dead", False),
        ("shadow.dead", True),
    ]


def test_a_parked_feed_says_why():
    (parked,) = told(look(parked="a flood"))["parked"]
    assert parked == {"by": "sink", "topic": "shadow", "where": "shadow/0", "reason": "a flood"}


def test_a_source_that_another_tool_has_set_is_parked():
    now = look()
    kafka = replace(now.kafka, transforms={"dominate": [source(100, read=5)]})
    (parked,) = told(replace(now, kafka=kafka))["parked"]
    (transform,) = RATINGS.transforms
    assert (parked["by"], parked["where"]) == (transform.name, "dominate/0")


def verdict(**fields):
    given = {"time": NOW - timedelta(seconds=7), "stream": "ratings", "stage": "sink", "topic": "shadow"}
    return VerdictRow(**(given | fields))


def test_a_verdict_is_the_sum_of_its_rows_with_its_age():
    verdicts = [
        verdict(dead=1),
        verdict(partition=1, dead=2),
        verdict(stream="visits", missing=9, sound=False),
    ]
    told_verdict = told(look(verdicts=verdicts))["verdict"]
    assert (told_verdict["age_s"], told_verdict["dead"], told_verdict["sound"]) == (7.0, 3, True)


def test_a_verdict_with_one_wrong_row_is_wrong_and_names_its_first_address():
    wrong = verdict(partition=1, missing=1, sound=False, first_wrong="missing: shadow-1 offset 4")
    told_verdict = told(look(verdicts=[verdict(), wrong]))["verdict"]
    assert (told_verdict["sound"], told_verdict["missing"]) == (False, 1)
    assert told_verdict["first"] == "missing: shadow-1 offset 4"


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_a_form_knows_the_path_parameters_and_chart_of_each_question(stream):
    for question in questions_as_json(stream):
        assert question["path"] == f"/streams/{stream.name}/{question['name']}"
        assert question["help"]
        if question["chart"]:
            assert {question["chart"]["x"], *question["chart"]["y"]} <= set(question["columns"])


def test_how_long_a_lag_takes_is_not_known_while_one_of_its_sinks_does_nothing():
    done, idle = ({"lag": lag, "behind_s": behind_s} for lag, behind_s in ((0, 0.0), (1_000_500, None)))
    assert _behind_s([done, idle]) is None
    assert _behind_s([done, {"lag": 9, "behind_s": 3.5}]) == 3.5
