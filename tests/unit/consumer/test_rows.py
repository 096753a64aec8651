"""Whatever a stream's code raises is one message's fault: it is told, and its neighbours' rows are made."""

import subprocess
import sys
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from common.clickhouse_io.encoding import EncodingCheck
from common.errors import BadData
from common.model.columns import one_row_each
from common.model.reasons import Kind
from common.model.record import Details, TooLarge
from common.model.record_columns import Key, Offset, Timestamp
from common.model.stream import Feed, Rows, Table
from consumer.rows import RowMaker
from tests.unit.consumer.material import (
    BAD,
    DAILY,
    ONE_EACH,
    PARTS,
    TP,
    address,
    array,
    event,
    feed,
    rows_of_parts,
)

SECRET = 271828


def make(values, *tables, details=None, **how):
    offsets = np.arange(len(values), dtype=np.uint64)
    return RowMaker(feed(*tables), TP, **how).make(values, offsets, details=details)


def reasons(made):
    return {index: str(reason) for index, reason in sorted(made.bad.items())}


def failing(name, exception, at=SECRET):
    """A table whose rows cannot be made of one event."""

    def rows(events):
        if any(one.n == at for one in events):
            raise exception
        return ONE_EACH.rows(events)

    return replace(ONE_EACH, name=name, rows=rows)


EXCEPTIONS = [
    ZeroDivisionError(),
    KeyError(SECRET),
    IndexError("list index out of range"),
    AttributeError(f"no {SECRET}"),
    ValueError(f"{SECRET} is wrong"),
    RecursionError(),
    AssertionError(),
    UnicodeEncodeError("utf-8", str(SECRET), 0, 1, "because"),
    BadData(Kind.EMPTY, str(SECRET)),
    StopIteration(SECRET),
]


@pytest.mark.parametrize("exception", EXCEPTIONS, ids=lambda exception: type(exception).__name__)
def test_whatever_rows_raises_is_the_fault_of_one_message(exception):
    values = [event(0), event(SECRET), event(2), array(event(3), event(4))]
    made = make(values, PARTS, failing("second", exception))
    assert reasons(made) == {1: f"stream code failed: {type(exception).__name__} in the rows of second"}
    assert address(made.blocks["second"]) == [(0, 0, 1), (2, 0, 1), (3, 0, 2), (3, 1, 2)]
    assert address(made.blocks["parts"]) == address(made.blocks["second"])


def test_a_message_whose_rows_alone_do_not_fit_into_memory_is_bad_and_its_neighbours_are_not():
    made = make([event(0), event(SECRET), event(2)], failing("first", MemoryError()))
    assert reasons(made) == {1: "too large: its rows do not fit into memory"}
    assert made.blocks["first"]["n"].tolist() == [0, 2]


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit()], ids=["SystemExit", "GeneratorExit"])
def test_nothing_that_a_streams_code_raises_ends_a_process(error):
    made = make([event(0), event(SECRET), event(2)], failing("first", error))
    assert list(made.bad) == [1]


def test_ctrl_c_is_no_fault_of_a_message():
    with pytest.raises(KeyboardInterrupt):
        make([event(SECRET)], failing("first", KeyboardInterrupt()))


class Unreadable(Exception):
    """An exception of a stream's own that fails when it is looked at."""

    @property
    def args(self):
        raise ValueError(SECRET)


def test_an_exception_that_cannot_be_looked_at_is_told_by_its_type():
    made = make([event(SECRET)], failing("first", Unreadable()))
    assert reasons(made) == {0: "stream code failed: Unreadable in the rows of first"}


def a_day_that_is_one(columns):
    return 1 // columns["day"].min(initial=1)


def test_whatever_partition_of_raises_is_the_fault_of_one_message():
    with np.errstate(divide="raise"):
        made = make(
            [event(0, day=1), event(1, day=0), event(2, day=1)],
            replace(DAILY, partition_of=a_day_that_is_one),
        )
    assert reasons(made) == {1: "stream code failed: FloatingPointError in the rows of daily"}
    assert made.blocks["daily"]["n"].tolist() == [0, 2]


def with_columns(change):
    """Rows of PARTS, changed for the event `SECRET`."""

    def rows(events):
        made = rows_of_parts(events)
        return change(made) if any(one.n == SECRET for one in events) else made

    return replace(PARTS, rows=rows)


MISFITS = {
    "a column that is too short": lambda rows: rows._replace(
        columns={**rows.columns, "n": rows.columns["n"][1:]}
    ),
    "rows of no event": lambda rows: rows._replace(per_event=np.append(rows.per_event, 0)),
    "negative rows": lambda rows: rows._replace(per_event=rows.per_event - 3),
    "a fraction of a row": lambda rows: rows._replace(per_event=rows.per_event + 0.5),
    "no columns": lambda rows: None,
    "a number for a column": lambda rows: rows._replace(columns={**rows.columns, "n": 5}),
    "one row too many": lambda rows: Rows({name: np.append(one, 0) for name, one in rows.columns.items()}),
}


