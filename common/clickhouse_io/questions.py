"""Asks the questions that streams state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from common.clickhouse_io.client import connect, translated
from common.model.stream import Question, Stream
from common.settings.parts import ClickHouseSettings


class Answer(NamedTuple):
    """The rows of an answer, and the names and types of their columns."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]


class Asker:
    """One read-only connection that answers questions."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self._client = connect(settings, readonly=2)  # 2: a question may have SETTINGS

    def ask(self, stream: Stream, question: Question, parameters: Mapping[str, object]) -> list[tuple]:
        """The rows of the answer. The server binds the parameters: integers stay exact up to 128 bits."""
        return self.answer(stream, question, parameters).rows

    def answer(self, stream: Stream, question: Question, parameters: Mapping[str, object]) -> Answer:
        """The answer. Text given for a parameter is read as its type in the server's ways: see `read`."""
        with translated(self._client, f"question {question.name}"):
            rows, columns = self._client.execute(
                stream.sql(question), dict(parameters), with_column_types=True
            )
        return Answer([name for name, _ in columns], [kind for _, kind in columns], rows)

    def read(self, name: str, kind: str, text: str) -> str:
        """How the server writes the value that it reads from the text of a parameter of that type.

        It is the text itself, or the value would be another one: numbers and times wrap or are cut without an error.
        Raises ClickHouseRefused for what is no value of the type, and for an Array of texts.
        """
        with translated(self._client, f"parameter {name}, {kind}"):
            ((read,),) = self._client.execute(f"SELECT toString({{{name}:{kind}}})", {name: text})
        return str(read)

    def close(self) -> None:
        """Close the connection."""
        self._client.disconnect()
