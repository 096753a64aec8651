"""The fields of an event type as columns: their names, their types, and how to read their values. Pure."""

from __future__ import annotations

import types
import typing
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from common.model.columns import attribute
from common.model.conversions import conversion, is_json, is_nullable
from common.model.kinds import names_of, split
from common.model.times import UNITS

Getter = Callable[[Sequence[Any]], list[Any]]


@dataclass(frozen=True)
class Column:
    """What a field says of its column, in its annotation: `temp: Annotated[float, Column("Float32")]`.

    `type` is the ClickHouse type; without it the field's own type decides. `unit`, of an integer that is a time: what
    it counts since 1970, s, ms, us or ns. `leave_out`: the field makes no column.
    """

    type: str = ""
    name: str = ""
    codec: str = ""
    comment: str = ""
    unit: str = ""
    leave_out: bool = False


class Field(NamedTuple):
    """A column that a field makes: its name, its ClickHouse type, what it says of itself, its values per event.

    `is_typed`: the event type alone ensures that the values are of a Python type that fits.
    """

    name: str
    kind: str
    column: Column
    values: Getter
    is_typed: bool


_TYPES: dict[Any, str] = {
    bool: "Bool",
    float: "Float64",
    str: "String",
    bytes: "String",
    datetime: "DateTime64(6, 'UTC')",
    date: "Date32",
    uuid.UUID: "UUID",
    msgspec.Raw: "String",
}

_OF_RAW = ("String", "FixedString", "JSON")


def fields_of(event: type[msgspec.Struct]) -> list[Field]:
    """The columns of a Struct, in its order; those of nested Structs as `outer_inner`.

    Raises ValueError, in one line, where annotation and type contradict each other.
    """
    return list(_walk(event, (), "", optional=False))


def _walk(
    struct: type[msgspec.Struct], path: tuple[str, ...], prefix: str, optional: bool
) -> Iterator[Field]:
    if len(path) > 20:
        raise ValueError(f"{struct.__name__} holds itself: leave the field out, Column(leave_out=True)")
    for name, hint in get_type_hints(struct, include_extras=True).items():
        if name not in struct.__struct_fields__:
            continue
        where = f"{struct.__name__}.{name}"
        bare, column, meta, may_be_none = _taken_apart(hint)
        if column.leave_out:
            continue
        if bare is msgspec.Raw and may_be_none:
            raise ValueError(
                f"{where}: msgspec takes nothing but null for Raw | None; Raw alone takes null, too"
            )
        may_be_none |= optional
        if isinstance(bare, type) and issubclass(bare, msgspec.Struct) and not column.type:
            yield from _walk(bare, (*path, name), f"{prefix}{column.name or name}_", may_be_none)
        elif _is_list_of_structs(bare) and not column.type:
            continue  # rows of a table of their own: table(…, each=…)
        else:
            kind = column.type or _kind_of(bare, meta, where)
            if may_be_none and not column.type:
                kind = _made_nullable(kind, where)
            _refuse_contradictions(where, bare, may_be_none, kind, column)
            is_typed = _python_type(bare) is not None
            yield Field(
                column.name or f"{prefix}{name}",
                kind,
                column,
                _values_of(bare, kind, (*path, name)),
                is_typed,
            )


def _taken_apart(hint: Any) -> tuple[Any, Column, Meta, bool]:
    """The bare type, its Column, its Meta, and whether it may be None."""
    column, meta, may_be_none = Column(), Meta(), False
    while True:
        if get_origin(hint) is Annotated:
            for extra in hint.__metadata__:
                column = extra if isinstance(extra, Column) else column
                meta = extra if isinstance(extra, Meta) else meta
            hint = get_args(hint)[0]
        elif get_origin(hint) in (typing.Union, types.UnionType) and type(None) in get_args(hint):
            others = [part for part in get_args(hint) if part is not type(None)]
            may_be_none = True
            hint = others[0] if len(others) == 1 else typing.Union[tuple(others)]  # noqa: UP007
            if len(others) > 1:
                return hint, column, meta, may_be_none
        elif get_origin(hint) is Literal and None in get_args(hint) and len(get_args(hint)) > 1:
            may_be_none = True
            hint = Literal[tuple(value for value in get_args(hint) if value is not None)]
        else:
            return hint, column, meta, may_be_none


def _kind_of(bare: Any, meta: Meta, where: str) -> str:
    origin = get_origin(bare)
    if bare is int:
        is_unsigned = (meta.ge is not None and meta.ge >= 0) or (meta.gt is not None and meta.gt >= -1)
        return "UInt64" if is_unsigned else "Int64"
    if bare in _TYPES:
        return _TYPES[bare]
    if origin is Literal or (isinstance(bare, type) and issubclass(bare, Enum)):
        return "LowCardinality(String)"
    if origin in (list, tuple, set, frozenset, dict):
        _refuse_wrapped(bare, where)
    if origin in (list, tuple, set, frozenset):
        if not get_args(bare)[0:1]:
            raise ValueError(f"{where} holds nothing: leave it out, Column(leave_out=True)")
        return f"Array({_inner_kind(get_args(bare)[0], where)})"
    if origin is dict:
        key, value = get_args(bare)
        return f"Map({_inner_kind(key, where)}, {_inner_kind(value, where)})"
    if bare is Decimal:
        raise ValueError(f'{where}: state how many digits, Column("Decimal(18, 2)")')
    raise ValueError(
        f'{where}: no column is made of {bare!r} by itself; state one, Column("…"), or leave it out'
    )


