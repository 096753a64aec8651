"""`python -m consumer ask`: lists the questions that a stream states, or asks one of them and prints the answer."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from contextlib import closing
from typing import Any, TextIO

from common.clickhouse_io.questions import Asker
from common.errors import SettingError
from common.model.question import Answer, Question
from common.model.stream import Stream
from common.process.clock import Clock
from common.settings.config import Settings
from consumer.commands.table import cell, plain, show

MEANING = """
Without a QUESTION: the questions of the stream, with the parameters that each wants. A parameter is given as
ClickHouse writes a value of its type (256 is no UInt8, 2026-11-01 12:00:00.000 is a DateTime64(3)): what it would read
as another value is refused, and so is an Array of texts. The connection may only read.

In a table, text with line ends or other characters that do not print stands as Python writes it, in quotes. --json is
one object: "columns", their "types", and "rows"; numbers are exact, and what JSON has no form for is text. Times have
microseconds: a question that needs more selects toString(time).

Exit code 0: answered; 1: ClickHouse does not answer, or refuses (it also says what is no value of a type); 2: no such
stream, question or parameter, or a value that it would read as another one.

examples:
  python -m consumer ask collatz
  python -m consumer ask collatz steps --param n=27
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """QUESTION, --param and --json."""
    parser.epilog, parser.formatter_class = MEANING, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "question", nargs="?", metavar="QUESTION", help="its name (default: list the questions)"
    )
    parser.add_argument(
        "--param",
        metavar="NAME=VALUE",
        type=_parameter,
        action="append",
        default=[],
        help="a parameter of the question (repeats); after the QUESTION",
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object on stdout and nothing else there"
    )


def run(settings: Settings, streams: list[Stream], chosen: argparse.Namespace, clock: Clock) -> int:
    """List or ask. Raises SettingError for what the stream does not state, and what the Asker raises."""
    (stream,) = streams
    if chosen.question is None:
        _list(stream, sys.stdout)
        return 0
    question = _question(stream, chosen.question)
    parameters = _parameters(question, chosen.param)
    with closing(Asker(settings.clickhouse)) as asker:
        for name, text in parameters.items():
            _check(asker, question, name, text)
        answer = asker.answer(stream, question, parameters)
    if chosen.json:
        sys.stdout.write(json.dumps(_as_json(answer), ensure_ascii=False) + "\n")
    else:
        show(answer.columns, [list(map(cell, row)) for row in answer.rows], sys.stdout, thousands_apart=False)
    return 0


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _list(stream: Stream, out: TextIO) -> None:
    if not stream.questions:
        out.write(f"{stream.name} states no questions\n")
        return
    rows = [[question.name, _wanted(question), question.help] for question in stream.questions]
    show(["question", "parameters", "answer"], rows, out)


def _wanted(question: Question) -> str:
    return ", ".join(
        f"{name} ({kind}{f', default {question.defaults[name]}' if name in question.defaults else ''})"
        for name, kind in question.parameters.items()
    )


def _question(stream: Stream, name: str) -> Question:
    questions = {question.name: question for question in stream.questions}
    if name not in questions:
        raise SettingError(f"{stream.name} has no question {name}; it has: {', '.join(questions) or 'none'}")
    return questions[name]


def _parameters(question: Question, given: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    wanted = question.parameters
    for name, text in given:
        if name not in wanted:
            raise SettingError(
                f"question {question.name} has no parameter {name}; it has: {_wanted(question) or 'none'}"
            )
        if name in found:
            raise SettingError(f"--param {name} is given twice")
        found[name] = text
    if missing := [name for name in wanted if name not in found | question.defaults]:
        lacks = " ".join(f"--param {name}=… ({wanted[name]})" for name in missing)
        raise SettingError(f"question {question.name} needs {lacks}")
    return found


def _check(asker: Asker, question: Question, name: str, text: str) -> None:
    kind = question.parameters[name]
    if not text and "String" not in kind:
        raise SettingError(f"--param {name}= gives no {kind}")
    read = asker.read(name, kind, text)
    if read != text:
        raise SettingError(
            f"--param {name}={text} is not how {kind} writes a value: ClickHouse would read {read}"
        )
    value = (
        float(text) if kind.startswith("Float") else int(text) if "Int" in kind and "(" not in kind else text
    )
    if allowed := question.problem(name, value):
        raise SettingError(f"--param {name}={text} is not allowed: give {allowed}")


def _as_json(answer: Answer) -> dict[str, Any]:
    rows = [list(map(plain, row)) for row in answer.rows]
    return {"columns": answer.columns, "types": answer.types, "rows": rows}