@pytest.mark.parametrize("change", MISFITS.values(), ids=MISFITS)
def test_rows_without_an_address_are_the_fault_of_one_message(change):
    made = make([event(0), event(SECRET, parts=2), event(2)], with_columns(change))
    assert made.bad[1].kind is Kind.STREAM_FAILED
    assert made.bad.keys() == {1}
    assert address(made.blocks["parts"]) == [(0, 0, 1), (2, 0, 1)]


def test_lists_are_taken_for_columns():
    lists = Table(name="lists", ddl="", rows=lambda events: Rows({"n": [one.n for one in events]}))
    pairs = Table(
        name="pairs",
        ddl="",
        rows=lambda events: Rows({"n": np.array([[one.n] * 2 for one in events], object)}),
    )
    made = make([event(1), event(2)], lists, pairs)
    assert made.blocks["lists"]["n"].tolist() == [1, 2]
    assert made.blocks["pairs"]["n"].tolist() == [[1, 1], [2, 2]]
    assert made.blocks["pairs"]["n"].shape == (2,)


@pytest.mark.parametrize("bad", [[], [0], [6], [3], [0, 1, 5], list(range(7))])
def test_any_of_the_messages_may_be_bad_in_any_way(bad):
    values = [event(SECRET) if index in bad else event(index) for index in range(7)]
    values[4] = BAD
    made = make(values, failing("first", KeyError()))
    good = [index for index in range(7) if index not in bad and index != 4]
    assert sorted(made.bad) == sorted({*bad, 4})
    assert made.bad[4].kind is Kind.NOT_JSON
    assert [offset for offset, _, _ in address(made.blocks["first"])] == good if good else made.blocks == {}


def test_a_run_of_good_messages_is_made_in_one_attempt():
    calls = []

    def rows(events):
        calls.append(len(events))
        return ONE_EACH.rows(events)

    make([event(n) for n in range(100)], replace(ONE_EACH, rows=rows))
    assert calls == [100]


def test_the_table_partitions_of_all_pieces_are_told():
    values = [event(0, day=3), event(SECRET, day=4), event(2, day=5), event(3, day=3)]
    made = make(values, replace(failing("daily", KeyError()), partition_of=DAILY.partition_of))
    assert made.table_partitions == {"daily": {3, 5}}


# What cannot be encoded


STATED = replace(
    ONE_EACH,
    ddl="CREATE TABLE {table} (n UInt8, day UInt16, {address}) ENGINE = MergeTree ORDER BY n {settings}",
)


def test_what_the_driver_cannot_encode_is_the_fault_of_one_message():
    made = make([event(255), event(256), event(0)], STATED, check=EncodingCheck([STATED]))
    assert reasons(made) == {1: "cannot be encoded: table one_each, column n, UInt8: out of range"}
    assert made.blocks["one_each"]["n"].tolist() == [255, 0]


# What is too large


def test_a_message_may_make_so_many_rows_of_one_table_and_no_more():
    values = [event(0, parts=10), event(1, parts=11), array(event(2, parts=6), event(3, parts=5)), event(4)]
    made = make(values, ONE_EACH, PARTS, message_rows=10)
    assert reasons(made) == {
        1: "too large: more than 10 rows (MAX_MESSAGE_ROWS)",
        2: "too large: more than 10 rows (MAX_MESSAGE_ROWS)",
    }
    assert address(made.blocks["one_each"]) == [(0, 0, 1), (3, 0, 1)]


def test_many_messages_may_make_more_rows_than_one_may():
    made = make([event(n, parts=10) for n in range(5)], PARTS, message_rows=10)
    assert (len(made.blocks["parts"]["n"]), made.bad) == (50, {})


def test_a_message_of_more_values_than_rows_may_be_made_is_not_even_decoded():
    few, many = (array(*[event(0, parts=0)] * count) for count in (10, 15))  # of three fields each
    made = make([event(0), many, event(2)], PARTS, message_rows=10)
    assert reasons(made) == {1: "too large: more than 40 values, for at most 10 rows (MAX_MESSAGE_ROWS)"}
    assert make([few], PARTS, message_rows=10).bad == {}


class Line(msgspec.Struct):
    item: int
    price: float


class Order(msgspec.Struct):
    number: int
    lines: list[Line]
    notes: dict[str, str] | None = None


def test_as_many_values_are_allowed_as_so_many_rows_of_all_fields_can_hold():
    maker = RowMaker(Feed(topic="orders", event=Order, tables=()), TP, message_rows=10)
    assert maker._values_a_row == 1 + 3 + 2


@pytest.mark.parametrize(
    "text",
    [b"," * 50, b'\\",' * 50, b"\\\\", b'\\\\\\"' + b"," * 50, "é,".encode() * 50],
    ids=["commas", "escaped quotes", "a backslash at the end", "both", "letters"],
)
def test_commas_in_strings_are_no_values(text):
    value = b'{"n": 7, "text": "' + text + b'", "more": "a,b"}'
    made = make([value], message_rows=10)
    assert (made.bad, made.blocks["one_each"]["n"].tolist()) == ({}, [7])


