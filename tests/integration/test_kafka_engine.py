"""infra/clickhouse/kafka_engine.sql as shipped, on real brokers: what it stores, what it skips, and what it repeats.

docs/kafka-engine.md says the same in words. The tests run in order: each goes on where the one before ended.
"""

import pytest

from common.model.ddl import stated_columns
from common.streams import STREAMS
from infra.local.waiting import wait_until
from tests.support.kafka_engine import FILE, Engine
from tests.support.kafka_frames import Api
from tests.support.kafka_proxy import KafkaProxy

RATINGS, QUOTES = 500, 50
GOOD = b'{"type": "Sha", "unique_id": "good", "emit_timestamp": "2026-11-01 12:34:56"}'
NO_JSON = b'{"type": "Sha", "unique_id": "no json", "emit_'
WRONG_TIME = b'{"type": "Sha", "unique_id": "wrong time", "emit_timestamp": "yesterday"}'
UNKNOWN_TYPE = b'{"type": "Doom", "unique_id": "unknown type", "emit_timestamp": "2026-11-01 12:34:56"}'
NO_TYPE = b'{"unique_id": "no type"}'

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def engine(tmp_path_factory, kafka_cache):
    with Engine(tmp_path_factory.mktemp("kafka-engine"), kafka_cache) as engine:
        engine.run("common.topics", "ratings", "quotes")
        engine.start("consumer", "transform", "ratings")
        engine.run("producer", "ratings", "--events", str(RATINGS))
        engine.run("producer", "quotes", "--events", str(QUOTES))
        engine.create()
        yield engine


@pytest.mark.parametrize(("stream", "table"), [("ratings", "shadow"), ("quotes", "metrics")])
def test_its_tables_have_the_columns_of_the_streams(engine, stream, table):
    (feed,) = STREAMS[stream].feeds
    (stated,) = feed.tables
    found = engine.ask(
        f"SELECT name, type FROM system.columns WHERE database = 'kafka_engine' AND table = '{table}'"
    )
    columns = dict(line.split("\t") for line in found.replace("\\'", "'").splitlines())
    assert columns == {
        name: kind for name, kind in stated_columns(stated).items() if not name.startswith("_")
    }


def test_it_reads_the_topics_of_the_streams():
    text = FILE.read_text()
    for stream in ("ratings", "quotes"):
        assert f"kafka_topic_list = '{STREAMS[stream].feeds[0].topic}'" in text


def test_ratings_and_quotes_arrive(engine):
    engine.await_rows("shadow", RATINGS)
    engine.await_rows("metrics", QUOTES)
    assert (engine.rows("shadow"), engine.rows("metrics")) == (RATINGS, QUOTES)
    assert engine.ask("SELECT uniqExact(unique_id) FROM kafka_engine.shadow") == str(RATINGS)
    assert engine.rows("shadow", "type NOT IN ('ShaDow', 'Sha', 'Dow', 'Incompatible')") == 0
    assert engine.rows("shadow", "abs(dateDiff('second', emit_timestamp, now())) > 600") == 0
    assert engine.rows("metrics", "abs(dateDiff('second', time, now())) > 600 OR bid_50 IS NULL") == 0


def test_bad_messages_are_skipped_without_a_trace_or_stored_as_something_else(engine):
    engine.send("shadow", NO_JSON, WRONG_TIME, UNKNOWN_TYPE, NO_TYPE, GOOD)
    engine.await_rows("shadow", 1, "unique_id = 'good'")
    found = engine.ask(
        "SELECT unique_id, type, toUnixTimestamp(emit_timestamp) > 0 FROM kafka_engine.shadow "
        "WHERE unique_id IN ('no json', 'wrong time', 'unknown type', 'no type') ORDER BY unique_id"
    )
    assert found == "no type\t\t0\nunknown type\tDoom\t1"
    assert engine.rows("shadow") == RATINGS + 3


def test_without_leave_to_skip_one_bad_message_stops_its_partition(engine):
    engine.drop()
    engine.create(**{"kafka_skip_broken_messages = 1000": "kafka_skip_broken_messages = 0"})
    engine.send("shadow", NO_JSON, GOOD)
    assert wait_until(
        lambda: "while parsing Kafka message (topic: shadow, partition: 0" in engine.errors(), 60
    ), engine.errors()
    assert engine.rows("shadow", "unique_id = 'good'") == 0


def test_rows_whose_commit_did_not_arrive_are_there_twice_after_a_kill(engine):
    engine.drop()
    with KafkaProxy(engine.stack) as proxy:
        proxy.refuse(Api.OFFSET_COMMIT)
        engine.create(proxy.bootstrap_servers, **{"'kafka-engine-ratings'": "'kafka-engine-killed'"})
        engine.await_rows("shadow", RATINGS)
        engine.restart_after_a_kill()
    before = engine.rows("shadow")
    engine.create(**{"'kafka-engine-ratings'": "'kafka-engine-killed'"})
    engine.await_rows("shadow", before + RATINGS)
    repeated = "SELECT count() FROM (SELECT unique_id FROM kafka_engine.shadow GROUP BY unique_id HAVING count() > 1)"
    assert int(engine.ask(repeated)) >= RATINGS
