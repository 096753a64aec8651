"""A question asked: its rows, whether they had to be computed, and what follows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from api.answers import rows_of
from api.parameters import Kind, kind_of
from api.pool import Pool
from common.clickhouse_io.questions import Asker
from common.errors import ClickHouseRefused, NotAllowed
from common.model.question import Answer, Question, Row
from common.model.stream import Stream


class Asked(NamedTuple):
    """The rows of an answer, the types of its columns, and the parameters of the next page (None: there is none)."""

    rows: list[Row]
    columns: dict[str, str]
    is_computed: bool
    next: Row | None

    def as_json(self, question: Question) -> dict[str, Any]:
        """The answer at the long path of a question."""
        extra = question.extra(self.rows) if question.extra else {}
        columns = [{"name": name, "type": kind} for name, kind in self.columns.items()]
        return {
            **extra,
            "rows": self.rows,
            "columns": columns,
            "computed": self.is_computed,
            "next": self.next,
        }


async def ask(pool: Pool, stream: Stream, question: Question, given: Mapping[str, Any]) -> Asked:
    """Ask. Raises NotAllowed for a value that the server does not read as it was written."""
    answer = await pool.run(partial(_ask, stream=stream, question=question, given=given))
    rows = rows_of(question, answer)
    is_computed = False
    if not rows and question.otherwise is not None:
        rows, is_computed = list(question.otherwise(**given)), True
    columns = dict(zip(answer.columns, answer.types, strict=True))
    return Asked(rows, columns, is_computed, question.next_page(rows))


def _ask(asker: Asker, *, stream: Stream, question: Question, given: Mapping[str, Any]) -> Answer:
    for name, kind in question.parameters.items():
        if name in given and kind_of(kind) in (Kind.TIME, Kind.OTHER):
            _check(asker, name, kind, str(given[name]))
    return asker.answer(stream, question, given)


def _check(asker: Asker, name: str, kind: str, text: str) -> None:
    """What the server would read as another value is refused: times and numbers wrap without an error."""
    try:
        read = asker.read(name, kind, text)
    except ClickHouseRefused as error:
        raise NotAllowed(name, f"{text} is no {kind}") from error
    if read != text:
        raise NotAllowed(name, f"{text} is not how {kind} writes a value: ClickHouse would read {read}")
