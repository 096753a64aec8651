"""Parameters of questions as FastAPI wants them: their ClickHouse types as checks, ranges and words. Pure."""

from __future__ import annotations

import inspect
import re
from enum import Enum
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BeforeValidator

from common.model.question import Parameter, Question

MOST_CHARACTERS = 1_000
_INTEGER = re.compile(r"(U?)Int(\d+)")
_WHOLE = re.compile(r"-?[0-9]{1,40}")


class Kind(Enum):
    """What a person types for a parameter."""

    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    TIME = "time"
    OTHER = "other"


def kind_of(clickhouse_type: str) -> Kind:
    """The kind of a ClickHouse type; OTHER: its values are checked by the server alone."""
    if _INTEGER.fullmatch(clickhouse_type):
        return Kind.INTEGER
    if clickhouse_type in ("Float32", "Float64"):
        return Kind.NUMBER
    if clickhouse_type in ("String", "LowCardinality(String)"):
        return Kind.TEXT
    return Kind.TIME if clickhouse_type.startswith("Date") else Kind.OTHER


def bounds(clickhouse_type: str, told: Parameter) -> tuple[int | float | None, int | float | None]:
    """The lowest and the highest value: what is told, within what the type holds."""
    found = _INTEGER.fullmatch(clickhouse_type)
    if found is None:
        return told.low, told.high
    bits = int(found[2])
    low, high = (0, 2**bits - 1) if found[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return (low if told.low is None else max(low, told.low)), (
        high if told.high is None else min(high, told.high)
    )


def described(question: Question) -> list[dict[str, Any]]:
    """Each parameter for a form: name, kind, help, whether it must be given, default, range, choices."""
    found = []
    for name, clickhouse_type in question.parameters.items():
        told = question.about.get(name, Parameter(""))
        low, high = bounds(clickhouse_type, told)
        found.append(
            {
                "name": name,
                "kind": kind_of(clickhouse_type).value,
                "type": clickhouse_type,
                "help": told.help,
                "required": told.default is None,
                "default": told.default,
                "minimum": _exact(low),
                "maximum": _exact(high),
                "choices": list(told.choices) or None,
            }
        )
    return found


def signature(question: Question, in_path: set[str]) -> inspect.Signature:
    """A signature with the question's parameters by name; those of `in_path` are parts of the path."""
    parameters = []
    for name, clickhouse_type in question.parameters.items():
        told = question.about.get(name, Parameter(""))
        default = inspect.Parameter.empty if told.default is None or name in in_path else told.default
        annotation = _annotation(clickhouse_type, told, is_path=name in in_path)
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        )
    return inspect.Signature(parameters)


def _annotation(clickhouse_type: str, told: Parameter, *, is_path: bool) -> Any:
    kind = kind_of(clickhouse_type)
    low, high = bounds(clickhouse_type, told)
    place = Path if is_path else Query
    if kind is Kind.INTEGER:
        return Annotated[int, place(ge=low, le=high, description=told.help), BeforeValidator(_whole)]
    if kind is Kind.NUMBER:
        return Annotated[float, place(ge=low, le=high, allow_inf_nan=False, description=told.help)]
    if told.choices:
        return Annotated[Literal[told.choices], place(description=told.help)]
    help_ = told.help or f"as ClickHouse writes a value of {clickhouse_type}"
    return Annotated[str, place(max_length=MOST_CHARACTERS, description=help_)]


def _whole(value: Any) -> Any:
    """Text of digits alone: pydantic would also take 1_000, 1.0 and spaces."""
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError("be a whole number")
    return value


def _exact(value: int | float | None) -> int | float | str | None:
    return str(value) if isinstance(value, int) and abs(value) > 2**53 - 1 else value
