import random
from dataclasses import replace
from itertools import islice

import msgspec
import numpy as np
import pytest

from common.model.question import Question
from common.model.stream import (
    ADDRESS_COLUMNS,
    DEDUPLICATION_WINDOW,
    Emission,
    Feed,
    Rows,
    Stream,
    Table,
)
from common.model.transform import Each
from common.streams import STREAMS, load

DDL = """
CREATE TABLE IF NOT EXISTS {table} (
    n UInt64,
    {address}
) ENGINE = MergeTree ORDER BY n {settings}
"""


class Event(msgspec.Struct):
    n: int


def rows(events):
    return Rows({"n": np.array([event.n for event in events], np.uint64)})


def generate(rng, options, now_s):
    for n in range(3):
        yield Emission("numbers", None, Event(n))
        yield Emission("elsewhere", None, Event(n))


def table(name="numbers_stored", variable="TABLE", ddl=DDL):
    return Table(name=name, ddl=ddl, rows=rows, variable=variable)


def feed(topic="numbers", tables=None, variable="TOPIC"):
    return Feed(topic=topic, event=Event, tables=tables or (table(),), variable=variable)


def stream(*feeds):
    return Stream(
        name="counting",
        version=1,
        options=msgspec.Struct,
        generate=generate,
        feeds=feeds or (feed(),),
        questions=(
            Question(name="sum", sql="SELECT sum(n) FROM {table} WHERE n > {over:UInt64}", help="the sum"),
        ),
    )


def topics_of(some_stream):
    emissions = some_stream.generate(random.Random(1), None, lambda: 0.0)
    return [emission.topic for emission in islice(emissions, 4)]


def test_the_create_statement_has_its_name_address_projection_and_settings_filled_in():
    statement = table().create_statement()
    assert statement.startswith("CREATE TABLE IF NOT EXISTS numbers_stored (")
    assert not {"{", "}"} & set(statement)
    for name, kind in ADDRESS_COLUMNS.items():
        assert f"{name} {kind}" in statement
    assert "PROJECTION by_address (SELECT _tp, _off, _row, _rows ORDER BY _tp, _off, _row)" in statement


@pytest.mark.parametrize(
    "setting",
    [
        f"non_replicated_deduplication_window = {DEDUPLICATION_WINDOW}",
        "fsync_after_insert = 1",
        "fsync_part_directory = 1",
    ],
)
def test_r3_r5_the_create_statement_states(setting):
    assert setting in table().create_statement()


def test_a_table_can_be_created_that_exists():
    assert table().create_statement().startswith("CREATE TABLE IF NOT EXISTS")


def test_the_dead_letter_topic_is_named_after_the_topic():
    assert feed().dead_topic == "numbers.dead"


def test_the_topics_of_a_stream_are_those_its_feeds_read():
    assert stream(feed(), feed("letters")).topics == ("numbers", "letters")


def copying(name, source, target):
    return Each(name=name, source=source, event=Event, target=target, make=lambda event, timestamp_ms: event)


def test_two_transforms_that_read_one_topic_are_refused():
    one, other = copying("one", "numbers", "a"), copying("other", "numbers", "b")
    with pytest.raises(ValueError, match="two transforms read numbers"):
        replace(stream(), transforms=(one, other))


def test_two_transforms_may_write_one_topic_and_one_may_read_what_another_writes():
    ways = copying("one", "numbers", "a"), copying("two", "letters", "a"), copying("three", "a", "b")
    assert replace(stream(), transforms=ways).topics == ("numbers", "a", "letters", "b")


def test_without_variables_nothing_is_renamed():
    plain = stream()
    renamed = plain.renamed({"OTHER": "x", "TOPIC": "", "TABLE": ""})
    assert renamed == plain


def test_the_environment_renames_topic_and_table():
    renamed = stream().renamed({"TOPIC": "digits", "TABLE": "digits_stored"})
    (its_feed,) = renamed.feeds
    assert (its_feed.topic, its_feed.dead_topic) == ("digits", "digits.dead")
    assert its_feed.tables[0].name == "digits_stored"
    assert "IF NOT EXISTS digits_stored (" in its_feed.tables[0].create_statement()
    assert renamed.topics == ("digits",)


def test_generate_follows_a_renamed_topic_and_leaves_the_others():
    renamed = stream().renamed({"TOPIC": "digits"})
    assert topics_of(renamed) == ["digits", "elsewhere", "digits", "elsewhere"]


def test_a_feed_and_a_table_without_a_variable_keep_their_names():
    fixed = feed(tables=(table(variable=None),), variable=None)
    renamed = stream(fixed).renamed({"TOPIC": "digits", "TABLE": "digits_stored"})
    assert (renamed.feeds[0].topic, renamed.feeds[0].tables[0].name) == ("numbers", "numbers_stored")


def test_renaming_leaves_the_stream_as_it_was():
    plain = stream()
    plain.renamed({"TOPIC": "digits", "TABLE": "digits_stored"})
    assert (plain.topics, plain.feeds[0].tables[0].name) == (("numbers",), "numbers_stored")
    assert topics_of(plain)[0] == "numbers"


def test_the_schema_hash_is_eight_hex_digits_and_stable():
    assert feed().schema_hash(1) == feed().schema_hash(1)
    assert len(feed().schema_hash(1)) == 8
    int(feed().schema_hash(1), 16)


@pytest.mark.parametrize(
    ("other", "version"),
    [
        pytest.param(feed(), 2, id="the version"),
        pytest.param(feed(tables=(table(ddl=DDL.replace("UInt64", "UInt32")),)), 1, id="a type"),
        pytest.param(feed(tables=(table(ddl=DDL.replace("ORDER BY n", "ORDER BY _tp")),)), 1, id="an order"),
        pytest.param(feed(tables=(table("renamed"),)), 1, id="a table's name"),
        pytest.param(feed(tables=(table(), table("second"))), 1, id="a second table"),
    ],
)
def test_r5_the_schema_hash_changes_with(other, version):
    assert other.schema_hash(version) != feed().schema_hash(1)


def test_the_schema_hash_does_not_change_with_the_topic_name():
    # The intent names the topic by its id; a mirrored topic is another topic anyhow.
    assert feed("digits").schema_hash(1) == feed().schema_hash(1)


def test_a_question_asks_the_renamed_table_and_keeps_its_parameters():
    renamed = stream().renamed({"TABLE": "digits_stored"})
    assert renamed.sql(renamed.questions[0]) == "SELECT sum(n) FROM digits_stored WHERE n > {over:UInt64}"


def test_the_parameters_of_a_question_are_those_of_its_sql_with_their_types():
    sql = "SELECT {x:UInt128} WHERE t < { t : DateTime64(3, 'UTC') } AND m = {m:Map(String, UInt8)} + {x:UInt128}"
    assert Question(name="q", help="", sql=sql).parameters == {
        "x": "UInt128",
        "t": "DateTime64(3, 'UTC')",
        "m": "Map(String, UInt8)",
    }


def test_load_renames_every_stream_of_the_list():
    loaded = load({"KAFKA_TOPIC_NAME": "walks", "CLICKHOUSE_TABLE": "walks_stored"})
    assert loaded.keys() == STREAMS.keys()
    assert loaded["collatz"].topics == ("walks",)
    assert loaded["collatz"].feeds[0].tables[0].name == "walks_stored"
