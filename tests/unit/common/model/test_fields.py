from __future__ import annotations

import time
from datetime import datetime
from decimal import Decimal
from enum import Enum
from types import SimpleNamespace
from typing import Annotated, Literal

import msgspec
import pytest

from common.model.fields import Column, fields_of, getter


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize(
    ("hint", "column", "said"),
    [
        (int, Column("String"), "Made.v is int, of which no String is made"),
        (bool, Column("Nullable(UInt8)"), "Made.v is bool, of which no Nullable(UInt8) is made"),
        (list[bool], Column("Array(Int128)"), "an item of Made.v is bool, of which no Int128 is made"),
        (datetime, Column("Date"), "Made.v is datetime, of which no Date is made"),
        (msgspec.Raw, Column("Nullable(IPv4)"), "Made.v is Raw, JSON as it came: Nullable(IPv4) holds none"),
        (tuple[()], Column(), "Made.v holds nothing"),
        (str, Column("UInt8"), "Made.v is str, of which no UInt8 is made"),
        (int, Column("DateTime64(3)"), "say what it counts"),
        (int | None, Column("UInt8"), "Made.v may be None, UInt8 may not: Nullable(UInt8)"),
        (Decimal, Column(), "state how many digits"),
        (Decimal, Column("Decimal(80, 2)"), "none that ClickHouse has"),
        (str, Column("Strung"), "Strung is no type"),
        (str, Column("FixedString"), "FixedString lacks an argument"),
        (str, Column("Enum8"), "state names and numbers"),
        (
            Literal["a", "b"],
            Column("Enum8('a' = 1)"),
            "Made.v may be 'b', which Enum8('a' = 1) does not name",
        ),
        (
            Colour,
            Column("Nullable(Enum8('red' = 1))"),
            "may be 'blue', which Nullable(Enum8('red' = 1)) does",
        ),
        (Literal["a", None], Column("String"), "Made.v may be None, String may not: Nullable(String)"),
        (int, Column("DateTime64(3)", unit="h"), "unit 'h' is none of s, ms, us, ns"),
        (list[int] | None, Column(), "may be None, which no Array can be"),
        (complex, Column(), "state one"),
        (list[msgspec.Raw], Column(), "no column is made of Raw within a list or dict"),
        (list[msgspec.Raw], Column("Array(String)"), "no column is made of Raw within a list or dict"),
        (list[float], Column("Array(Int64)"), "an item of Made.v is float, of which no Int64 is made"),
        (list, Column("Array(Int64)"), "an item of Made.v is Any, of which no Int64 is made"),
        (tuple[str, ...], Column("Array(UUID)"), "an item of Made.v is str, of which no UUID is made"),
        (tuple[int, str], Column("Array(Int8)"), "an item of Made.v is str, of which no Int8 is made"),
        (list[int | None], Column("Array(Int64)"), "an item of Made.v may be None, Int64 may not"),
        (
            list[list[str]],
            Column("Array(Array(Int64))"),
            "an item of an item of Made.v is str, of which no Int64 is made",
        ),
        (dict[str, float], Column("Map(String, Int64)"), "a value of Made.v is float, of which no Int64"),
        (dict[int, int], Column("Map(String, Int64)"), "a key of Made.v is int, of which no String is made"),
        (dict[str, list[float]], Column("Map(String, Array(Int8))"), "an item of a value of Made.v is float"),
        (list[Literal["a", "b"]], Column("Array(Enum8('a' = 1))"), "an item of Made.v may be 'b'"),
        (list[int], Column("Array(DateTime)"), "an item of Made.v is int, of which no DateTime is made"),
        (list[str], Column("Array(JSON)"), "JSON is a column of its own"),
        (msgspec.Raw | None, Column(), "Raw alone takes null, too"),
    ],
    ids=str,
)
def test_an_annotation_that_contradicts_its_type_is_refused_in_one_line(hint, column, said):
    event = msgspec.defstruct("Made", [("v", Annotated[hint, column])], gc=False)
    with pytest.raises(ValueError) as raised:
        fields_of(event)
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_a_choice_of_none_makes_a_column_that_takes_it():
    event = msgspec.defstruct("Made", [("v", Literal["a", None]), ("w", list[Literal["a", None]])], gc=False)
    nullable = "LowCardinality(Nullable(String))"
    assert [field.kind for field in fields_of(event)] == [nullable, f"Array({nullable})"]


@pytest.mark.parametrize(
    ("kind", "null"),
    [("Nullable(JSON)", None), ("JSON", "null"), ("String", "null"), ("Nullable(String)", "null")],
)
def test_the_null_of_a_raw_field_is_no_value_where_json_may_be_null_and_a_text_elsewhere(kind, null):
    event = msgspec.defstruct("Made", [("v", Annotated[msgspec.Raw, Column(kind)])], gc=False)
    events = [msgspec.json.decode(text, type=event) for text in ('{"v": null}', '{"v": {"a":1}}')]
    assert fields_of(event)[0].values(events) == [null, '{"a":1}']


class Inner(msgspec.Struct, gc=False):
    value: int


class Middle(msgspec.Struct, gc=False):
    inner: Inner | None


class Outer(msgspec.Struct, gc=False):
    middle: Middle | None
    named: Annotated[Inner, Column(name="other")]


def test_fields_of_nested_structs_are_named_after_the_way_to_them():
    assert [(field.name, field.kind) for field in fields_of(Outer)] == [
        ("middle_inner_value", "Nullable(Int64)"),
        ("other_value", "Int64"),
    ]


def test_where_a_part_of_the_way_is_none_so_is_the_value():
    values = fields_of(Outer)[0].values
    events = [Outer(Middle(Inner(5)), Inner(0)), Outer(Middle(None), Inner(0)), Outer(None, Inner(0))]
    assert values(events) == [5, None, None]


def test_a_long_way_is_as_quick_as_it_is_long():
    begun_s = time.perf_counter()
    values = getter(tuple("abcdefghijklmnopqrst"))
    assert time.perf_counter() - begun_s < 1
    assert values([SimpleNamespace(a=None)]) == [None]


class Endless(msgspec.Struct, gc=False):
    again: Endless | None


def test_a_struct_that_holds_itself_is_refused():
    with pytest.raises(ValueError, match="Endless holds itself"):
        fields_of(Endless)


def test_a_way_is_made_of_names_alone():
    with pytest.raises(ValueError, match="no name of a field"):
        getter(("a", "b()"))
