"""Options: command-line flags and environment variables built from a msgspec.Struct.

A flag wins over its variable, a variable over the default.
"""

from __future__ import annotations

import argparse
import typing
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from common.errors import SettingError
from common.settings.fields import show_assignment

S = TypeVar("S", bound=msgspec.Struct)
LIMITS = {
    "ge": "at least {}",
    "gt": "above {}",
    "le": "at most {}",
    "lt": "below {}",
    "multiple_of": "a multiple of {}",
}
LIMITS |= {"min_length": "of length {} or more", "max_length": "of length {} or less", "pattern": "like {}"}
WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


class Given(NamedTuple):
    """A text from the outside: where it stood (flag or variable) and what it was (several for a flag that repeats)."""

    source: str
    text: Any


class Option(NamedTuple):
    """One option: the field it fills, its type with limits, and its names outside."""

    name: str
    type: Any
    meta: msgspec.Meta
    flag: str
    variable: str | None
    default: Any

    @property
    def is_repeated(self) -> bool:
        """Whether the flag may be given several times (its variable separates by commas)."""
        return get_origin(self.base) in (list, tuple, set, frozenset)

    @property
    def base(self) -> Any:
        """The type without its limits."""
        return get_args(self.type)[0] if get_origin(self.type) is Annotated else self.type

    @property
    def allowed(self) -> str:
        """What is allowed, in words."""
        limits = [
            words.format(value)
            for name, words in LIMITS.items()
            if (value := getattr(self.meta, name)) is not None
        ]
        return ", ".join([kind_in_words(self.base), *limits])


def kind_in_words(base: Any) -> str:
    """A type for people: `int` is "a whole number", a Literal its choices, a tuple[int, ...] what it repeats."""
    if get_origin(base) is typing.Literal:
        return "one of " + ", ".join(map(str, get_args(base)))
    if get_args(base):
        inner = [kind_in_words(part) for part in get_args(base) if part not in (Ellipsis, type(None))]
        return " or ".join(dict.fromkeys(inner))
    return WORDS.get(base, getattr(base, "__name__", str(base)))


def options_of(struct_type: type[msgspec.Struct]) -> list[Option]:
    """The options of a struct, in its order.

    A field is `Annotated[int, msgspec.Meta(description=…, ge=…, extra={"env": "BID_SIZE", "flag": "--from"})]`;
    without a flag it is `--` and the name of the field, without `env` it has no variable.
    """
    hints = get_type_hints(struct_type, include_extras=True)
    return [option_of(field, hints[field.name]) for field in msgspec.structs.fields(struct_type)]


def option_of(field: msgspec.structs.FieldInfo, hint: Any) -> Option:
    """The option of one field, `hint` being its annotation with extras; `X | None` is an X that may be left out."""
    if type(None) in get_args(hint):
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    meta = next(
        (part for part in getattr(hint, "__metadata__", ()) if isinstance(part, msgspec.Meta)), msgspec.Meta()
    )
    extra = meta.extra or {}
    flag = extra.get("flag", "--" + field.name.rstrip("_").replace("_", "-"))
    default = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    return Option(field.name, hint, meta, flag, extra.get("env"), default)


def add_options(
    parser: argparse.ArgumentParser, struct_type: type[msgspec.Struct], environ: Mapping[str, str], title: str
) -> None:
    """Give `parser` a group with one flag for each option; a variable set in `environ` becomes its default."""
    group = parser.add_argument_group(title, struct_type.__doc__)
    for option in options_of(struct_type):
        given = environ.get(option.variable, "") if option.variable else ""
        metavar: dict[str, Any] = {} if option.base is bool else {"metavar": option.name.rstrip("_").upper()}
        group.add_argument(
            option.flag,
            dest=option.name,
            action=action_of(option),
            default=Given(option.variable or "", given) if given else None,
            help=help_of(option).replace("%", "%%"),
            **metavar,
        )


def action_of(option: Option) -> Any:
    """What argparse does with the flag: keep the text, collect texts, or switch with --x and --no-x."""
    if option.base is bool:
        return argparse.BooleanOptionalAction
    return Repeat if option.is_repeated else "store"


class Repeat(argparse.Action):
    """Collects the texts of a flag that repeats; the first one drops what came from the environment."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Add one text."""
        before = getattr(namespace, self.dest)
        setattr(namespace, self.dest, [*(before if isinstance(before, list) else []), values])


def help_of(option: Option) -> str:
    """Meaning, what is allowed, variable and default, for --help and the README."""
    notes = [option.allowed]
    notes += ["repeats"] if option.is_repeated else []
    notes += [f"variable {option.variable}"] if option.variable else []
    if option.default is msgspec.NODEFAULT:
        notes.append("required")
    elif option.default not in (None, "", (), []):
        notes.append(f"default {option.default}")
    return f"{option.meta.description or option.name.replace('_', ' ')} ({'; '.join(notes)})"


def problems_in(environ: Mapping[str, str], struct_type: type[msgspec.Struct]) -> list[str]:
    """What is wrong with the variables of a struct's options, a line each; options without one are left out."""
    problems = []
    for option in options_of(struct_type):
        if option.variable and environ.get(option.variable):
            try:
                read_option(option, Given(option.variable, environ[option.variable]))
            except SettingError as error:
                problems.append(str(error))
    return problems


def options_from(args: argparse.Namespace, struct_type: type[S]) -> S:
    """The struct of what was parsed. Raises SettingError with one line for each option that is not allowed."""
    values: dict[str, Any] = {}
    problems = []
    for option in options_of(struct_type):
        given = getattr(args, option.name)
        if given is None and option.default is msgspec.NODEFAULT:
            names = " or ".join(filter(None, (option.flag, option.variable)))
            problems.append(f"{names} is required: give {option.allowed}")
        elif given is not None:
            try:
                values[option.name] = read_option(
                    option, given if isinstance(given, Given) else Given(option.flag, given)
                )
            except SettingError as error:
                problems.append(str(error))
    if problems:
        raise SettingError("\n".join(problems))
    try:
        return struct_type(**values)
    except ValueError as error:  # from the struct's own __post_init__: a promise between options
        raise SettingError(str(error)) from None


def read_option(option: Option, given: Given) -> Any:
    """The value of a text. Raises SettingError: flag or variable, value, what is allowed."""
    text = given.text
    if option.is_repeated and isinstance(text, str):
        text = [part.strip() for part in text.split(",") if part.strip()]
    try:
        return msgspec.convert(text, option.type, strict=False)
    except msgspec.ValidationError:
        shown = ",".join(given.text) if isinstance(given.text, list) else str(given.text)
        raise SettingError(
            f"{show_assignment(given.source, shown)} is not allowed: give {option.allowed}"
        ) from None
