"""How the fields of a settings class say where they come from, and how they are read from an environment.

Pure but for NAME_FILE, which reads that file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self, TypeVar, cast

from common.errors import SettingError
from common.settings.kinds import Kind

T = TypeVar("T")
MASK = "********"
LONGEST_SHOWN = 80


class Spec(NamedTuple):
    """Where a field comes from: its variable, other names of it, what is allowed, what it means."""

    variable: str
    kind: Kind[Any]
    meaning: str
    aliases: tuple[str, ...]
    secret: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Every variable that can give this setting."""
        return (self.variable, *self.aliases, *([f"{self.variable}_FILE"] if self.secret else []))

    def assignment(self, value: object) -> str:
        """`VARIABLE=value` as it may be shown to people: secrets masked, long values cut."""
        shown = MASK if self.secret and value else self.kind.show(value)
        return show_assignment(self.variable, shown)


def setting(
    default: T,
    variable: str,
    kind: Kind[T],
    meaning: str,
    *,
    aliases: tuple[str, ...] = (),
    secret: bool = False,
) -> T:
    """A field of a settings class, read from `variable` (a secret also from the file `variable`_FILE names)."""
    spec = Spec(variable, kind, meaning, aliases, secret)
    return dataclasses.field(default=default, metadata={"spec": spec})


def show_assignment(variable: str, value: str) -> str:
    """`variable=value` on one line, the value cut to 80 characters."""
    shown = value if len(value) <= LONGEST_SHOWN else value[:LONGEST_SHOWN] + "…"
    return f"{variable}={shown if shown.isprintable() else repr(shown)}"


class Part:
    """Base of the settings classes (frozen dataclasses whose fields are made by `setting`)."""

    @classmethod
    def specs(cls) -> dict[str, Spec]:
        """The spec of each field, by field name, in the order of the class."""
        return {field.name: field.metadata["spec"] for field in dataclasses.fields(cast(Any, cls))}

    @classmethod
    def read(cls, environ: Mapping[str, str], problems: list[str]) -> Self:
        """Read the fields; a line for each wrong value is added to `problems`, its field keeps the default."""
        values = {}
        for name, spec in cls.specs().items():
            try:
                given = find_given(spec, environ)
                if given is not None:
                    values[name] = read_value(spec, *given)
            except SettingError as error:
                problems.append(str(error))
        return cls(**values)

    def promises(self) -> Iterator[tuple[bool, str]]:
        """What must hold between the fields: (holds, the line to show when it does not)."""
        yield from ()

    def given(self, name: str) -> str:
        """`VARIABLE=value` of a field, for messages."""
        return self.specs()[name].assignment(getattr(self, name))

    def __repr__(self) -> str:
        shown = (
            f"{name}={MASK if spec.secret and getattr(self, name) else repr(getattr(self, name))}"
            for name, spec in self.specs().items()
        )
        return f"{type(self).__name__}({', '.join(shown)})"


def find_given(spec: Spec, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """The variable that is set (empty counts as not set) and its text; None if there is none.

    Raises SettingError when two of its names are set and differ, or a secret comes both ways.
    """
    given = {name: environ[name] for name in (spec.variable, *spec.aliases) if environ.get(name)}
    if len(set(given.values())) > 1:
        raise SettingError(f"{' and '.join(given)} are two names of one setting and differ: give one of them")
    path_variable = f"{spec.variable}_FILE"
    if spec.secret and environ.get(path_variable):
        if given:
            raise SettingError(f"{spec.variable} and {path_variable} are both set: give one of them")
        return spec.variable, read_secret(path_variable, environ[path_variable])
    return next(iter(given.items()), None)


def read_secret(variable: str, path: str) -> str:
    """The text of a secret file without its closing newline. Raises SettingError if unreadable or empty."""
    problem = "is empty"
    try:
        with open(path, encoding="utf-8") as secret_file:
            secret = secret_file.read().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        problem, secret = f"cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'})", ""
    if not secret:
        raise SettingError(
            f"{show_assignment(variable, path)}: the file {problem}; it must hold the secret alone"
        )
    return secret


def read_value(spec: Spec, variable: str, given: str) -> Any:
    """The value of a text. Raises SettingError: variable, value (masked if secret), what is allowed."""
    try:
        return spec.kind.read(given if spec.secret else given.strip())
    except ValueError:
        shown = show_assignment(variable, MASK if spec.secret else given)
        raise SettingError(f"{shown} is not allowed: give {spec.kind.allowed}") from None
