"""Questions to a stream's tables, as values: SQL, parameters, how an answer reads and how it is drawn. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

_PARAMETER = re.compile(r"\{\s*(\w+)\s*:\s*([^{}]+?)\s*\}")

LARGEST_EXACT = 2**53 - 1
"""The largest integer that every reader of JSON keeps exact."""

Row = dict[str, Any]
"""A row of an answer as JSON has it: column → value."""


class Parameter(NamedTuple):
    """What a parameter means, and what is allowed beyond its type. Without a default it has to be given."""

    help: str
    low: int | float | None = None
    high: int | float | None = None
    default: Any = None
    choices: tuple[str, ...] = ()


class Unit(NamedTuple):
    """In which unit a column is: `names` has it for each value of a parameter."""

    column: str
    parameter: str
    names: Mapping[str, str]


class Chart(NamedTuple):
    """How an answer is drawn: a column across, one or more upwards, and what the axes say.

    `threshold` names the parameter above whose value a point stands out.
    """

    kind: Literal["line", "bars"]
    x: str
    y: tuple[str, ...]
    x_label: str = ""
    y_label: str = ""
    threshold: str = ""
    unit: Unit | None = None


class Paged(NamedTuple):
    """An answer that comes in pages of `rows`: the last value of `column` is `parameter` of the next page."""

    column: str
    parameter: str
    rows: int


class Alias(NamedTuple):
    """A short path for the api, with {names} of parameters; `answer` makes its JSON of the rows.

    Without `answer` it is that of the question; `is_picture`: the chart as a PNG; `is_live`: a WebSocket that tells the
    answer again and again. `help` is what it says beyond the help of the question.
    """

    path: str
    answer: Callable[[Sequence[Row]], Any] | None = None
    is_picture: bool = False
    is_live: bool = False
    help: str = ""


class Answer(NamedTuple):
    """The rows of an answer as the driver has them, and the names and ClickHouse types of their columns."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Question:
    """A named question to the tables.

    `sql` uses the placeholder {table}, the first table of the stream's feed number `feed`, and ClickHouse's own
    `{name:Type}` for parameters, which the server binds (a literal above 2^64 would silently be a Float64). `about`
    tells more of parameters. `example` is a row as JSON has it: a text in place of an integer says that the integers of
    this column may pass 2^53 - 1, and are sent as text. `otherwise` makes the rows of an answer that the tables do not
    hold. `extra` adds fields to the answer. `live`: a live view asks it, with these parameters.
    """

    name: str
    sql: str
    help: str
    feed: int = 0
    about: Mapping[str, Parameter] = field(default_factory=dict)
    example: Row = field(default_factory=dict)
    aliases: tuple[Alias, ...] = ()
    chart: Chart | None = None
    paged: Paged | None = None
    otherwise: Callable[..., Sequence[Row]] | None = None
    extra: Callable[[Sequence[Row]], Row] | None = None
    live: Row | None = None

    @property
    def parameters(self) -> dict[str, str]:
        """Name → ClickHouse type of each parameter, in the order of the SQL."""
        return dict(_PARAMETER.findall(self.sql))

    @property
    def defaults(self) -> Row:
        """Name → value of each parameter that need not be given."""
        return {name: told.default for name, told in self.about.items() if told.default is not None}

    def problem(self, name: str, value: int | float | str) -> str:
        """What is wrong with a value that is of the parameter's type, and what is allowed; empty if nothing is."""
        told = self.about.get(name, Parameter(""))
        if told.choices and value not in told.choices:
            return f"one of {', '.join(told.choices)}"
        is_low = told.low is not None and not isinstance(value, str) and value < told.low
        is_high = told.high is not None and not isinstance(value, str) and value > told.high
        if not (is_low or is_high):
            return ""
        if told.low is not None and told.high is not None:
            return f"from {told.low:,} to {told.high:,}"
        return f"at least {told.low:,}" if is_low else f"at most {told.high:,}"

    def next_page(self, rows: Sequence[Row]) -> Row | None:
        """The parameters that differ on the page after the one with these rows; None if that is the last."""
        if self.paged is None or len(rows) < self.paged.rows:
            return None
        return {self.paged.parameter: rows[-1][self.paged.column]}
