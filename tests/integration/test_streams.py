"""The five streams end to end: what their generators send is in their tables, through their transforms."""

from __future__ import annotations

import collections
import json

import pytest

from infra.local.waiting import wait_until
from tests.support.stages import Stages, sources


@pytest.fixture
def stages(stack, request):
    with Stages(stack, request.node.name, request.param) as stages:
        yield stages


def of(name):
    return pytest.mark.parametrize("stages", [name], indirect=True)


def table(stages, name):
    return f"`{stages.prefix.replace('-', '_')}{name}`"


@of("ratings")
def test_ratings_are_classified_and_counted_by_type(stages):
    stages.start("transform")
    stages.start("sink")
    sent = [json.loads(value) for value in stages.generate(2_000)["dominate"]]
    stages.await_done("dominate")
    times = {record.timestamp for record in stages.read("dominate")}
    count = f"SELECT count(), uniqExact(unique_id) FROM {table(stages, 'shadow')}"
    assert wait_until(lambda: stages.clickhouse.execute(count) == [(2_000, 2_000)], 30), stages.logs()
    wanted = collections.Counter(
        "ShaDow" if n % 15 == 0 else "Sha" if n % 3 == 0 else "Dow" if n % 5 == 0 else "Incompatible"
        for n in (event["rating"] for event in sent)
    )
    assert dict(stages.ask("count_by_type")) == wanted
    code, audited, said = stages.audit()
    assert code == 0, said
    assert counts_of(audited["dominate ratings.classify"]) == (2_000, 2_000, 0, 0, 0, 0, 0)
    assert counts_of(audited["shadow sink"]) == (2_000, 2_000, 0, 0, 0, 0, 0)
    stored = stages.clickhouse.execute(
        f"SELECT DISTINCT toUnixTimestamp(emit_timestamp) FROM {table(stages, 'shadow')}"
    )
    assert {second for (second,) in stored} == {time // 1000 for time in times}


@of("sensors")
def test_the_bins_of_all_partitions_add_up_to_what_was_acknowledged(stages):
    workers = [stages.start("transform"), stages.start("transform")]
    stages.start("sink")
    sent = stages.generate(3_000)
    workers[0].kill()
    for topic, values in stages.generate(3_000, seed=2).items():
        sent[topic] += values
    stages.start("transform")
    for topic, values in sent.items():
        stages.await_done(topic)
        counted = sum(sum(bins["counts"]) for bins in newest_bins(stages, topic).values())
        assert wait_until(lambda topic=topic, values=values: total(stages, topic) == len(values), 20), counted
    everything = sum(map(len, sent.values()))
    rows = f"SELECT count() FROM {table(stages, 'measurements')}"
    assert wait_until(lambda: stages.clickhouse.execute(rows) == [(everything,)], 30), stages.logs()
    code, audited, said = stages.audit()
    assert code == 0, said
    for topic, values in sent.items():
        assert counts_of(audited[f"{topic} sensors.histogram-{topic}"]) == (
            len(values),
            len(values),
            0,
            0,
            0,
            0,
            0,
        )
    bins = lambda: [number for _, _, number in stages.ask("histogram", kind="humidity")]  # noqa: E731
    assert wait_until(lambda: sum(bins()) == len(sent["humidity"]), 20), bins()
    assert len(bins()) == 40


@of("sensors")
def test_a_measurement_that_only_the_sink_refuses_is_counted_and_dead_and_the_audit_tells_both(stages):
    stages.start("transform")
    stages.start("sink")
    time = "2026-11-01T12:00:00Z"
    values = [
        b'{"measurement": 50, "measurement_time": "%s"}' % each.encode() for each in (time, "yesterday")
    ]
    stages.send("humidity", [*values, b"{"])
    stages.await_done("humidity")
    assert wait_until(lambda: total(stages, "humidity") == 2, 20), stages.logs()
    code, audited, said = stages.audit()
    assert code == 0, said
    assert counts_of(audited["humidity sensors.histogram-humidity"]) == (3, 2, 1, 0, 0, 0, 0)
    assert counts_of(audited["humidity sink"]) == (3, 1, 2, 0, 0, 0, 0)


def newest_bins(stages, topic):
    """Partition → its newest histogram."""
    found = {}
    for record in stages.read(f"hist_{topic}"):
        bins = json.loads(record.value)
        if bins["until"] >= found.get(bins["partition"], {"until": -1})["until"]:
            found[bins["partition"]] = bins
    return found


def total(stages, topic):
    return sum(sum(bins["counts"]) for bins in newest_bins(stages, topic).values())


@of("quotes")
def test_reports_have_a_column_for_each_level(stages):
    stages.start("sink")
    sent = [json.loads(value) for value in stages.generate(300)["metrics_raw"]]
    rows = f"SELECT count() FROM {table(stages, 'metrics')}"
    assert wait_until(lambda: stages.clickhouse.execute(rows) == [(300,)], 30), stages.logs()
    found = stages.clickhouse.execute(
        f"SELECT round((ask_01 + bid_01) / 2, 6), bid_50, ask_mean FROM {table(stages, 'metrics')} ORDER BY time"
    )
    assert found == [(round((e["ask_01"] + e["bid_01"]) / 2, 6), e["bid_50"], e["ask_mean"]) for e in sent]


@of("visits")
def test_visits_are_counted_once_in_each_window_whatever_dies(stages):
    stages.environment |= {"VISITS_WINDOW_S": "10", "VISITS_GRACE_S": "2"}
    workers = [stages.start("transform"), stages.start("transform")]
    stages.start("sink")
    start_ms = 1_795_000_000_000
    visits = [
        {
            "visit_id": f"v{number if number % 50 else number // 2}",
            "account_id": str(number % 2),
            "store_id": "us",
            "time": start_ms + number * 20 - (number % 7) * 100,
        }
        for number in range(6_000)
    ]
    for first in range(0, len(visits), 1_000):
        for visit in visits[first : first + 1_000]:
            stages.producer.send(
                f"{stages.prefix}visits", json.dumps(visit).encode(), timestamp_ms=visit["time"]
            )
        stages.producer.flush(30)
        if first == 2_000:
            workers[0].kill()
            stages.start("transform", wait=False)
    stages.await_done("visits")
    stages.await_done("visits-by-store")
    distinct = collections.defaultdict(set)
    for visit in visits:
        distinct[visit["account_id"], visit["time"] // 10_000 * 10_000].add(visit["visit_id"])
    counts = [json.loads(record.value) for record in stages.read("active-visitors")]
    finals = [each for each in counts if each["state"] in ("final", "silence")]
    late = collections.Counter()
    for each in counts:
        late[each["account_id"], each["start"]] += each["late"]
    final = {(each["account_id"], each["start"]): each["visits"] for each in finals}
    assert len(final) == len(finals), "a window was closed twice"
    assert len(final) >= 20
    for at, visits_of in final.items():
        assert visits_of <= len(distinct[at]) <= visits_of + late[at]
    outputs = stages.read("active-visitors")
    assert len(set(sources(outputs))) == len(outputs)
    code, audited, said = stages.audit()
    assert code == 0, said
    assert counts_of(audited["visits visits.regroup"]) == (6_000, 6_000, 0, 0, 0, 0, 0)
    stage = audited["visits-by-store visits.count"]
    assert stage["entered"] == 6_000 == stage["left"] + stage["dead"] + stage["late"] + stage["pending"]
    assert stage["late"] == sum(late.values())


def counts_of(stage):
    return tuple(
        stage[name] for name in ("entered", "left", "dead", "late", "pending", "missing", "repeated")
    )
