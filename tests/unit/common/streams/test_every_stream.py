"""What every stream file owes the rest of the house. A new stream falls under it by its line in STREAMS alone."""

import json
import random
import re
import sys
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from itertools import count, islice
from uuid import UUID

import msgspec
import numpy as np
import pytest

from common.errors import BadData
from common.model.codec import Codec, encode
from common.model.ddl import stated_columns
from common.model.stream import ADDRESS_COLUMNS
from common.streams import STREAMS
from consumer.rows import join_blocks
from tests.support.columns import plain, sent_and_told
from tests.support.foreign.pipeline import STREAMS as FOREIGN
from tests.unit.common.clickhouse_io.loop import through_the_wire
from tests.unit.common.streams.extremes import extreme_events

EVENTS = 60
TOPIC_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
NAME = re.compile(r"[a-z][a-z0-9_]*")
AS_IT_IS = {  # columns that convert nothing, by the type of what they hold
    int: re.compile(r"U?Int\d+"),
    float: re.compile("Float64"),
    str: re.compile(r"String|LowCardinality\(String\)"),
    bool: re.compile("Bool"),
}
NOTHING = re.compile(r"(?!)")
PARAMETER = re.compile(r"\{\s*\w+\s*:[^{}]+\}")

ALL = {**STREAMS, **FOREIGN}
"""Those that are registered, and those of tests whose tables are derived and whose events others send."""

every_stream = pytest.mark.parametrize("stream", ALL.values(), ids=ALL)
every_generator = pytest.mark.parametrize(
    "stream",
    [pytest.param(stream, id=name) for name, stream in ALL.items() if stream.generate],
)
every_feed = pytest.mark.parametrize(
    ("stream", "feed"),
    [
        pytest.param(stream, feed, id=f"{name}-{feed.topic}")
        for name, stream in ALL.items()
        for feed in stream.feeds
    ],
)
every_table = pytest.mark.parametrize(
    ("stream", "feed", "table"),
    [
        pytest.param(stream, feed, table, id=f"{name}-{table.name}")
        for name, stream in ALL.items()
        for feed in stream.feeds
        for table in feed.tables
    ],
)
every_question = pytest.mark.parametrize(
    ("stream", "question"),
    [
        pytest.param(stream, question, id=f"{name}-{question.name}")
        for name, stream in ALL.items()
        for question in stream.questions
    ],
)


def emissions(stream, seed=1):
    """What the stream makes up itself: nothing, if others send its events."""
    if stream.generate is None:
        return []
    seconds = count(1_795_000_000)
    made = stream.generate(random.Random(seed), stream.options(), lambda: float(next(seconds)))
    return list(islice(made, EVENTS))


def samples(stream):
    """The JSON in the stream file's docstring; it may go over several lines."""
    text = sys.modules[stream.feeds[0].event.__module__].__doc__
    found = []
    while start := re.search(r"^\s*[{\[]", text, re.MULTILINE):
        text = text[start.end() - 1 :]
        _, end = json.JSONDecoder().raw_decode(text)
        found.append(text[:end].encode())
        text = text[end:]
    return found


def events_of(stream, feed):
    """Events of one feed: generated ones, or, where others send them, the samples."""
    generated = [emission.event for emission in emissions(stream) if emission.topic == feed.topic]
    return generated or [event for value in samples(stream) for event in events_in(feed, value)]


def events_in(feed, value):
    try:
        return Codec(feed.event).decode_message(value)
    except BadData:
        return []


def readable(value):
    """A value as it is compared: addresses and UUIDs by their text, however a stream states them."""
    return str(value) if isinstance(value, IPv4Address | IPv6Address | UUID) else value


@every_stream
def test_a_stream_is_listed_under_its_name(stream):
    assert ALL[stream.name] is stream
    assert NAME.fullmatch(stream.name)
    assert stream.version >= 1


@every_generator
def test_its_default_options_generate_events_that_survive_json_exactly(stream):
    made = emissions(stream)
    assert len(made) == EVENTS
    for emission in made:
        decoded = Codec(type(emission.event)).decode([encode(emission.event)])
        assert decoded.events == [emission.event]
        assert isinstance(emission.key, bytes | None)


