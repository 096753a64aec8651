"""ClickHouse types, taken apart. Pure."""

from __future__ import annotations

import re

from common.model.identifiers import until

_CALL = re.compile(r"(?P<name>\w+)\((?P<inner>.*)\)", re.DOTALL)


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
