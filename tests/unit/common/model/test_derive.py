from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import pytest
from msgspec import Meta

from common.clickhouse_io.encoding import EncodingCheck
from common.errors import DoesNotFit
from common.model.codec import Codec
from common.model.ddl import inserted_columns
from common.model.derive import Column, Computed, table
from common.model.record_columns import Headers, Key, Offset, PartitionNumber, Timestamp, Topic


class Actor(msgspec.Struct, gc=False):
    login: str
    id: Annotated[int, Column(leave_out=True)] = 0


class Commit(msgspec.Struct, gc=False):
    sha: str


class Color(Enum):
    RED = "red"


class Everything(msgspec.Struct, gc=False):
    """A field of every kind that makes a column by itself."""

    n: int
    m: Annotated[int, Meta(ge=0)]
    flag: bool
    ratio: float
    text: str
    maybe: str | None
    color: Color
    kind: Literal["a", "b"]
    at: datetime
    day: date
    key: uuid.UUID
    numbers: list[int]
    tags: dict[str, str]
    actor: Actor
    org: Actor | None
    raw: msgspec.Raw
    commits: list[Commit]
    price: Annotated[Decimal, Column("Decimal(18, 2)", codec="ZSTD(1)", comment="in 'EUR', with {tax}")]
    small: Annotated[int, Column("UInt8", name="renamed")]


DEFAULT = Everything(
    n=-1,
    m=2**64 - 1,
    flag=True,
    ratio=0.5,
    text="x",
    maybe=None,
    color=Color.RED,
    kind="a",
    at=datetime(2026, 11, 1, 12, 34, 56, 123456, UTC),
    day=date(1900, 1, 1),
    key=uuid.UUID(int=5),
    numbers=[1],
    tags={"a": "b"},
    actor=Actor("me"),
    org=None,
    raw=msgspec.Raw(b'{"a": 1}'),
    commits=[],
    price=Decimal("1.50"),
    small=255,
)
TYPES = {
    "n": "Int64",
    "m": "UInt64",
    "flag": "Bool",
    "ratio": "Float64",
    "text": "String",
    "maybe": "Nullable(String)",
    "color": "LowCardinality(String)",
    "kind": "LowCardinality(String)",
    "at": "DateTime64(6, 'UTC')",
    "day": "Date32",
    "key": "UUID",
    "numbers": "Array(Int64)",
    "tags": "Map(String, String)",
    "actor_login": "String",
    "org_login": "Nullable(String)",
    "raw": "String",
    "price": "Decimal(18, 2)",
    "renamed": "UInt8",
}


def derived(event, **options):
    return table(event, name="t", **({"order_by": "tuple()"} | options))


def rows_of(made, *events):
    return {name: column.tolist() for name, column in made.rows(list(events)).columns.items()}


def test_each_field_makes_the_column_of_its_type():
    stated = inserted_columns(derived(Everything))
    assert {name: stated[name] for name in TYPES} == TYPES
    assert set(stated) - set(TYPES) == {"_tp", "_off", "_row", "_rows"}


def test_the_ddl_states_codec_and_comment_and_survives_braces_and_quotes():
    statement = derived(Everything, order_by="(n, at)", partition_by="toYYYYMM(at)").create_statement()
    assert "`price` Decimal(18, 2) COMMENT 'in \\'EUR\\', with {tax}' CODEC(ZSTD(1))" in statement
    assert "ENGINE = MergeTree PARTITION BY toYYYYMM(at) ORDER BY (n, at) SETTINGS" in statement
    assert "PROJECTION by_address" in statement


def test_values_become_columns_that_are_exact():
    made = derived(Everything).rows([DEFAULT]).columns
    assert made["m"].tolist() == [2**64 - 1]
    assert made["at"].tolist() == [1793536496123456]
    assert made["day"].tolist() == [-25567]
    assert made["org_login"].tolist() == [None]
    assert made["raw"].tolist() == ['{"a": 1}']
    assert made["price"]["scaled"].tolist() == [150]
    assert made["color"].tolist() == ["red"]


