"""`ask`: which questions there are, what is refused before ClickHouse is asked, and how an answer is printed."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

import consumer.commands.ask
from common.errors import SettingError
from common.model.question import Answer, Question
from common.model.stream import Stream
from consumer.__main__ import main

READINGS = Stream(
    name="readings",
    version=1,
    feeds=(),
    questions=(
        Question(name="mean", help="the mean of a device", sql="SELECT 1 WHERE {device:String} > {n:UInt8}"),
        Question(name="all", help="everything", sql="SELECT * FROM {table}"),
    ),
)
SILENT = Stream(name="silent", version=1, feeds=())
ANSWER = Answer(["device", "number", "other"], ["String", "UInt128", "Nullable(String)"], [])


class FakeAsker:
    """Reads UInt8 as the server does, and answers with what it was asked."""

    rows = (("d-1", 2**100, None), ("two\nlines", 7, "x"))

    def __init__(self, settings):
        pass

    def read(self, name, kind, text):
        return str(int(text) % 256) if kind == "UInt8" else text

    def answer(self, stream, question, parameters):
        self.asked.append((stream.name, question.name, parameters))
        return ANSWER._replace(rows=list(self.rows))

    def close(self):
        self.asked.append("closed")


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setattr(consumer.commands.ask, "Asker", FakeAsker)
    monkeypatch.setattr(consumer.__main__, "load", lambda environ: {"readings": READINGS, "silent": SILENT})
    monkeypatch.setattr(consumer.__main__, "environment", dict)
    monkeypatch.setattr(FakeAsker, "asked", [], raising=False)
    return FakeAsker.asked


def test_without_a_question_those_of_the_stream_are_listed(asked, capsys):
    assert main(["ask", "readings"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "question  parameters                  answer",
        "mean      device (String), n (UInt8)  the mean of a device",
        "all                                   everything",
    ]
    assert asked == []


def test_a_stream_without_questions_says_so(asked, capsys):
    assert main(["ask", "silent"]) == 0
    assert capsys.readouterr().out == "silent states no questions\n"


def test_a_question_is_asked_with_its_parameters_as_they_were_written(asked, capsys):
    assert main(["ask", "readings", "mean", "--param", "device=a=b", "--param", "n=255"]) == 0
    assert asked == [("readings", "mean", {"device": "a=b", "n": "255"}), "closed"]
    assert capsys.readouterr().out.splitlines() == [
        "device                                 number  other",
        "d-1           1267650600228229401496703205376  NULL",
        "'two\\nlines'                                7  x",
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ask", "orders"], "no stream is called orders; there are: readings, silent"),
        (["ask", "readings", "median"], "readings has no question median; it has: mean, all"),
        (["ask", "silent", "mean"], "silent has no question mean; it has: none"),
        (
            ["ask", "readings", "mean", "--param", "n=1"],
            "question mean needs --param device=… (String)",
        ),
        (
            ["ask", "readings", "mean", "--param", "m=1"],
            "question mean has no parameter m; it has: device (String), n (UInt8)",
        ),
        (["ask", "readings", "all", "--param", "m=1"], "question all has no parameter m; it has: none"),
        (["ask", "readings", "mean", "--param", "n=1", "--param", "n=1"], "--param n is given twice"),
        (["ask", "readings", "mean", "--param", "n=", "--param", "device="], "--param n= gives no UInt8"),
        (
            ["ask", "readings", "mean", "--param", "n=256", "--param", "device=d"],
            "--param n=256 is not how UInt8 writes a value: ClickHouse would read 0",
        ),
    ],
)
def test_what_the_stream_does_not_state_is_refused_with_what_it_does(asked, arguments, says):
    with pytest.raises(SettingError) as refused:
        main(arguments)
    assert str(refused.value) == says
    assert asked in ([], ["closed"])


@pytest.mark.parametrize("given", ["n", "=1"])
def test_a_parameter_without_name_or_value_is_told_at_once(asked, capsys, given):
    with pytest.raises(SystemExit):
        main(["ask", "readings", "mean", "--param", given])
    assert f"'{given}' is not NAME=VALUE" in capsys.readouterr().err


def test_json_holds_every_value_exactly(asked, capsys, monkeypatch):
    at = datetime(2026, 11, 1, 12, tzinfo=UTC)
    monkeypatch.setattr(
        FakeAsker, "rows", [("ä", 2**100, None), (at, Decimal("1.10"), [float("nan"), {"a": (1.5, True)}])]
    )
    assert main(["ask", "readings", "all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "columns": ANSWER.columns,
        "types": ANSWER.types,
        "rows": [
            ["ä", 2**100, None],
            ["2026-11-01 12:00:00+00:00", "1.10", ["nan", {"a": [1.5, True]}]],
        ],
    }
