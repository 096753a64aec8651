"""The questions of collatz on a real ClickHouse: exact, the same if a number was drawn twice, and no full scan."""

import random
import re
import uuid
from contextlib import closing
from dataclasses import replace

import pytest

from common.clickhouse_io.client import connect
from common.clickhouse_io.questions import Asker
from common.clickhouse_io.schema import Schema
from common.clickhouse_io.store import Store
from common.errors import AskedTooMuch, ClickHouseRefused, OutOfMemory, TookTooLong
from common.model.address import tp_address
from common.model.codec import encode
from common.model.question import Answer, Question
from common.model.record import Partition, Slab
from common.settings.config import Settings
from common.streams.collatz import DATA_SERIES, STREAM, Walk, walk_of
from consumer.sink.buffer import Buffer
from consumer.sink.cutting import Cut

HIGH = 12_327_829_503  # peaks above 64 bits
TABLE = replace(DATA_SERIES, name="questions")
ASKED = replace(STREAM, feeds=(replace(STREAM.feeds[0], tables=(TABLE,)),))
QUESTIONS = {question.name: question for question in STREAM.questions}
RNG = random.Random(5)
NUMBERS = [RNG.randint(1, 10**14 - 1) for _ in range(2_000)] + [27, HIGH]


@pytest.fixture(scope="module")
def settings(stack):
    return Settings.from_env(stack.environment()).clickhouse


@pytest.fixture(scope="module")
def asker(settings):
    """The table holds the walks of NUMBERS, those of 27 and HIGH twice."""
    Schema(settings).create([TABLE])
    store = Store(settings)
    tp = tp_address(uuid.UUID(int=3), 0)
    buffer = Buffer(ASKED.feeds[0], Partition("questions", 0), tp, 0)
    for index, number in enumerate([*NUMBERS, 27, HIGH]):
        value = encode(Walk(number, walk_of(number), 1_795_000_000_000))
        buffer.add(Slab(index, index + 1, range(index, index + 1), [value], ()), 0.0)
    store.insert(TABLE.name, buffer.cut(Cut.AGE).blocks[TABLE.name], token="questions", query_id="questions")
    store.close()
    asker = Asker(settings)
    yield asker
    asker.close()


def test_the_longest_chain_is_the_longest(asker):
    number = max(NUMBERS, key=lambda number: (len(walk_of(number)), number))
    assert asker.ask(ASKED, QUESTIONS["longest_step_chain"], {}) == [(number, len(walk_of(number)) - 1)]


def test_the_highest_value_is_exact_above_64_bits(asker):
    assert asker.ask(ASKED, QUESTIONS["highest_value"], {}) == [(HIGH, 20_722_398_914_405_051_728)]


@pytest.mark.parametrize("x", [1, 1024, 9232, 20_722_398_914_405_051_728, 2**127])
def test_the_numbers_whose_walk_contains_x_are_told_once_and_in_order(asker, x):
    wanted = sorted(number for number in NUMBERS if x in walk_of(number))[:1000]
    assert asker.ask(ASKED, QUESTIONS["part"], {"x": x}) == [(number,) for number in wanted]


@pytest.mark.parametrize("n", [27, HIGH, NUMBERS[0], 26])
def test_the_steps_of_a_number_are_its_walk_once(asker, n):
    wanted = list(enumerate(walk_of(n))) if n in NUMBERS else []
    assert asker.ask(ASKED, QUESTIONS["steps"], {"n": n}) == wanted


def test_an_answer_names_its_columns_and_takes_parameters_as_text(asker):
    longest = len(walk_of(HIGH)) - 1
    question = Question(
        name="last", help="", sql="SELECT max(step) AS last FROM {table} WHERE number = {n:UInt64}"
    )
    assert asker.answer(ASKED, question, {"n": str(HIGH)}) == Answer(["last"], ["UInt32"], [(longest,)])


@pytest.mark.parametrize(
    ("kind", "text", "read"),
    [
        ("UInt8", "255", "255"),
        ("UInt8", "256", "0"),
        ("UInt128", str(2**128 - 1), str(2**128 - 1)),
        ("String", "it's \\N\n\t\0 ä 🌊", "it's \\N\n\t\0 ä 🌊"),
        ("Array(UInt8)", "[1,256]", "[1,0]"),
        ("Date", "1900-01-01", "1970-01-01"),
        ("DateTime64(6, 'UTC')", "2026-11-01 12:34:56.123456", "2026-11-01 12:34:56.123456"),
        ("DateTime64(3, 'UTC')", "2026-11-01 12:34:56.1234", "2026-11-01 12:34:56.123"),
        ("Decimal(18, 2)", "1.239", "1.23"),
        ("Float32", "1e39", "inf"),
    ],
)
def test_a_parameter_that_the_server_reads_as_another_value_shows(asker, kind, text, read):
    assert asker.read("x", kind, text) == read


@pytest.mark.parametrize(
    ("kind", "text"), [("UInt8", "a"), ("Array(String)", "['it\\'s']"), ("UUID", "1"), ("No", "1")]
)
def test_a_parameter_that_is_no_value_of_its_type_is_refused_by_name(asker, kind, text):
    with pytest.raises(ClickHouseRefused, match=re.escape(f"parameter x, {kind}: ClickHouse at ")):
        asker.read("x", kind, text)


def test_a_question_can_only_read(asker):
    with pytest.raises(ClickHouseRefused, match="readonly"):
        asker.ask(ASKED, Question(name="drop", help="", sql="DROP TABLE {table}"), {})


@pytest.mark.usefixtures("asker")
@pytest.mark.parametrize(
    ("limits", "sql", "error"),
    [
        ({"max_result_rows": 10}, "SELECT number FROM {table}", AskedTooMuch),
        ({"max_result_bytes": 10}, "SELECT number FROM {table}", AskedTooMuch),
        ({"max_rows_to_read": 10}, "SELECT number FROM {table}", AskedTooMuch),
        ({"max_bytes_to_read": 10}, "SELECT number FROM {table}", AskedTooMuch),
        ({"max_execution_time": 0.1}, "SELECT sleepEachRow(0.1) FROM numbers(20)", TookTooLong),
        ({"max_memory_usage": 2_000_000}, "SELECT groupArray(number) FROM numbers(10000000)", OutOfMemory),
    ],
)
def test_a_question_that_runs_into_a_limit_says_of_which_kind(settings, limits, sql, error):
    with closing(Asker(settings, **limits)) as asker, pytest.raises(error):
        asker.ask(ASKED, Question(name="large", help="", sql=sql), {})


@pytest.mark.parametrize(
    ("name", "parameters", "reads"),
    [
        ("longest_step_chain", {}, "maxima"),
        ("highest_value", {}, "maxima"),
        ("part", {"x": 1024, "after": 0}, "by_value"),
        ("steps", {"n": 27}, None),
    ],
)
def test_no_question_reads_the_whole_table(asker, settings, name, parameters, reads):
    client = connect(settings)
    sql = ASKED.sql(QUESTIONS[name])
    plan = "\n".join(
        row[0] for row in client.execute(f"EXPLAIN indexes = 1, projections = 1 {sql}", parameters)
    )
    client.execute(sql, parameters, query_id=f"questions-{name}")
    client.disconnect()
    if reads:
        assert f"ReadFromMergeTree ({reads})" in plan, plan
    if name in ("part", "steps"):
        granules = [line.split(": ")[1] for line in plan.splitlines() if "Granules: " in line and "/" in line]
        read, of = map(int, granules[0].split("/"))
        assert read <= of / 8, plan