def test_what_is_derived_passes_the_check_of_columns():
    made = derived(Everything)
    columns = made.rows([DEFAULT, DEFAULT]).columns
    address = {
        name: np.zeros(2, "u8" if name in ("_tp", "_off") else "u4")
        for name in ("_tp", "_off", "_row", "_rows")
    }
    checked = EncodingCheck([made])("t", columns | address)
    assert checked["price"].dtype == columns["price"].dtype


def test_a_computed_column_has_its_type_and_its_check():
    made = derived(Commit, computed={"size": Computed("UInt8", lambda events: [len(e.sha) for e in events])})
    assert rows_of(made, Commit("abc")) == {"sha": ["abc"], "size": [3]}
    with pytest.raises(DoesNotFit, match="size"):
        made.rows([Commit("x" * 256)])


# Rows of a list


class Line(msgspec.Struct, gc=False):
    sku: str
    quantity: Annotated[int, Column("UInt16")]


class Order(msgspec.Struct, gc=False):
    order: int
    lines: list[Line]


def test_a_list_of_structs_makes_no_column_but_rows_of_a_table_of_its_own():
    assert set(rows_of(derived(Order), Order(1, []))) == {"order"}
    lines = derived(Order, each="lines", carry=("order",), index="line")
    made = lines.rows([Order(7, [Line("a", 1), Line("b", 2)]), Order(8, []), Order(9, [Line("c", 3)])])
    assert {name: column.tolist() for name, column in made.columns.items()} == {
        "order": [7, 7, 9],
        "sku": ["a", "b", "c"],
        "quantity": [1, 2, 3],
        "line": [0, 1, 0],
    }
    assert made.per_event.tolist() == [2, 0, 1]
    assert inserted_columns(lines)["line"] == "UInt32"


class Clash(msgspec.Struct, gc=False):
    actor: Actor
    actor_login: str


class Own(msgspec.Struct, gc=False):
    own: Annotated[int, Column(name="_off")]


class Nothing(msgspec.Struct, gc=False):
    pass


@pytest.mark.parametrize(
    ("event", "options", "said"),
    [
        (Clash, {}, "two columns are called actor_login"),
        (Own, {}, "_off is one of Penstock's own"),
        (Nothing, {}, "no field that makes a column"),
        (Order, {"each": "order"}, "Order.order is no list of Structs"),
        (Order, {"each": "lines", "carry": ("id",)}, "no column id to carry; it has order"),
        (Everything, {"partition_by": "intHash32(n)"}, "only a column, or one of toYYYYMM(column)"),
        (Everything, {"partition_by": "toYYYYMM(n)"}, "it has to be a date or a time in 'UTC'"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:30]),
)
def test_a_table_that_contradicts_its_event_is_refused(event, options, said):
    with pytest.raises(ValueError) as raised:
        derived(event, **options)
    assert said in str(raised.value)


def test_names_of_columns_may_be_anything():
    names = ["select", "a.b", "it's", "two words", "Ünï", "🌊", "back`tick", "br{ace}s", "back\\slash"]
    event = msgspec.defstruct(
        "Odd", [(f"f{i}", Annotated[int, Column(name=name)]) for i, name in enumerate(names)], gc=False
    )
    assert list(inserted_columns(derived(event)))[: len(names)] == names


def test_a_thousand_columns_are_no_obstacle():
    event = msgspec.defstruct("Wide", [(f"c{i}", int) for i in range(1_000)], gc=False)
    assert len(inserted_columns(derived(event))) == 1_004


@pytest.mark.parametrize("word", ["class", "from", "None", "select"])
def test_a_field_may_be_called_as_a_word_of_python_or_sql(word):
    made = msgspec.defstruct("Odd", [(word, int)], gc=False)
    outer = msgspec.defstruct("Outer", [(word, made)], gc=False)
    (event,) = Codec(outer).decode([b'{"%b": {"%b": 5}}' % (word.encode(), word.encode())]).events
    assert rows_of(derived(outer), event) == {f"{word}_{word}": [5]}


