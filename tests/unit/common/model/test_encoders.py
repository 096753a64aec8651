"""Columns of texts are on the wire, byte for byte, what the driver writes."""

import random
from collections import OrderedDict

import numpy as np
import pytest

from common.clickhouse_io.internals import BufferedSocketWriter
from common.clickhouse_io.strict import strict_column
from common.model.columns import joined
from common.model.encoders import encoder, is_pairs_of_texts

SIGNS = ["", "a", "\0", "a\0b\0", "é", "\x7f", "\x80", "ÿ", "Ā", "漢字", "🦖", "\r\n\t", "a" * 200]
TEXTS = [
    *SIGNS,
    *("x" * length for length in (126, 127, 128, 16_382, 16_383, 16_384, 70_000)),
    *("é" * length for length in (63, 64, 8_191, 8_192)),
    *("漢" * length for length in (42, 43, 5_461, 5_462)),
]
BYTES = [b"", b"\0", b"\xff\xfe", b"\x80" * 128, "é".encode(), b"y" * 16_384]
COLUMNS = [
    ("String", []),
    ("String", ["a"]),
    ("String", ["a", "b" * 127]),
    ("String", ["a" * 128, "b" * 16_383]),
    ("String", ["é", "a" * 130]),
    ("String", TEXTS),
    ("String", BYTES),
    ("String", TEXTS + BYTES),
    ("String", [np.str_("a"), np.bytes_(b"b")]),
    ("Nullable(String)", [None]),
    ("Nullable(String)", ["a", None, "", None, "é", b"\xff"]),
    ("LowCardinality(String)", ["a"]),
    ("LowCardinality(String)", ["a", "b", "", "a", "é", "\0", b"\xff", "b"]),
    ("LowCardinality(String)", TEXTS * 2),
    ("LowCardinality(Nullable(String))", [None]),
    ("LowCardinality(Nullable(String))", ["a", None, "", "a", "b" * 300, None]),
    *(
        (kind, [str(number) for number in range(count)] * 2)
        for kind in ("LowCardinality(String)", "LowCardinality(Nullable(String))")
        for count in (254, 255, 256, 257, 65_535, 65_536)
    ),
    ("Array(String)", [[]]),
    ("Array(String)", [["a", ""], [], ("é", "\0"), TEXTS]),
    ("Array(Array(String))", [[["a"], []], [], [["b", "c"]]]),
    ("Array(Nullable(String))", [["a", None], [], [None]]),
    ("Map(String, String)", [{}]),
    ("Map(String, String)", [{"a": "1", "": "é" * 100}, {}, {b"\xff": "\0"}, OrderedDict(b="2")]),
    ("Map(String,String)", [{"a": "1"}, {"b": "2", "c": "3"}]),
    ("Map(String, Nullable(String))", [{"a": None, "b": "2"}, {}]),
    ("Map(String, Array(String))", [{"a": ["1", "2"], "b": []}, {}]),
    ("Array(Tuple(String, String))", [[]]),
    ("Array(Tuple(String, Nullable(String)))", [[("a", None), (b"a", b"\xff"), ("", "")], [], [["b", "é"]]]),
    ("Array(Tuple(name String, value Nullable(String)))", [[("a", "1"), ("a", "2")], [("漢", None)], []]),
    ("Array(Tuple(a Array(String), b Map(String,String)))", [[(["x"], {"k": "v"})], []]),
]


class Socket:
    """Keeps what is sent."""

    def __init__(self):
        self.sent = b""

    def sendall(self, data):
        self.sent += bytes(data)


def by_driver(kind, values):
    socket = Socket()
    out = BufferedSocketWriter(socket, 1 << 16)
    column = strict_column(kind)
    column.write_state_prefix(out, values)
    column.write_data(values, out)
    out.flush()
    return socket.sent


def ours(column):
    return b"".join(column.wire())


