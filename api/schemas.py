"""JSON Schemas for the description of the api, most of them read off an example. Pure."""

from __future__ import annotations

import re
from typing import Any

from common.model.question import Alias, Question

Schema = dict[str, Any]

_INTEGER = re.compile(r"-?\d+")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

PROBLEM: Schema = {
    "title": "Problem",
    "description": "What went wrong, as RFC 9457 has it.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["about:blank"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what happened, where, and what to do next"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "message"],
                "properties": {"where": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
_REF = {"$ref": "#/components/schemas/Problem"}
_TOLD = {
    400: ("no request that can be read", "the query string cannot be read"),
    404: ("there is no such thing, or nothing is stored yet", "nothing is stored yet"),
    422: (
        "a value is missing or not allowed (ranges are told), or too much is asked for",
        "x must be at least 1 (given: 0)",
    ),
    503: (
        "ClickHouse or Kafka does not answer, or not in its limits; try again after Retry-After",
        "ClickHouse does not answer",
    ),
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of an operation, for `responses`."""
    return {status: _problem(status, *_TOLD[status]) for status in statuses}


def _problem(status: int, description: str, detail: str) -> dict[str, Any]:
    example = {"type": "about:blank", "title": "…", "status": status, "detail": detail}
    content = {"application/problem+json": {"schema": _REF, "example": example}}
    return {"description": description, "content": content}


def schema_of(example: Any) -> Schema:
    """Of JSON like this example: all fields are there, a number may be null, an integer in a text is one."""
    if isinstance(example, bool):
        return {"type": "boolean"}
    if isinstance(example, int):
        return {"type": "integer"}
    if isinstance(example, float):
        return {"type": ["number", "null"]}
    if isinstance(example, str):
        return _text(example)
    if isinstance(example, list):
        return {"type": "array", "items": schema_of(example[0])} if example else {"type": "array"}
    if isinstance(example, dict):
        properties = {name: schema_of(value) for name, value in example.items()}
        return {"type": "object", "required": list(example), "properties": properties}
    return {}


def _text(example: str) -> Schema:
    if _INTEGER.fullmatch(example):
        told = "an integer as text: it may pass 2^53 - 1, where JSON's readers round"
        return {"type": "string", "pattern": r"^-?\d+$", "description": told}
    if _TIME.fullmatch(example):
        return {"type": "string", "format": "date-time"}
    return {"type": "string"}


def answer_example(question: Question) -> dict[str, Any]:
    """What an answer to the question looks like."""
    rows = [question.example] if question.example else []
    extra = question.extra(rows) if question.extra else {}
    columns = [{"name": name, "type": "…"} for name in question.example]
    return {**extra, "rows": rows, "columns": columns, "computed": False, "next": None}


def answer_schema(question: Question) -> Schema:
    """Of the answer to a question, at its long path."""
    example = answer_example(question)
    schema = schema_of(example)
    row = schema_of(question.example) if question.example else {"type": "object"}
    schema["properties"] |= {
        "rows": {"type": "array", "items": row},
        "columns": {"type": "array", "items": schema_of({"name": "n", "type": "t"})},
        "computed": {"type": "boolean", "description": "the tables hold no such rows: these were computed"},
        "next": {"type": ["object", "null"], "description": "the parameters that give the next page"},
    }
    return schema


def alias_example(question: Question, alias: Alias) -> Any:
    """What an answer looks like at a short path."""
    return alias.answer([question.example]) if alias.answer else answer_example(question)