class Holder(msgspec.Struct, gc=False):
    v: object


class One(msgspec.Struct, gc=False):
    v: Annotated[int, Column("UInt8")]


@pytest.mark.parametrize(
    ("value", "flaw"), [(256, "out of range"), (None, "wrong type"), ("x", "wrong type")]
)
def test_a_value_that_does_not_fit_is_refused_by_column_and_type(value, flaw):
    with pytest.raises(DoesNotFit) as raised:
        derived(One).rows([Holder(value)])
    assert raised.value.reason.detail.startswith(f"column v, UInt8: {flaw}")


class Loose(msgspec.Struct, gc=False):
    v: Annotated[Any, Column("UInt8")]


def test_a_field_of_any_type_is_refused():
    with pytest.raises(ValueError, match="Loose.v is Any, of which no UInt8 is made"):
        derived(Loose)


def test_a_computed_value_of_another_type_is_never_made_to_fit():
    made = derived(Commit, computed={"n": Computed("UInt8", lambda events: [1.5 for _ in events])})
    with pytest.raises(DoesNotFit, match="n, UInt8"):
        made.rows([Commit("a")])


# Columns of the record


def test_columns_of_the_record_stand_in_the_ddl_and_not_in_the_rows():
    of_record = {
        "key": Key(),
        "sent": Timestamp(codec="Delta, LZ4", comment="by the producer"),
        "headers": Headers(),
        "topic": Topic(),
        "number": PartitionNumber(),
        "place": Offset("UInt32"),
    }
    made = derived(Commit, record=of_record, partition_by="toYYYYMM(sent)", order_by="(topic, sent)")
    stated = inserted_columns(made)
    assert {name: stated[name] for name in of_record} == {
        "key": "Nullable(String)",
        "sent": "DateTime64(3, 'UTC')",
        "headers": "Array(Tuple(name String, value Nullable(String)))",
        "topic": "LowCardinality(String)",
        "number": "UInt32",
        "place": "UInt32",
    }
    assert (
        "`sent` DateTime64(3, 'UTC') COMMENT 'by the producer' CODEC(Delta, LZ4)" in made.create_statement()
    )
    assert rows_of(made, Commit("a")) == {"sha": ["a"]}
    assert made.record == of_record
    months = made.partition_of({"sent": np.array([0, 1, 1_795_000_000_000])}).tolist()
    assert months[0] == months[1] != months[2]


@pytest.mark.parametrize(
    ("of_record", "reason"),
    [
        ({"sha": Key()}, "two columns are called sha"),
        ({"_off": Offset()}, "the column _off is one of Penstock's own"),
        ({"key": Key("UInt8")}, "column key: UInt8 cannot hold Key, Nullable\\(String\\) can"),
        ({"key": Key("Strin")}, "Strin is no type"),
    ],
)
def test_a_column_of_the_record_that_contradicts_the_table_is_refused(of_record, reason):
    with pytest.raises(ValueError, match=reason):
        derived(Commit, record=of_record)


def test_settings_of_the_table_stand_beside_those_that_every_table_has():
    made = table(
        Actor, name="actors", order_by="login", settings={"index_granularity": 1024, "storage_policy": "a'b"}
    )
    statement = made.create_statement()
    assert statement.endswith("fsync_part_directory = 1, index_granularity = 1024, storage_policy = 'a\\'b'")


@pytest.mark.parametrize("name", ["fsync_after_insert", "a b", ""])
def test_settings_that_exactly_once_rests_on_are_not_given_by_a_stream(name):
    with pytest.raises(ValueError, match="is no setting that a table may have beside Penstock's own"):
        table(Actor, name="actors", order_by="login", settings={name: 0})