@every_generator
def test_the_same_seed_generates_the_same_events(stream):
    assert emissions(stream, 7) == emissions(stream, 7)


@every_stream
def test_events_cost_the_garbage_collector_nothing(stream):
    for feed in stream.feeds:
        assert feed.event.__struct_config__.gc is False, feed.topic


@every_feed
def test_the_docstring_holds_a_sample_of_its_json(stream, feed):
    assert any(events_in(feed, value) for value in samples(stream))


@every_stream
def test_every_sample_in_the_docstring_is_an_event_of_the_stream(stream):
    kinds = {feed.event for feed in stream.feeds} | {type(emission.event) for emission in emissions(stream)}
    for value in samples(stream):
        assert [kind for kind in kinds if not Codec(kind).decode([value]).bad], value


@every_feed
def test_topics_are_names_that_kafka_takes(stream, feed):
    assert TOPIC_NAME.fullmatch(feed.topic)
    assert TOPIC_NAME.fullmatch(feed.dead_topic)
    assert feed.dead_topic == f"{feed.topic}.dead"


def test_no_two_streams_share_a_topic_or_a_table():
    topics = [topic for stream in STREAMS.values() for topic in stream.topics]
    topics += [f"{topic}.dead" for stream in STREAMS.values() for topic in stream.read_topics]
    tables = [
        name
        for stream in STREAMS.values()
        for name in {table.name for feed in stream.feeds for table in feed.tables}
    ]
    assert len(set(topics)) == len(topics)
    assert len(set(tables)) == len(tables)


@every_table
def test_its_columns_are_those_its_ddl_states(stream, feed, table):
    stated = stated_columns(table)
    assert ADDRESS_COLUMNS.items() <= stated.items()
    made = table.rows(events_of(stream, feed)).columns.keys()
    assert not made & table.record.keys()
    assert made | table.record.keys() == stated.keys() - ADDRESS_COLUMNS.keys()


@every_table
def test_no_row_is_lost_on_the_way_from_event_to_columns(stream, feed, table):
    sent = events_of(stream, feed)
    events = Codec(feed.event).decode([encode(event) for event in sent]).events
    columns, per_event = table.rows(events)
    each = np.ones(len(events), np.int64) if per_event is None else per_event
    assert len(each) == len(sent)
    assert {len(column) for column in columns.values()} == {int(each.sum())}


@every_table
def test_a_column_named_like_a_field_holds_the_fields_values(stream, feed, table):
    events, kinds = events_of(stream, feed), stated_columns(table)
    columns, per_event = table.rows(events)
    each = [1] * len(events) if per_event is None else per_event.tolist()
    for name in columns.keys() & set(feed.event.__struct_fields__):
        fields = [getattr(event, name) for event in events]
        if AS_IT_IS.get(type(fields[0]), NOTHING).fullmatch(kinds[name]):
            wanted = [field for field, rows in zip(fields, each, strict=True) for _ in range(rows)]
            assert plain(kinds[name], columns[name]) == wanted, name


@every_table
def test_r5_rows_depend_on_the_event_alone_not_on_its_neighbours(stream, feed, table):
    events, kinds = events_of(stream, feed), stated_columns(table)
    together = table.rows(events).columns
    alone = [table.rows([event]).columns for event in events]
    for name, column in together.items():
        kind = kinds[name]
        assert plain(kind, column) == [value for one in alone for value in plain(kind, one[name])], name


@every_table
def test_every_value_its_events_allow_comes_through_the_wire_as_it_is(stream, feed, table):
    """In two pieces, as a batch has them: what the check lets through is what ClickHouse reads."""
    usual = events_of(stream, feed)
    extreme = extreme_events(feed.event, usual[:3])
    alone = replace(feed, tables=(table,))
    sent, told, bad = [], [], []
    for values in (list(map(encode, part)) for part in (usual, extreme)):
        checked, unchecked = sent_and_told(alone, values, np.arange(len(values)))
        sent.append(checked.blocks[table.name])
        told.append(unchecked.blocks[table.name])
        bad.append(checked.bad)
    assert not bad[0]
    assert len(bad[1]) <= len(extreme) - len(usual[:3])
    read = through_the_wire(stated_columns(table), join_blocks(sent))
    for name, kind in stated_columns(table).items():
        together = [value for piece in told for value in plain(kind, piece[name])]
        assert list(map(readable, read[name])) == together, name