def as_read(value):
    """A value as `tolist` gives it: bytes that are UTF-8 as str, rows as list or dict."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return bytes(value)
    if isinstance(value, dict):
        return {as_read(key): as_read(inner) for key, inner in value.items()}
    return [as_read(inner) for inner in value] if isinstance(value, list | tuple) else value


def pieces(kind, values, size):
    return joined([encoder(kind)(values[at : at + size]) for at in range(0, max(1, len(values)), size)])


@pytest.mark.parametrize(("kind", "values"), COLUMNS)
def test_a_column_is_what_the_driver_writes(kind, values):
    made = encoder(kind)(values)
    assert len(made) == len(values)
    assert ours(made) == by_driver(kind, list(values)) or not values
    assert made.tolist() == as_read(list(values))


def test_random_columns_are_what_the_driver_writes():
    rng = random.Random(11)
    makers = {
        "String": lambda: "".join(rng.choices(SIGNS, k=rng.randrange(4))),
        "Nullable(String)": lambda: rng.choice([None, *SIGNS]),
        "LowCardinality(String)": lambda: rng.choice(SIGNS),
        "Array(String)": lambda: rng.choices(SIGNS, k=rng.randrange(4)),
        "Map(String, String)": lambda: dict(
            zip(rng.choices(SIGNS, k=3), rng.choices(SIGNS, k=3), strict=True)
        ),
    }
    for kind, make in makers.items():
        for _ in range(50):
            values = [make() for _ in range(rng.randrange(1, 30))]
            assert ours(pieces(kind, values, rng.randrange(1, 12))) == by_driver(kind, values)


@pytest.mark.parametrize(
    ("kind", "values", "error"),
    [
        ("String", ["a", None], TypeError),
        ("String", ["a", 5], TypeError),
        ("String", ["a", bytearray(b"x")], TypeError),
        ("String", ["a", ["b"]], TypeError),
        ("String", ["\ud800"], ValueError),
        ("Nullable(String)", [None, 0], TypeError),
        ("LowCardinality(String)", ["a", None], TypeError),
        ("LowCardinality(String)", ["a", 5], TypeError),
        ("LowCardinality(String)", [["a"]], TypeError),
        ("LowCardinality(String)", ["\ud800"], ValueError),
        ("LowCardinality(Nullable(String))", [None, True], TypeError),
        ("Array(String)", ["abc"], TypeError),
        ("Array(String)", [b"abc"], TypeError),
        ("Array(String)", [{"a": "b"}], TypeError),
        ("Array(String)", [None], TypeError),
        ("Array(String)", [["a", None]], TypeError),
        ("Array(String)", [iter("ab")], TypeError),
        ("Array(Array(String))", [["ab"]], TypeError),
        ("Map(String, String)", [[("a", "b")]], TypeError),
        ("Map(String, String)", [None], TypeError),
        ("Map(String, String)", [{"a": 1}], TypeError),
        ("Map(String, String)", [{1: "a"}], TypeError),
        ("Array(Tuple(String, String))", [["ab"]], TypeError),
        ("Array(Tuple(String, String))", [{("a", "b"): 1}], TypeError),
        ("Array(Tuple(String, String))", [[("a", "b", "c")]], TypeError),
        ("Array(Tuple(String, String))", [[("a", None)]], TypeError),
        ("Array(Tuple(String, String))", [[("a", 1)]], TypeError),
        ("Array(Tuple(String, String))", [None], TypeError),
    ],
)
def test_what_is_no_text_is_refused(kind, values, error):
    with pytest.raises(error):
        encoder(kind)(values)


@pytest.mark.parametrize(
    "kind",
    [
        "UInt8",
        "FixedString(3)",
        "JSON",
        "Nullable(UInt8)",
        "LowCardinality(UInt8)",
        "Array(UInt8)",
        "Array(LowCardinality(String))",
        "Map(LowCardinality(String), String)",
        "Map(String, UInt8)",
        "Tuple(String, String)",
        "Array(Tuple(String, UInt8))",
        "Array(Tuple(String, LowCardinality(String)))",
        "Array(Tuple(String, String, String))",
    ],
)
def test_other_types_are_left_to_the_driver(kind):
    assert encoder(kind) is None


@pytest.mark.parametrize(
    ("kind", "is_one"),
    [
        ("Array(Tuple(String, Nullable(String)))", True),
        ("Array(Tuple(String,Nullable( String )))", True),
        ("Array(Tuple(`a b` String, value Nullable(String)))", True),
        ("Array(Tuple(String, String))", False),
        ("Tuple(String, Nullable(String))", False),
        ("Map(String, Nullable(String))", False),
        ("String", False),
    ],
)
def test_pairs_of_texts_are_known_however_they_are_spelled(kind, is_one):
    assert is_pairs_of_texts(kind) is is_one