def test_a_string_that_does_not_end_costs_no_more_time_than_one_that_does():
    made = make([b'{"n": "' + b'\\",' * 1_000_000], message_rows=10)
    assert made.bad[0].kind is Kind.NOT_JSON


def test_a_message_that_was_not_unpacked_is_bad_and_its_neighbours_are_not():
    made = make([event(0), TooLarge(268_435_456), event(2)], PARTS)
    assert reasons(made) == {1: "too large: unpacks to more than 268,435,456 bytes (MAX_UNPACKED_BYTES)"}
    assert made.blocks["parts"]["n"].tolist() == [0, 2]


CHILD = """
from common.model.record import Partition, Record, Slab
from common.streams.collatz import STREAM
from consumer.sink.buffer import Buffer
from consumer.sink.cutting import Cut

value = b'{"number":1,"walk":[' + b"1," * (32 << 20) + b'1],"timestamp":0}'
assert len(value) > 64 << 20
slab = Slab(0, 1, range(1), [value], [Record(0, 0, None, value, ())])
buffer = Buffer(STREAM.feeds[0], Partition("t", 0), 1, 0)
buffer.add(slab, 0.0)
(letter,) = buffer.cut(Cut.AGE).dead
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1], letter.reason)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the peak")
def test_a_message_of_64_mib_becomes_a_dead_letter_in_512_mib():
    told = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, timeout=60)
    assert told.stderr == ""
    peak_kib, reason = told.stdout.split(maxsplit=1)
    assert (
        reason.strip()
        == "too large: more than 4,000,000 values, for at most 1,000,000 rows (MAX_MESSAGE_ROWS)"
    )
    assert int(peak_kib) < 512 << 10


class Words(msgspec.Struct):
    n: int
    tags: list[str] = []


def test_lists_of_one_length_in_one_piece_and_another_in_the_next_are_joined():
    words = Table(name="words", ddl="", rows=one_row_each(tags=object))
    maker = RowMaker(Feed(topic="t", event=Words, tables=(words,)), TP)
    one = maker.make(
        [b'{"n":1,"tags":["a","b"]}', b'{"n":2,"tags":["c","d"]}'], np.arange(2, dtype=np.uint64)
    )
    assert one.blocks["words"]["tags"].tolist() == [["a", "b"], ["c", "d"]]


# Columns of the record

SENT_DDL = (
    "CREATE TABLE {table} (n UInt64, day UInt16, sent DateTime64(3, 'UTC'), key Nullable(String), place UInt64, "
    "{address}) ENGINE = MergeTree PARTITION BY day ORDER BY n {settings}"
)
SENT = replace(
    ONE_EACH, name="sent", ddl=SENT_DDL, record={"sent": Timestamp(), "key": Key(), "place": Offset()}
)


def details(*timestamps):
    return Details(list(timestamps), [b"%d" % at for at in timestamps], [()] * len(timestamps))


def test_every_event_of_a_message_has_what_the_record_says():
    values = [event(1), array(event(2), event(3)), BAD, event(4)]
    made = make(values, SENT, ONE_EACH, details=details(10, 20, -1, 40))
    assert list(made.bad) == [2]
    columns = made.blocks["sent"]
    assert columns["n"].tolist() == [1, 2, 3, 4]
    assert columns["sent"].tolist() == [10, 20, 20, 40]
    assert columns["key"].tolist() == ["10", "20", "20", "40"]
    assert columns["place"].tolist() == columns["_off"].tolist() == [0, 1, 1, 3]
    assert "sent" not in made.blocks["one_each"]


def test_a_record_that_does_not_fit_is_bad_and_names_column_and_type():
    values = [event(n) for n in range(7)]
    made = make(values, SENT, details=details(0, -1, 2, 3, 2**62, 5, 6))
    assert reasons(made) == {
        1: "cannot be encoded: table sent, column sent, DateTime64(3, 'UTC'): the record has none",
        4: "cannot be encoded: table sent, column sent, DateTime64(3, 'UTC'): out of range",
    }
    assert made.blocks["sent"]["sent"].tolist() == [0, 2, 3, 5, 6]


def test_table_partitions_may_depend_on_the_record():
    by_time = replace(SENT, partition_of=lambda columns: columns["sent"] // 1000)
    made = make([event(1), event(2)], by_time, details=details(999, 1_000))
    assert made.table_partitions == {"sent": {0, 1}}


def test_tables_without_columns_of_the_record_need_no_details():
    assert not RowMaker(feed(ONE_EACH), TP).needs_details
    assert not RowMaker(feed(replace(SENT, record={"place": Offset()})), TP).needs_details
    assert RowMaker(feed(ONE_EACH, SENT), TP).needs_details
    with pytest.raises(AssertionError, match="without its details"):
        make([event(1)], SENT)