@every_feed
def test_extremes_of_its_fields_are_among_what_is_tested(stream, feed):
    assert extreme_events(feed.event, events_of(stream, feed)[:3])


@every_table
def test_rows_of_no_event_are_empty_columns(stream, feed, table):
    columns, per_event = table.rows([])
    assert {len(column) for column in columns.values()} == {0}
    assert per_event is None or len(per_event) == 0
    if table.partition_of is not None and not table.record:
        assert len(table.partition_of(columns)) == 0


@every_table
def test_a_partitioned_table_says_which_row_goes_where(stream, feed, table):
    assert ("PARTITION BY" in table.ddl) == (table.partition_of is not None)
    if table.partition_of is not None:
        sent = events_of(stream, feed)
        values = list(map(encode, sent))
        _, made = sent_and_told(replace(feed, tables=(table,)), values, np.arange(len(sent)))
        columns = made.blocks[table.name]
        assert len(table.partition_of(columns)) == len(columns["_off"])


@every_table
def test_r5_no_column_is_filled_by_the_server(stream, feed, table):
    for word in ("DEFAULT", "MATERIALIZED", "EPHEMERAL", "now(", "now64(", "rand("):
        assert word not in table.ddl


@every_table
def test_its_ddl_keeps_address_and_settings(stream, feed, table):
    for placeholder in ("{table}", "{address}", "{settings}"):
        assert table.ddl.count(placeholder) == 1


@every_question
def test_its_sql_is_complete(stream, question):
    assert NAME.fullmatch(question.name)
    assert question.help
    sql = stream.sql(question)
    assert sql.startswith(("SELECT", "WITH"))
    assert "{" not in PARAMETER.sub("", sql)


@every_question
def test_its_alias_names_parameters_of_the_question(stream, question):
    for alias in question.aliases:
        assert set(re.findall(r"\{(\w+)\}", alias.path)) <= question.parameters.keys()


@every_stream
def test_its_questions_have_names_and_aliases_of_their_own(stream):
    names = [question.name for question in stream.questions]
    assert len(set(names)) == len(names)


def test_no_short_path_belongs_to_two_questions():
    paths = [
        alias.path
        for stream in STREAMS.values()
        for question in stream.questions
        for alias in question.aliases
    ]
    assert len(set(paths)) == len(paths)


@every_question
def test_its_defaults_and_live_parameters_are_allowed(stream, question):
    given = {**question.defaults, **(question.live or {})}
    assert given.keys() <= question.parameters.keys()
    assert [question.problem(name, value) for name, value in given.items()] == [""] * len(given)
    assert question.about.keys() <= question.parameters.keys()


@every_question
def test_its_example_has_the_columns_that_its_chart_and_its_pages_need(stream, question):
    needed = {question.chart.x, *question.chart.y} if question.chart else set()
    needed |= {question.paged.column} if question.paged else set()
    assert needed <= question.example.keys()


@every_question
def test_its_chart_names_parameters_and_values_that_it_has(stream, question):
    chart = question.chart
    if chart and chart.threshold:
        assert question.parameters[chart.threshold].startswith(("Float", "Int", "UInt"))
    if chart and chart.unit:
        assert chart.unit.column in (chart.x, *chart.y)
        assert set(chart.unit.names) == set(question.about[chart.unit.parameter].choices)


@every_stream
def test_one_question_at_most_is_live(stream):
    assert sum(question.live is not None for question in stream.questions) <= 1


@every_stream
def test_every_option_has_a_default(stream):
    for field in msgspec.structs.fields(stream.options):
        assert field.default is not msgspec.NODEFAULT or field.default_factory is not msgspec.NODEFAULT
