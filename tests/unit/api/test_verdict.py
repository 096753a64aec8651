from datetime import UTC, datetime, timedelta

from api.look import Look
from api.verdict import Rounds, verdict_as_json
from common.model.verdicts import VerdictRow

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def look(*rows, **more):
    return Look(at_s=1.0, verdicts=rows, unix_s=NOW.timestamp(), **more)


def row(ago_s=0, stream="ratings", stage="sink", **more):
    time = NOW - timedelta(seconds=ago_s)
    return VerdictRow(time=time, stream=stream, stage=stage, topic="shadow", **more)


def test_audits_are_as_far_apart_as_the_newest_two_that_were_seen():
    rounds = Rounds()
    assert rounds.see(look(row(60), row(55, stream="visits"))) == {}
    assert rounds.see(look(row(60), row(25, stream="visits"))) == {"visits": 30.0}
    assert rounds.see(look(row(50), row(25, stream="visits"))) == {"ratings": 10.0, "visits": 30.0}


def test_messages_are_those_that_the_tables_were_found_to_hold():
    verdict = verdict_as_json("ratings", look(row(messages=3), row(stage="classify", messages=500)))
    assert (verdict["messages"], verdict["interval_s"]) == (3, None)


def test_a_verdict_knows_how_often_audits_come():
    assert verdict_as_json("ratings", look(row(), audits_apart_s={"ratings": 10.0}))["interval_s"] == 10.0
