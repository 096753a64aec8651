"""Asks the questions that streams state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from common.clickhouse_io.client import connect, translated
from common.model.question import Answer, Question
from common.model.stream import Stream
from common.settings.parts import ClickHouseSettings


class Asker:
    """One read-only connection that answers questions."""

    def __init__(self, settings: ClickHouseSettings, **limits: object) -> None:
        """`limits` are settings of the server, as max_execution_time, that hold for every question."""
        self._client = connect(settings, readonly=2, **limits)  # 2: a question may have SETTINGS

    def ask(self, stream: Stream, question: Question, parameters: Mapping[str, object]) -> list[tuple]:
        """The rows of the answer. The server binds the parameters: integers stay exact up to 128 bits."""
        return self.answer(stream, question, parameters).rows

    def answer(self, stream: Stream, question: Question, parameters: Mapping[str, object]) -> Answer:
        """The answer; a parameter that is not given has its default.

        Text given for a parameter is read as its type in the server's ways: see `read`.
        """
        with translated(self._client, f"question {question.name}"):
            rows, columns = self._client.execute(
                stream.sql(question), question.defaults | dict(parameters), with_column_types=True
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

    def rows_stored(self, tables: Sequence[str]) -> dict[str, int]:
        """Table → its rows, of those that exist; without reading them."""
        with translated(self._client, "counting rows"):
            found = self._client.execute(
                "SELECT name, total_rows FROM system.tables "
                "WHERE database = currentDatabase() AND has({names:Array(String)}, name)",
                {"names": list(tables)},
            )
        return {name: rows for name, rows in found if rows is not None}

    def close(self) -> None:
        """Close the connection."""
        self._client.disconnect()
