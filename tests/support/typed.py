"""Whether what was read by the SDK's `from_json` is of the types that its classes state: it takes anything itself."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Iterator
from typing import Any


def misfits(value: Any, where: str) -> Iterator[str]:
    """What is wrong with an object of a generated class and all below it, one line each."""
    hints = typing.get_type_hints(type(value).__init__)
    for name, hint in hints.items():
        if name != "return":
            yield from _misfits(getattr(value, name), hint, f"{where}.{name}")


def _misfits(value: Any, hint: Any, where: str) -> Iterator[str]:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        yield from _of_union(value, inner, where)
    elif origin is typing.Literal:
        if value not in inner:
            yield f"{where}: {value!r} is none of {inner}"
    elif origin is list:
        yield from _of_list(value, inner[0], where)
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{where}: {value!r} is no object"
    elif isinstance(hint, type):
        yield from _of_class(value, hint, where)


def _of_union(value: Any, inner: tuple[Any, ...], where: str) -> Iterator[str]:
    """Nothing if one of them fits; else what is wrong by the one that comes nearest."""
    found = [list(_misfits(value, each, where)) for each in inner if each is not type(None)]
    if value is None and type(None) in inner:
        return
    deepest = max(found, key=lambda lines: max((line.index(":") for line in lines), default=10**9))
    yield from deepest


def _of_list(value: Any, inner: Any, where: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{where}: {value!r} is no list"
        return
    for index, item in enumerate(value):
        yield from _misfits(item, inner, f"{where}[{index}]")


def _of_class(value: Any, hint: type, where: str) -> Iterator[str]:
    if hint is object:
        return
    if issubclass(hint, enum.Enum):
        if value not in [each.value for each in hint]:
            yield f"{where}: {value!r} is no {hint.__name__}"
    elif hint in (int, float):
        if isinstance(value, bool) or not isinstance(value, (int, hint)):
            yield f"{where}: {value!r} is no number"
    elif not isinstance(value, hint):
        yield f"{where}: {value!r} is no {hint.__name__}"
    elif hasattr(value, "to_json") and type(value).__module__.startswith("grafana_foundation_sdk.models"):
        yield from misfits(value, where)
