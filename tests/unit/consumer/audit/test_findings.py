"""The rows of a round, and that what is wrong counts when it is found for the second time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from common.model.record import Partition
from common.model.verdicts import SINK, WHOLE_STAGE
from consumer.audit.findings import Confirmation, Found, of_sink, of_stage, of_unjudged
from consumer.audit.judge import Finding, Verdict
from consumer.audit.stage import StageVerdict
from tests.unit.consumer.transform.group import COPY

TIME = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
HERE = Partition("visits", 2)


def sink(missing=(), repeated=(), **told) -> Found:
    """What a round found of one partition, with these offsets missing and repeated."""
    verdict = Verdict(HERE, 7, 5, 40, messages=30, dead=2, rows=60, lag=3)
    verdict.missing, verdict.repeated = len(missing), len(repeated)
    verdict.findings["missing"] = [Finding(offset, "no rows in visits") for offset in missing]
    verdict.findings["repeated"] = [Finding(offset, "rows that are there twice") for offset in repeated]
    for name, value in told.items():
        setattr(verdict, name, value)
    (found,) = of_sink("visits", "visits", [verdict], TIME, 12)
    return found


def stage(**told) -> Found:
    verdict = StageVerdict(
        "visits.copy", COPY.source, COPY.target, entered=10, left=6, dead=1, late=2, pending=1
    )
    for name, value in told.items():
        setattr(verdict, name, value)
    return of_stage("visits", COPY, verdict, TIME, 12)


def test_a_partition_is_a_row_in_messages():
    row = sink(notes=["parked: a reason"]).row
    assert (row.time, row.about) == (TIME, ("visits", SINK, "visits", 2))
    assert (row.judged_from, row.judged_until, row.took_ms) == (5, 40, 12)
    assert (row.messages, row.dead, row.late, row.pending, row.missing, row.repeated) == (30, 2, 0, 3, 0, 0)
    assert (row.sound, row.judged, row.first_wrong, row.notes) == (True, True, "", ("parked: a reason",))


def test_a_row_tells_how_the_last_batch_was_cut_and_why_nobody_goes_on():
    row = sink(cut_by="rows", parked="a flood").row
    assert (row.cut_by, row.parked) == ("rows", "a flood")
    row = of_stage("visits", COPY, StageVerdict("visits.copy", COPY.source, COPY.target), TIME, 12, "why").row
    assert (row.cut_by, row.parked, stage().row.parked) == ("", "why", "")


def test_a_transform_is_a_row_in_events():
    row = stage().row
    assert row.about == ("visits", COPY.name, COPY.source, WHOLE_STAGE)
    assert (row.messages, row.dead, row.late, row.pending) == (6, 1, 2, 1)
    assert (row.sound, row.judged, row.first_wrong) == (True, True, "")


def test_the_first_address_of_what_is_wrong_is_told():
    assert sink(missing=[17, 20]).row.first_wrong == "missing: visits/2 offset 17: no rows in visits"
    assert sink(repeated=[9]).row.first_wrong == "repeated: visits/2 offset 9: rows that are there twice"
    found = stage(missing=1, lowest={"missing": ["visits/0 offset 3"], "repeated": []})
    assert (
        found.row.first_wrong == f"missing: visits/0 offset 3: nowhere in {COPY.target}, nor in dead letters"
    )
    found = sink(out_of_range=True)
    assert not found.row.sound
    assert found.row.first_wrong.startswith("expired: visits/2: the log does not hold")


@pytest.mark.parametrize(
    ("told", "is_judged"),
    [
        ({"judged": False, "lag": 3, "rows": 0}, False),
        ({"judged": False, "lag": 0, "rows": 9}, False),
        ({"judged": False, "lag": 0, "rows": 0}, True),
    ],
    ids=["messages without a commit", "rows without a commit", "an empty partition"],
)
def test_a_partition_without_a_commit_is_judged_only_if_it_is_empty(told, is_judged):
    assert sink(**told).row.judged is is_judged


def test_a_topic_that_does_not_exist_is_one_row_that_is_not_judged():
    (found,) = of_sink("visits", "visits", [], TIME, 1)
    assert (found.row.partition, found.row.judged, found.row.notes) == (
        WHOLE_STAGE,
        False,
        ("there is no such topic",),
    )
    assert found.row.sound


def test_what_is_found_once_is_not_counted_but_said():
    (row,) = Confirmation().confirm([sink(missing=[17])])
    assert (row.missing, row.sound, row.judged, row.first_wrong) == (0, True, False, "")
    assert row.notes == ("seen once, the next round tells: missing: visits/2 offset 17: no rows in visits",)


def test_what_is_found_twice_is_wrong():
    confirmation = Confirmation()
    confirmation.confirm([sink(missing=[17], repeated=[3])])
    (row,) = confirmation.confirm([sink(missing=[16, 17])])
    assert (row.missing, row.sound, row.judged) == (2, False, True)
    assert row.first_wrong == "missing: visits/2 offset 17: no rows in visits"
    (row,) = confirmation.confirm([sink()])
    assert (row.sound, row.judged, row.first_wrong, row.notes) == (True, True, "", ())
    (row,) = confirmation.confirm([sink(missing=[17])])
    assert row.sound, "it was restored in between: this is the first time again"


@pytest.mark.parametrize(
    "second",
    [sink(missing=[18]), sink(repeated=[17]), stage(missing=1, lowest={"missing": ["visits/2 offset 17"]})],
    ids=["another offset", "another kind", "another stage"],
)
def test_another_address_is_found_for_the_first_time(second):
    confirmation = Confirmation()
    confirmation.confirm([sink(missing=[17])])
    (row,) = confirmation.confirm([second])
    assert (row.sound, row.judged, row.missing, row.repeated) == (True, False, 0, 0)


def test_a_look_that_was_refused_is_no_look():
    confirmation = Confirmation()
    confirmation.confirm([sink(missing=[17])])
    (row,) = confirmation.confirm([of_unjudged("visits", SINK, "visits", "table visits is missing", TIME, 1)])
    assert (row.judged, row.sound, row.notes) == (False, True, ("table visits is missing",))
    (row,) = confirmation.confirm([sink(missing=[17])])
    assert not row.sound


def test_of_two_kinds_the_one_that_is_new_is_not_counted():
    confirmation = Confirmation()
    confirmation.confirm([sink(repeated=[7])])
    (row,) = confirmation.confirm([sink(repeated=[7], missing=[40, 41])])
    assert (row.repeated, row.missing, row.sound, row.judged) == (1, 0, False, False)
    assert row.first_wrong.startswith("repeated: visits/2 offset 7")
    assert row.notes[-1].startswith("seen once, the next round tells: missing: visits/2 offset 40")


def test_a_loss_whose_addresses_retention_deletes_is_confirmed_all_the_same():
    confirmation = Confirmation()
    confirmation.confirm([sink(missing=[17, 18])])
    (row,) = confirmation.confirm([sink(missing=[30, 31], first=25)])
    assert (row.missing, row.sound) == (2, False)


def test_a_stage_that_could_not_be_asked_keeps_what_was_found():
    confirmation = Confirmation()
    lost = {"missing": 1, "lowest": {"missing": ["visits/2 offset 17"]}}
    confirmation.confirm([stage(**lost)])
    away = of_unjudged("visits", stage().row.stage, stage().row.topic, "no answer", TIME, 1)
    confirmation.confirm([away])
    (row,) = confirmation.confirm([stage(**lost)])
    assert (row.missing, row.sound) == (1, False)
