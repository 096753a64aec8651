"""Tables as text."""

from __future__ import annotations

import io

from consumer.commands.table import Columns, merged, show

HEADERS = ["partition", "lag", "state"]
ROWS = [["orders/0", 1234567, "stored"], ["orders/10", 0, "parked"]]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_columns_are_aligned_and_numbers_stand_to_the_right():
    out = io.StringIO()
    show(HEADERS, ROWS, out)
    assert out.getvalue().splitlines() == [
        "partition        lag  state",
        "orders/0   1,234,567  stored",
        "orders/10          0  parked",
    ]


def test_without_rows_the_headers_stand_alone():
    out = io.StringIO()
    show(HEADERS, [], out)
    assert out.getvalue() == "partition  lag  state\n"


def test_a_terminal_gets_the_same_words_and_no_markup_is_read_into_them():
    out = Terminal()
    show(HEADERS, [*ROWS, ["orders/11", 5, "[red]as it is"]], out)
    assert "1,234,567" in out.getvalue()
    assert "[red]as it is" in out.getvalue()


def test_remarks_that_are_the_same_are_read_once():
    assert merged([("a/0", "x"), ("a/1", "y"), ("a/2", "x")]) == ["a/0, a/2: x", "a/1: y"]


def test_rows_that_come_bit_by_bit_stand_below_one_line_of_headers():
    out = io.StringIO()
    columns = Columns(out)
    columns.begin(["device", "n"])
    columns.write([["a", 5], ["b", 100]])
    columns.write([["a longer one", 6]])
    columns.begin(["x"])
    columns.write([["y"]])
    assert out.getvalue().splitlines() == [
        "device    n",
        "a         5",
        "b       100",
        "a longer one    6",
        "x",
        "y",
    ]
