import io
from contextlib import closing

import pytest
from rich.console import Console

from tests.chaos.check import Finding, Result
from tests.chaos.journal import Fault, Journal, Pause
from tests.chaos.report import Report, lines

SOUND = {"missing": 0, "repeated": 0}


@pytest.fixture
def journal(tmp_path):
    with closing(Journal(tmp_path / "events.jsonl", Console(file=io.StringIO()))) as journal:
        yield journal


def report(journal, findings=(), audit_exit_code=0, **fields):
    result = Result(messages=10, rows=1_000, findings=list(findings))
    figures = {"sinks_started": 3, "sinks_ended": 0, "partitions": 4, "replaced_clients": 0, "not_begun": 0}
    return Report(
        "make chaos SEED=7 MINUTES=5", 300.0, 20, journal, result, SOUND, audit_exit_code, **figures | fields
    )


def test_only_faults_that_hit_something_count(journal):
    journal.fault(Fault("sink-killed", 1.0, 1, "sink0 (pid 5)", 0.1))
    journal.fault(Fault("sink-killed", 2.0, 1, None, 0.1))
    told = report(journal)
    assert told.hits == 1
    line = next(line for line in told.lines if line.kind == "sink-killed")
    assert (line.hits, line.misses) == (1, 1)
    assert "1 faults over 1,000 rows" in told.verdict()
    assert "1 (0.2 a minute)" in told.markdown()


def test_every_kind_has_its_line_even_when_it_did_not_happen(journal):
    assert "| rebalance-storm | 0 | 0 | 0 |  |  |  |" in report(journal).markdown()


@pytest.mark.parametrize(("pause_s", "beyond"), [(5.0, []), (5.1, ["broker-killed"])])
def test_a_pause_beyond_its_bar_is_told(pause_s, beyond):
    found = lines([], [Pause("broker-killed", 1, pause_s, 1.0), Pause("broker-frozen", 2, 60.0, 1.0)])
    assert [line.kind for line in found if not line.is_within_bar] == beyond


def test_sound_is_what_both_judges_call_sound(journal):
    lost = Finding("missing", 0, 5, "0 rows are there")
    assert report(journal).is_sound
    assert not report(journal, findings=[lost]).is_sound
    assert not report(journal, audit_exit_code=1).is_sound


def test_a_sink_that_ended_by_itself_is_a_failure(journal):
    told = report(journal, sinks_ended=1)
    assert not told.is_sound
    assert "1 sinks ended by themselves" in told.verdict()


def test_the_report_names_the_command_that_replays_it(journal):
    assert "`make chaos SEED=7 MINUTES=5`" in report(journal).markdown()


def test_strangers_and_wrong_rows_count_as_repeated():
    found = [Finding(verdict, 0, 1, "") for verdict in ("missing", "repeated", "stranger", "wrong")]
    result = Result(findings=found)
    assert (result.missing, result.repeated) == (1, 3)
