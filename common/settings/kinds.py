"""The kinds of value a setting may have: how its text is read, and how to say in words what is allowed.

A kind's `read` raises ValueError for what it does not allow. All are pure but `file()`, which asks the file system.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

T_co = TypeVar("T_co", covariant=True)
SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)")
SIZES = {"": 1, "B": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "KB": 10**3, "MB": 10**6, "GB": 10**9}
SIZES |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40, "TB": 10**12}
SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})")
NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")
TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
HTTP_PORTS = (8123, 8443)


class Kind(NamedTuple, Generic[T_co]):
    """`read(text)` returns the value or raises ValueError; `allowed` ends the sentence "give …".

    `note` is the same for the settings table, empty if it goes without saying. `show(value)` is text to read again.
    """

    read: Callable[[str], T_co]
    allowed: str
    note: str = ""
    show: Callable[[Any], str] = str


def text() -> Kind[str]:
    """Any text."""
    return Kind(str, "any text")


def name() -> Kind[str]:
    """What Kafka takes as a name: 1 to 200 letters, digits, dots, underscores, hyphens."""

    def read(given: str) -> str:
        if not NAME.fullmatch(given):
            raise ValueError
        return given

    return Kind(read, "1 to 200 letters, digits, '.', '_' or '-'")


def table() -> Kind[str]:
    """What ClickHouse takes as a name without quotes: 1 to 200 letters, digits, underscores."""

    def read(given: str) -> str:
        if not TABLE.fullmatch(given):
            raise ValueError
        return given

    return Kind(read, "1 to 200 letters, digits or '_', not beginning with a digit")


def one_of(*choices: str) -> Kind[str]:
    """One of the choices, in any case; the value is spelt as in `choices`."""
    by_folded = {choice.casefold(): choice for choice in choices}

    def read(given: str) -> str:
        if given.casefold() not in by_folded:
            raise ValueError
        return by_folded[given.casefold()]

    return Kind(read, "one of " + ", ".join(choices), ", ".join(choices))


def flag() -> Kind[bool]:
    """1, true, yes, on or 0, false, no, off."""
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False}

    def read(given: str) -> bool:
        if given.casefold() not in words:
            raise ValueError
        return words[given.casefold()]

    return Kind(read, "true or false", show=lambda value: str(value).lower())


def whole(low: int, high: int, what: str = "a whole number") -> Kind[int]:
    """A whole number from low to high, both included."""

    def read(given: str) -> int:
        value = int(given)
        if not low <= value <= high:
            raise ValueError
        return value

    return Kind(read, f"{what} from {low} to {high}", f"{low} to {high}")


def seconds(low: float, high: float) -> Kind[float]:
    """Seconds from low to high, both included; NaN and infinity are refused."""

    def read(given: str) -> float:
        value = float(given)
        if not low <= value <= high:
            raise ValueError
        return value

    return Kind(
        read, f"seconds from {low:g} to {high:g}", f"{low:g} to {high:g} s", lambda value: f"{value:g}"
    )


def size(low: int, high: int) -> Kind[int]:
    """Bytes from low to high: `16777216`, `16MiB` (or `16M`, 2^20 each), `16MB` (10^6 each)."""

    def read(given: str) -> int:
        parts = SIZE.fullmatch(given)
        if parts is None or parts[2].upper() not in SIZES:
            raise ValueError
        value = int(float(parts[1]) * SIZES[parts[2].upper()])
        if not low <= value <= high:
            raise ValueError
        return value

    span = f"{show_size(low)} to {show_size(high)}"
    return Kind(read, f"a size from {span}, such as 16MiB", span, show_size)


def show_size(size_bytes: int) -> str:
    """A size the way `size()` reads it, in the largest unit that keeps it whole: 16777216 is `16MiB`."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size_bytes % SIZES[unit.upper()] == 0:
            return f"{size_bytes // SIZES[unit.upper()]}{unit}"
    return str(size_bytes)


def servers() -> Kind[tuple[str, ...]]:
    """A comma-separated list of host:port, at least one."""

    def read(given: str) -> tuple[str, ...]:
        found = tuple(part.strip() for part in given.split(",") if part.strip())
        for server in found:
            parts = SERVER.fullmatch(server)
            if parts is None or not 1 <= int(parts[2]) <= 65535:
                raise ValueError
        if not found:
            raise ValueError
        return found

    return Kind(read, "host:port, several separated by commas", show=",".join)


def native_port() -> Kind[int]:
    """A port that is not one of ClickHouse's HTTP ports."""

    def read(given: str) -> int:
        value = int(given)
        if value in HTTP_PORTS or not 1 <= value <= 65535:
            raise ValueError
        return value

    return Kind(read, "ClickHouse's native port, 9000 (9440 with TLS); 8123 and 8443 speak HTTP")


def file() -> Kind[str]:
    """The path of a file that this process can read: asks the file system."""

    def read(given: str) -> str:
        if not (os.path.isfile(given) and os.access(given, os.R_OK)):
            raise ValueError
        return given

    return Kind(read, "the path of a file that this process can read")
