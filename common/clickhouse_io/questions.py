"""Asks the questions that streams state."""

from __future__ import annotations

from collections.abc import Mapping

from common.clickhouse_io.client import connect, translated
from common.model.stream import Question, Stream
from common.settings.parts import ClickHouseSettings


class Asker:
    """One read-only connection that answers questions."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self._client = connect(settings)

    def ask(self, stream: Stream, question: Question, parameters: Mapping[str, object]) -> list[tuple]:
        """The rows of the answer. The server binds the parameters: integers stay exact up to 128 bits."""
        with translated(self._client, f"question {question.name}"):
            return self._client.execute(stream.sql(question), dict(parameters))

    def close(self) -> None:
        """Close the connection."""
        self._client.disconnect()
