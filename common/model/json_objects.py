"""Texts for a column of type JSON: objects that ClickHouse gives back as they are, null and {} as no value. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

DEEPEST = 100
_FIRST, _LAST = -(2**63), 2**64 - 1
_LAST_OF_FLOATS = 2**53


def json_texts(values: Sequence[Any]) -> list[str | None]:
    """The values as texts: a text stays what it is, None too, and a dict becomes one.

    Raises ValueError for what is no JSON object, has a path twice, is too deep, or has a list whose items ClickHouse
    would change; OverflowError for a number that it would round or turn into a text; TypeError for what is no text.
    """
    return [None if value is None else _text(value) for value in values]


def _text(value: Any) -> str:
    text = msgspec.json.encode(value).decode() if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise TypeError
    msgspec.json.decode(text)  # the stricter of the two: no NaN, no half of a pair of surrogates
    made = json.loads(text, object_pairs_hook=_object, parse_float=_finite)
    if not isinstance(made, dict):
        raise ValueError
    _check(made, 0)
    return text


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise OverflowError
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError
    return made


def _check(value: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError
    if isinstance(value, dict):
        if any("." in name for name in value):  # ClickHouse takes it for a path
            paths = list(_paths(value, ""))
            if len(set(paths)) < len(paths):
                raise ValueError
        for inner in value.values():
            _check(inner, depth + 1)
    elif isinstance(value, list):
        _check_list(value)
        for inner in value:
            _check(inner, depth + 1)
    elif isinstance(value, int) and not _FIRST <= value <= _LAST:
        raise OverflowError


def _paths(value: dict[str, Any], prefix: str) -> Iterator[str]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _paths(inner, f"{prefix}{name}.")
        else:
            yield prefix + name


def _check_list(items: list[Any]) -> None:
    """ClickHouse makes the items of lists at one path of one type, those of other rows included.

    Large integers become floats then, a bool among texts a text, a null an empty list or object.
    """
    kinds = set(map(type, items))
    if {bool, str} <= kinds or (type(None) in kinds and (kinds & {list, dict} or len(kinds) == 1)):
        raise ValueError
    if any(type(item) is int and abs(item) > _LAST_OF_FLOATS for item in items):
        raise OverflowError