def _inner_kind(hint: Any, where: str) -> str:
    bare, column, meta, may_be_none = _taken_apart(hint)
    kind = column.type or _kind_of(bare, meta, where)
    return _made_nullable(kind, where) if may_be_none else kind


def _refuse_wrapped(bare: Any, where: str) -> None:
    for inner in get_args(bare):
        kind = _taken_apart(inner)[0]
        if kind is msgspec.Raw or (isinstance(kind, type) and issubclass(kind, Enum)):
            raise ValueError(
                f"{where}: no column is made of {kind.__name__} within a list or dict: use str or Literal"
            )


def _made_nullable(kind: str, where: str) -> str:
    name, arguments = split(kind)
    if name in ("Array", "Map"):
        raise ValueError(f"{where} may be None, which no {name} can be: give it a default, or leave it out")
    return f"LowCardinality(Nullable({arguments[0]}))" if name == "LowCardinality" else f"Nullable({kind})"


def _refuse_contradictions(where: str, bare: Any, may_be_none: bool, kind: str, column: Column) -> None:
    if column.unit and column.unit not in UNITS:
        raise ValueError(f"{where}: unit {column.unit!r} is none of {', '.join(UNITS)}")
    try:
        fits = conversion(kind, column.unit).fits
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    given = _python_type(bare)
    if bare is msgspec.Raw and _innermost(kind) not in _OF_RAW:
        raise ValueError(f"{where} is Raw, JSON as it came: {kind} holds none, String and JSON do")
    is_odd = given in (bool, datetime) and given not in fits  # an int and a date to Python alone
    if given is not None and (is_odd or not issubclass(given, fits)):
        hint = '; say what it counts, Column(unit="ms")' if given is int and "Date" in kind else ""
        raise ValueError(f"{where} is {given.__name__}, of which no {kind} is made{hint}")
    if may_be_none and not is_nullable(kind):
        raise ValueError(f"{where} may be None, {kind} may not: Nullable({kind})")
    if "Enum" in kind and (choices := _choices(bare)):
        unknown = sorted(map(str, choices - names_of(kind).keys()))
        if unknown:
            raise ValueError(f"{where} may be {unknown[0]!r}, which {kind} does not name")
    _refuse_contradictions_within(where, bare, kind)


def _refuse_contradictions_within(where: str, bare: Any, kind: str) -> None:
    name, kinds = split(kind)
    if name not in ("Array", "Map"):
        return
    _refuse_wrapped(bare, where)
    hints = [hint for hint in get_args(bare) if hint is not Ellipsis]
    if name == "Array":
        parts = [("an item", kinds[0], hint) for hint in hints or [Any]]
    else:
        parts = list(zip(("a key", "a value"), kinds, hints or [Any, Any], strict=True))
    for part, inner_kind, hint in parts:
        inner, _, _, may_be_none = _taken_apart(hint)
        _refuse_contradictions(f"{part} of {where}", inner, may_be_none, inner_kind, Column())


def _innermost(kind: str) -> str:
    name, arguments = split(kind)
    return _innermost(arguments[0]) if name in ("Nullable", "LowCardinality") else name


def _choices(bare: Any) -> set[Any]:
    """The values that a Literal or an Enum allows."""
    if get_origin(bare) is Literal:
        return set(get_args(bare))
    return {member.value for member in bare} if isinstance(bare, type) and issubclass(bare, Enum) else set()


def _python_type(bare: Any) -> type | None:
    """The class of the values of a type; None: it cannot be told."""
    origin = get_origin(bare)
    if origin is Literal:
        kinds = {type(value) for value in get_args(bare)}
        return kinds.pop() if len(kinds) == 1 else None
    if origin is not None:
        return origin if isinstance(origin, type) else None
    if bare is msgspec.Raw:
        return str
    if isinstance(bare, type) and issubclass(bare, Enum):
        kinds = {type(member.value) for member in bare}
        return kinds.pop() if len(kinds) == 1 else Enum
    return bare if isinstance(bare, type) else None


def _is_list_of_structs(bare: Any) -> bool:
    if get_origin(bare) not in (list, tuple):
        return False
    inner = next(iter(get_args(bare)), None)
    return isinstance(inner, type) and issubclass(inner, msgspec.Struct)


def _values_of(bare: Any, kind: str, path: tuple[str, ...]) -> Getter:
    values = getter(path)
    if bare is msgspec.Raw:
        none = (None, b"null") if is_json(kind) and is_nullable(kind) else (None,)
        return lambda events: [
            None if raw is None or bytes(raw) in none else bytes(raw).decode() for raw in values(events)
        ]
    if isinstance(bare, type) and issubclass(bare, Enum):
        return lambda events: [None if member is None else member.value for member in values(events)]
    return values


def getter(path: tuple[str, ...]) -> Getter:
    """[event.a.b for event in events], compiled; None where a part of the way is None."""
    *first, last = path
    way = "event"
    for name in first:
        way = attribute("event", name) if way == "event" else _behind(way, name)
    value = attribute("event", last) if way == "event" else _behind(way, last)
    made: Getter = eval(f"lambda events: [{value} for event in events]")
    return made


def _behind(way: str, name: str) -> str:
    return f"(None if (part := {way}) is None else {attribute('part', name)})"
