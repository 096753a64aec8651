"""Topics of other people, as stream files with derived tables: what they send is stored value for value, or dead.

Five codecs, keys and headers of any kind, old times, aborted transactions, arrays, bad messages, and a SIGKILL.
"""

from __future__ import annotations

from collections import Counter

import pytest

from infra.local.waiting import wait_until
from tests.support.foreign.pipeline import ForeignPipeline
from tests.support.foreign.producers import Producers
from tests.support.foreign.traffic import BAD, COLUMNS, happening, order, reading
from tests.support.proxy import Proxy

pytestmark = pytest.mark.timeout(180)

MESSAGES = 30_000
BEFORE_THE_KILL = 10_000
MAKERS = {"readings": reading, "orders": order, "events": happening}


@pytest.fixture
def proxy(stack):
    with Proxy(stack.clickhouse_port) as proxy:
        yield proxy


@pytest.fixture
def pipeline(stack):
    with ForeignPipeline(stack) as pipeline:
        pipeline.create_topics(partitions=3)
        pipeline.migrate()
        yield pipeline
        for sink in pipeline.sinks:
            sink.kill()
        pipeline.drop_tables()


@pytest.fixture
def producers(pipeline):
    made = {
        name: Producers(pipeline.stack.bootstrap_servers, feed, MAKERS[name], BAD[name])
        for name, feed in pipeline.feeds.items()
    }
    yield made
    for each in made.values():
        each.close()


def test_what_foreign_producers_send_is_stored_value_for_value_or_dead_though_a_sink_is_killed(
    pipeline, producers, proxy
):
    for each in producers.values():
        each.send(BEFORE_THE_KILL)
    through = {"CLICKHOUSE_PORT": str(proxy.port), "BATCH_ROWS": "1500"}
    first = pipeline.sink(**through)
    kill_in_mid_flow(pipeline, producers, proxy, first)
    pipeline.sink(**through)
    pipeline.await_all_consumed(90)
    for name, each in producers.items():
        for table, wanted in zip(each.feed.tables, each.wanted, strict=True):
            found = pipeline.clickhouse.execute(f"SELECT {COLUMNS[table.name]} FROM `{table.name}`")
            assert len(wanted) >= MESSAGES
            assert Counter(map(repr, found)) == Counter(map(repr, wanted)), table.name
        check_letters(pipeline, each, name)
    audit = pipeline.run("audit", "--wait", "30")
    assert audit.returncode == 0, audit.stdout


def kill_in_mid_flow(pipeline, producers, proxy, sink):
    """SIGKILL while some rows of each table are stored, INSERTs are on their way and most messages are not read."""
    tables = {
        table.name: wanted
        for each in producers.values()
        for table, wanted in zip(each.feed.tables, each.wanted, strict=True)
    }
    assert wait_until(lambda: all(map(pipeline.stored, tables)), 30), sink.log_text()
    proxy.hold_inserts()
    before = proxy.counters.inserts
    for each in producers.values():
        each.send_in_transactions()
        each.send(MESSAGES - BEFORE_THE_KILL)
    assert wait_until(lambda: proxy.counters.inserts > before, 30), sink.log_text()
    sink.kill()
    assert all(0 < pipeline.stored(table) < len(wanted) for table, wanted in tables.items())
    proxy.pass_on()


def check_letters(pipeline, producers, name):
    """Each bad message is dead with its bytes, its key, its headers and its reason, and no other is."""
    left = [(message.value, message.key, message.headers, says) for message, says in producers.bad]
    for letter in pipeline.letters(producers.feed).values():
        reason = dict(letter.headers)["penstock-reason"].decode()
        headers = tuple(
            (name.encode(), value) for name, value in letter.headers if not name.startswith("penstock-")
        )
        told = [
            each for each in left if each[:3] == (letter.value, letter.key, headers) and each[3] in reason
        ]
        assert told, (name, letter.value, letter.key, headers, reason)
        left.remove(told[0])
    assert left == []
