import re

import pytest

from common.model.kinds import refuse_odd, split


def test_a_type_falls_into_its_name_and_arguments_however_it_is_spelled():
    assert split("UInt8") == ("UInt8", [])
    assert split("Map(String,Array( Nullable(UInt8) ))") == ("Map", ["String", "Array( Nullable(UInt8) )"])
    assert split("Enum8('a, b' = 1, ')' = 2)") == ("Enum8", ["'a, b' = 1", "')' = 2"])


@pytest.mark.parametrize(
    "kind",
    [
        "Nullable",
        "Map(String)",
        "Array()",
        "Array(String, String)",
        "Nullable(Array(String))",
        "Nullable(Nullable(String))",
        "Nullable(LowCardinality(String))",
        "LowCardinality(Nullable(Decimal(9, 2)))",
        "LowCardinality(DateTime64(3))",
        "Map(LowCardinality(Nullable(String)), String)",
        "DateTime(3)",
        "DateTime(3, 'UTC')",
        "DateTime64(3, UTC)",
        "Decimal(5)",
        "Decimal(a, b)",
        "FixedString(0)",
        "Int32(11)",
        "UUID(1)",
        "Enum8('a' = 1, 'b')",
        "Enum8('it''s' = 1)",
        r"Enum8('a\nb' = 1)",
        "Enum8('a' = 1, 'a' = 2)",
        "Enum8('a' = 1, 'b' = 1)",
        "Enum8('a' = 300)",
    ],
)
def test_what_is_no_type_or_another_one_to_the_server_is_refused(kind):
    with pytest.raises(ValueError, match=re.escape(kind)):
        refuse_odd(kind)


@pytest.mark.parametrize(
    "kind",
    [
        "Nullable(JSON)",
        "JSON(max_dynamic_paths=8)",
        "DateTime",
        "DateTime('Europe/Berlin')",
        "DateTime64(9,'UTC')",
        "Decimal( 18 ,2 )",
        "Map(LowCardinality(String), Array(Nullable(UInt8)))",
        "LowCardinality(Nullable(FixedString(3)))",
        r"Nullable(Enum16('a, b' = 300, 'it\'s' = -2))",
        "Tuple(UInt8, String)",
    ],
)
def test_other_types_pass(kind):
    refuse_odd(kind)


def test_it_is_refused_within_another_type():
    with pytest.raises(ValueError, match=re.escape("Int32(11)")):
        refuse_odd("Map(String, Array(Nullable(Int32(11))))")
