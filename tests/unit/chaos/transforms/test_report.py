import io
from contextlib import closing

import pytest
from rich.console import Console

from tests.chaos.journal import Fault, Journal
from tests.chaos.transforms.check import Result, judge_audit
from tests.chaos.transforms.report import Report


@pytest.fixture
def journal(tmp_path):
    with closing(Journal(tmp_path / "events.jsonl", Console(file=io.StringIO()))) as journal:
        yield journal


def report(journal, findings=(), audited=(), ended=0):
    result = Result(messages=1_000, outputs=900, findings=list(findings))
    return Report("make chaos SEED=7", 120.0, 2, journal, result, list(audited), 0, 3, 2, ended, 1)


def test_faults_in_open_transactions_are_told_apart(journal):
    journal.fault(Fault("EndTxn-held", 1.0, 1, "one", 0.1, in_transaction=True))
    journal.fault(Fault("EndTxn-held", 2.0, 1, "another", 0.1, in_transaction=False))
    journal.fault(Fault("EndTxn-held", 3.0, 1, None, 0.1))
    told = report(journal)
    assert "| EndTxn-held | 2 | 1 | 1 |" in told.markdown()
    assert "1 faults in open transactions over 1,000 messages" in told.verdict()


def test_sound_is_what_both_judges_call_sound_and_what_nobody_left(journal):
    assert report(journal).is_sound
    assert not report(journal, findings=["lost"]).is_sound
    assert not report(journal, audited=["audit: exit code 1"]).is_sound
    assert not report(journal, ended=1).is_sound


def test_findings_are_in_the_report(journal):
    assert "- shadow: lost" in report(journal, findings=["shadow: lost"]).markdown()


def stage(**changes):
    counts = {"entered": 10, "left": 7, "dead": 1, "late": 1, "pending": 1, "missing": 0, "repeated": 0}
    return {"stage": "ratings.classify", "from": "dominate", "to": "shadow"} | counts | changes


def audited(exit_code=0, entered=10, **changes):
    stages = {"streams": {"ratings": {"stages": [stage(**changes)]}}}
    return judge_audit(exit_code, stages, {"dominate": entered})


def test_an_audit_in_which_every_event_is_somewhere_is_right():
    assert audited() == []


@pytest.mark.parametrize(
    "wrong", [{"exit_code": 1}, {"entered": 11}, {"left": 6}, {"missing": 1}, {"repeated": 1}]
)
def test_an_audit_that_says_otherwise_is_not(wrong):
    assert len(audited(**wrong)) == 1
