"""What `audit` says of what it found: the sums, the addresses, and what to do about it."""

import io

from common.model.record import Partition
from common.streams.ratings import STREAM as RATINGS
from common.streams.visits import STREAM as VISITS
from consumer.audit.judge import FINDINGS_KEPT, Finding, Verdict
from consumer.audit.stage import StageVerdict
from consumer.commands.audit_report import (
    MEND_MISSING,
    MEND_REPEATED,
    as_json,
    explain,
    explain_stages,
    show_counts,
    show_stages,
    unjudged,
)

FEED = VISITS.feeds[0]
TOPIC = FEED.topic
TABLE = FEED.tables[0].name


def verdict(partition=0, **told):
    one = Verdict(Partition(TOPIC, partition), 7, 0, 40, messages=30, events=33, rows=60, dead=2, lag=3)
    for name, value in told.items():
        setattr(one, name, value)
    return one


def wrong(kind, *offsets, more=0):
    """A verdict with findings of a kind, and `more` that were counted and not kept."""
    findings = {"missing": [], "repeated": []} | {kind: [Finding(at, "no rows") for at in offsets]}
    return verdict(findings=findings, **{kind: len(offsets) + more})


def stage(**told):
    counts = {"entered": 10, "left": 6, "dead": 1, "late": 2, "pending": 1} | told
    return StageVerdict("visits.per_window", "in", "out", **counts)


def nothing_of(stream, **verdicts):
    """A sound, empty verdict for each feed of a stream, but for these topics."""
    return {feed.topic: [Verdict(Partition(feed.topic, 0), 7, 0, 0)] for feed in stream.feeds} | verdicts


def said(write, *arguments):
    out = io.StringIO()
    write(*arguments, out)
    return out.getvalue().splitlines()


def test_a_topic_is_unjudged_when_nothing_is_committed_of_what_it_holds():
    idle = verdict(judged=False, lag=0, rows=0)
    assert unjudged({"sound": [verdict(), idle]}) == []
    assert unjudged({"gone": []}) == ["gone"]
    assert unjudged({"never": [idle, idle]}) == ["never"]
    assert unjudged({"waits": [verdict(), verdict(judged=False, lag=3, rows=0)]}) == ["waits"]
    assert unjudged({"holds": [verdict(), verdict(judged=False, lag=0, rows=3)]}) == ["holds"]


def test_json_sums_partitions_streams_and_stages():
    verdicts = nothing_of(VISITS, **{TOPIC: [wrong("missing", 3, 9), wrong("repeated", 5)]})
    report = as_json([VISITS], verdicts, {"visits": [stage(missing=1, repeated=4)]})
    assert (report["missing"], report["repeated"], report["unjudged"]) == (2 + 1, 1 + 4, [])
    sums = report["streams"]["visits"]
    assert (sums["messages"], sums["rows"], sums["dead"], sums["lag"]) == (60, 120, 4, 6)


def test_json_has_a_stage_for_each_transform_and_each_feed():
    report = as_json([VISITS], nothing_of(VISITS, **{TOPIC: [verdict(missing=1)]}), {"visits": [stage()]})
    first, *sinks = report["streams"]["visits"]["stages"]
    assert (first["stage"], first["from"], first["to"], first["entered"]) == (
        "visits.per_window",
        "in",
        "out",
        10,
    )
    assert [(one["stage"], one["from"]) for one in sinks] == [("sink", feed.topic) for feed in VISITS.feeds]
    ours = sinks[0]
    assert (ours["left"], ours["dead"], ours["pending"], ours["missing"]) == (30, 2, 3, 1)
    assert ours["entered"] == 30 + 2 + 3 + 1
    assert ours["to"].split(", ")[0] == TABLE


def test_json_names_transforms_that_could_not_be_judged():
    report = as_json([VISITS], nothing_of(VISITS, **{TOPIC: []}), {"visits": [stage(is_judged=False)]})
    assert report["unjudged"] == [TOPIC, "in"]


def test_the_table_has_a_line_for_each_partition_and_one_for_all():
    lines = said(show_counts, [VISITS], nothing_of(VISITS, **{TOPIC: [verdict(0), verdict(1)]}))
    (everything,) = [line.split() for line in lines if " all " in line]
    assert everything == ["visits", "all", "60", "66", "120", "4", "0", "0", "6"]
    assert [line.split()[1] for line in lines if f" {TOPIC}/" in line] == [f"{TOPIC}/0", f"{TOPIC}/1"]


def test_a_stream_with_one_partition_needs_no_sum():
    (feed,) = RATINGS.feeds
    lines = said(show_counts, [RATINGS], {feed.topic: [Verdict(Partition(feed.topic, 0), 7, 0, 40)]})
    assert [line for line in lines if " all " in line] == []


def test_transforms_have_a_table_of_their_own_if_there_are_any():
    assert said(show_stages, {"visits": []}) == []
    line = said(show_stages, {"visits": [stage()]})[-1].split()
    assert line == ["visits.per_window", "in", "→", "out", "10", "6", "1", "2", "1", "0", "0"]


def test_a_sound_transform_says_its_remarks_alone():
    assert said(explain_stages, {"visits": [stage(notes=["a window is open"])]}) == [
        "visits.per_window: a window is open"
    ]


def test_a_transform_says_how_many_of_its_events_are_wrong():
    assert said(explain_stages, {"visits": [stage(missing=1200, repeated=3)]}) == [
        "visits.per_window: 1,200 events of in are nowhere, 3 are in out twice"
    ]


def test_nothing_wrong_is_one_line():
    lines = said(explain, [FEED], {TOPIC: [verdict()]})
    assert lines == ["0 messages are missing, 0 are repeated."]


def test_what_is_missing_is_told_with_its_address_its_statement_and_the_remedy():
    lines = said(explain, [FEED], {TOPIC: [wrong("missing", 17)]})
    where = f"SELECT * FROM `{TABLE}` WHERE _tp = 7 AND _off = 17"
    assert lines[0].startswith(f"missing: {TOPIC}/0 offset 17: no rows ({where}")
    assert lines[-2:] == ["1 messages are missing, 0 are repeated.", MEND_MISSING]


def test_what_is_repeated_has_a_remedy_of_its_own():
    lines = said(explain, [FEED], {TOPIC: [wrong("repeated", 17)]})
    assert lines[-2:] == ["0 messages are missing, 1 are repeated.", MEND_REPEATED]


def test_findings_that_were_not_kept_are_counted():
    lines = said(explain, [FEED], {TOPIC: [wrong("missing", *range(FINDINGS_KEPT), more=1990)]})
    assert f"missing: {TOPIC}/0: 1,990 more" in lines
    assert sum(line.startswith("missing: ") for line in lines) == FINDINGS_KEPT + 1


def test_a_remark_of_many_partitions_is_told_once():
    lines = said(explain, [FEED], {TOPIC: [verdict(0, notes=["is parked"]), verdict(1, notes=["is parked"])]})
    assert sum("is parked" in line for line in lines) == 1


def test_what_was_not_judged_says_why():
    none = verdict(judged=False, lag=0, rows=0)
    assert "There is no such topic: is it the right cluster" in said(explain, [FEED], {TOPIC: []})[-1]
    assert "has a sink ever run, under this KAFKA_GROUP_ID?" in said(explain, [FEED], {TOPIC: [none]})[-1]
    some = [verdict(0), verdict(1, judged=False)]
    assert said(explain, [FEED], {TOPIC: some})[-1].endswith(f"nothing of {TOPIC}/1: is a sink running?")
