"""ClickHouse types, taken apart, and what none of them can be. Pure."""

from __future__ import annotations

import re

from common.model.identifiers import until

_CALL = re.compile(r"(?P<name>\w+)\((?P<inner>.*)\)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NAME = re.compile(r"'((?:[^'\\]|\\[\\'])*)'\s*=\s*(-?\d+)", re.DOTALL)

_PARTS = {"Nullable": 1, "LowCardinality": 1, "Array": 1, "Map": 2}
_NOT_NULLABLE = ("Nullable", "LowCardinality", "Array", "Map")
_NO_WORDS = ("LowCardinality", "Array", "Map", "JSON", "Enum", "Decimal", "DateTime64")

_ZONE = "'[^']+'"
_ARGUMENTS = {
    **dict.fromkeys(("String", "UUID", "Bool", "Date", "Date32", "IPv4", "IPv6", "Float32", "Float64"), ""),
    **{f"{sign}Int{bits}": "" for sign in ("U", "") for bits in (8, 16, 32, 64, 128, 256)},
    "FixedString": r"[1-9]\d*",
    "Decimal": r"\d+, \d+",
    **{f"Decimal{bits}": r"\d+" for bits in (32, 64, 128, 256)},
    "DateTime": rf"(?:{_ZONE})?",  # the server takes DateTime(3) for a DateTime64(3)
    "DateTime64": rf"\d+(?:, {_ZONE})?",
}


def split(kind: str) -> tuple[str, list[str]]:
    """`Map(String, Array(UInt8))` as its name and arguments."""
    call = _CALL.fullmatch(kind.strip())
    if call is None:
        return kind.strip(), []
    arguments, rest = [], call["inner"]
    while rest:
        argument, rest = until(rest, ",".__eq__)
        arguments.append(argument.strip())
        rest = rest[1:]
    return call["name"], arguments


def refuse_odd(kind: str) -> None:
    """Raise ValueError for a known type with arguments that it does not have, or around one that it cannot hold."""
    name, arguments = split(kind)
    if len(arguments) < _PARTS.get(name, 0) or (
        not arguments and _ARGUMENTS.get(name, "").startswith((r"\d", "["))
    ):
        raise ValueError(f"{kind[:60]} lacks an argument")
    if len(arguments) > _PARTS.get(name, len(arguments)):
        raise ValueError(f"{kind[:60]} has an argument too many")
    if name in _ARGUMENTS and not re.fullmatch(_ARGUMENTS[name], ", ".join(arguments)):
        raise ValueError(f"{kind[:60]}: {name} has no such arguments")
    if name in ("Enum8", "Enum16"):
        _refuse_odd_enum(kind, 7 if name == "Enum8" else 15)
    if name not in _PARTS:
        return
    inner = split(arguments[0])[0]
    if name == "LowCardinality" and inner == "Nullable":
        inner = split((split(arguments[0])[1] or [""])[0])[0]
    refused = {"Nullable": _NOT_NULLABLE, "LowCardinality": _NO_WORDS}.get(name, ())
    if inner.startswith(refused) or (name == "Map" and "Nullable(" in arguments[0].replace(" ", "")):
        what = "key of a Map" if name == "Map" else name
        raise ValueError(f"{kind[:60]}: no {what} can be made of {arguments[0][:60]}")
    for argument in arguments:
        refuse_odd(argument)


def names_of(kind: str) -> dict[str, int]:
    """The names of an Enum8 or Enum16, Nullable or not, as its type states them.

    Raises ValueError where there are none, or one is stated in a way that is not known here.
    """
    name, arguments = split(kind)
    if name in ("Nullable", "LowCardinality"):
        return names_of(arguments[0])
    stated = [_NAME.fullmatch(argument) for argument in arguments]
    if not stated or None in stated:
        raise ValueError(
            f"{kind[:60]}: state names and numbers, Enum8('a' = 1), with no escapes but \\\\ and \\'"
        )
    return {_ESCAPED.sub(r"\1", each[1]): int(each[2]) for each in stated if each}


def _refuse_odd_enum(kind: str, bits: int) -> None:
    names = names_of(kind)
    if len(set(names.values())) < len(split(kind)[1]):
        raise ValueError(f"{kind[:60]}: two names or two numbers are the same")
    if not all(-(1 << bits) <= number < 1 << bits for number in names.values()):
        raise ValueError(f"{kind[:60]}: a number is out of range")
