"""What counts as reached, and what BENCHMARKS.md says of it."""

import pytest

from tests.bench import growth, report
from tests.bench.targets import judged
from tests.bench.walks import Block

FRESH = {"rate": 1000, "sent": 9, "measured": 9, "p50_ms": 600.0, "max_ms": 1200.0, "look_ms": 12.0}
CLASSIFIED = {
    "name": "ratings, classify",
    "is_decode": False,
    "runs": [{"rows": 9, "wall_s": 1.0, "cpu_s": 1.0, "transactions": 3.0, "transaction_s": 0.3}],
}
DECODED = CLASSIFIED | {"is_decode": True}
LATENCY = {"name": "latency", "is_decode": False, "runs": [], "p50_ms": 1.0, "p99_ms": 2.0}
RESTARTED = {"read_again": 690_000, "taken_s": 10.5, "count_s": 12.0}
MEMORY = {"minutes": 10, "rate": 1, "max_mib": 250.0, "early_mib": 100.0, "late_mib": 101.0, "growth": 0.01}


def main(mode, rows_per_s, payload="small"):
    run = {"rows": rows_per_s, "wall_s": 1.0, "cpu_s": 1.0, "clickhouse_cpu_s": 1.0, "rss_mib": 1.0}
    return {"mode": mode, "payload": payload, "partitions": 1, "runs": [run], "why_not": None}


def met(results, words):
    """What was judged of the only target with these words."""
    (found,) = [target for target in judged(results) if words in target.what]
    return found.met


def test_nothing_measured_leaves_everything_open():
    assert {target.met for target in judged({})} == {None}


@pytest.mark.parametrize(("sink", "is_met"), [(1_000_000, True), (999_999, False)])
def test_the_sink_is_to_be_ten_times_the_hand_written_loop(sink, is_met):
    assert met({"main": [main("sink", sink), main("by hand", 100_000)]}, "10 ×") is is_met


def test_what_has_no_peer_to_be_compared_with_is_open():
    assert met({"main": [main("sink", 5)]}, "10 ×") is None


@pytest.mark.parametrize(("payload", "compared"), [("small", 1), ("wide", 0), ("collatz", 0)])
def test_peers_are_the_measure_for_small_messages(payload, compared):
    found = judged({"main": [main("sink", 5, payload), main("by hand", 1, payload)]})
    assert sum("hand-written" in target.what for target in found) == compared


@pytest.mark.parametrize(("p99_ms", "is_met"), [(1100.0, True), (1100.1, False)])
def test_freshness_is_batch_age_and_100_ms(p99_ms, is_met):
    assert met({"freshness": [FRESH | {"p99_ms": p99_ms}]}, "freshness") is is_met


@pytest.mark.parametrize(("max_mib", "is_met"), [(300.0, True), (300.1, False)])
def test_memory_is_at_most_300_mib(max_mib, is_met):
    assert met({"memory": [MEMORY | {"max_mib": max_mib}]}, "RSS ≤") is is_met


ASKED = {
    "asked": "/longest_step_chain",
    "rows": 10**7,
    "per_s": 9.0,
    "p50_ms": 1.0,
    "p99_ms": 2.0,
    "full_p50_ms": 1.5,
    "full_p99_ms": 3.0,
    "max_ms": 3.0,
}
LISTENED = {
    "asked": "websockets",
    "clients": 500,
    "messages_a_client_s": 1.0,
    "cpu_share": 0.1,
    "rss_mib": 90.0,
}


@pytest.mark.parametrize(
    ("question", "p99_ms", "is_met"),
    [
        ("part/1024", 100.0, True),
        ("part/1024", 101.0, False),
        ("highest_value", 51.0, False),
        ("counting", 50.0, True),
        ("opening", 50.1, False),
    ],
)
def test_questions_have_bars_of_their_own(question, p99_ms, is_met):
    asked = {"question": question, "rows": 10**8, "p50_ms": 1.0, "p99_ms": p99_ms, "max_ms": p99_ms}
    assert met({"questions": [asked]}, question) is is_met


@pytest.mark.parametrize(("p99_ms", "is_met"), [(50.0, True), (50.1, False)])
def test_the_api_is_to_answer_within_50_ms(p99_ms, is_met):
    asked = [ASKED, ASKED | {"asked": "/part/x", "p99_ms": p99_ms}, LISTENED]
    assert met({"api": asked}, "the api's") is is_met


@pytest.mark.parametrize(("rows", "is_met"), [(50_000, True), (49_999, False)])
def test_ratings_are_to_be_classified_at_50_000_a_second(rows, is_met):
    run = CLASSIFIED["runs"][0] | {"rows": rows}
    assert met({"transforms": [DECODED, CLASSIFIED | {"runs": [run]}]}, "≥ 50,000 messages/s") is is_met


@pytest.mark.parametrize(("count_s", "is_met"), [(15.0, True), (15.1, False)])
def test_visits_are_to_go_on_when_the_session_is_over_and_the_windows_are_read(count_s, is_met):
    assert met({"restart": [RESTARTED, RESTARTED | {"count_s": count_s}]}, "visits go on") is is_met


def test_the_document_says_what_is_met_and_what_was_run():
    part = {
        "made": "2026-01-01",
        "command": "python -m tests.bench memory",
        "machine": "2 cores",
        "results": [MEMORY],
    }
    text = report.markdown({"memory": part})
    assert "| RSS ≤ 300 MiB | 250.0 MiB | met |" in text
    assert "`python -m tests.bench memory`, 2026-01-01, 2 cores." in text
    assert "| not measured | open |" in text
    assert "Kafka Connect sink v1.5.0" in text


def test_every_section_has_as_many_headings_as_cells():
    results = {
        "main": [main("sink", 5)],
        "costs": [main("sink", 5)],
        "freshness": [FRESH | {"p99_ms": 1.0}],
        "memory": [MEMORY],
        "growth": growth.stretches([Block(10**6, 10**6, 1.0)], [1.0], [10**6]),
        "questions": [{"question": "part", "rows": 1, "p50_ms": 1.0, "p99_ms": 1.0, "max_ms": 1.0}],
        "api": [ASKED, LISTENED],
        "transforms": [DECODED, CLASSIFIED, LATENCY],
        "restart": [RESTARTED],
    }
    assert set(results) == set(report.SECTIONS)
    for section, found in results.items():
        module = report.SECTIONS[section]
        for _, rows in module.lines(found):
            assert {len(row) for row in rows} == {len(module.HEADINGS)}, section
