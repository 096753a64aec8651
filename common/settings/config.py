"""Environment and `.env` → frozen, typed settings. The only file that reads os.environ."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, Self

import msgspec
from dotenv import dotenv_values

from common import streams
from common.errors import SettingError
from common.settings.fields import Part
from common.settings.limits import ProducerLimits
from common.settings.options import Option, options_of, problems_in
from common.settings.parts import (
    ClickHouseSettings,
    KafkaSettings,
    ServiceSettings,
    SinkSettings,
    TopicSettings,
    TransformSettings,
)

INSERT_MARGIN_S = 10.0


class SettingRow(NamedTuple):
    """A line of the settings table."""

    variable: str
    default: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a service may be told. Without arguments: the defaults."""

    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    topics: TopicSettings = field(default_factory=TopicSettings)
    clickhouse: ClickHouseSettings = field(default_factory=ClickHouseSettings)
    sink: SinkSettings = field(default_factory=SinkSettings)
    transform: TransformSettings = field(default_factory=TransformSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read every setting. Raises SettingError with one line for each wrong value or broken promise."""
        problems: list[str] = []
        parts: dict[str, Any] = {name: part.read(environ, problems) for name, part in PARTS.items()}
        settings = cls(**parts)
        problems = problems or [line for holds, line in settings.promises() if not holds]
        if problems:
            raise SettingError("\n".join(problems))
        return settings

    def promises(self) -> Iterator[tuple[bool, str]]:
        """What must hold within the parts and between them."""
        for part in fields(self):
            yield from getattr(self, part.name).promises()
        insert, poll = (
            self.clickhouse.given("send_receive_timeout_s"),
            self.kafka.given("max_poll_interval_s"),
        )
        holds = self.clickhouse.send_receive_timeout_s + INSERT_MARGIN_S < self.kafka.max_poll_interval_s
        yield holds, f"{insert} plus {INSERT_MARGIN_S:g} must be below {poll}"


PARTS: dict[str, type[Part]] = {part.name: part.default_factory for part in fields(Settings)}  # type: ignore[misc]


def environment(path: str | None = None) -> dict[str, str]:
    """os.environ over the file `path` (default: `.env` in the working directory, if there is one).

    A setting that os.environ names in one way is not taken from the file in another (its alias, NAME_FILE).
    Raises SettingError if the file cannot be read, or was named and is not there.
    """
    if path is not None and not os.path.exists(path):
        raise SettingError(f"{path}: no such file of settings")
    try:
        from_file = dotenv_values(path or ".env")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{path or '.env'}: cannot be read ({error})") from None
    for spec in (spec for part in PARTS.values() for spec in part.specs().values()):
        if any(name in os.environ for name in spec.names):
            from_file = {name: value for name, value in from_file.items() if name not in spec.names}
    return {name: value for name, value in from_file.items() if value is not None} | os.environ


def reference() -> list[SettingRow]:
    """Every setting, names of topics and tables and options of streams included: variable, default, meaning."""
    rows = []
    for part in PARTS.values():
        defaults = part()
        for name, spec in part.specs().items():
            value = getattr(defaults, name)
            notes = [spec.kind.note, *(f"also `{alias}`" for alias in spec.aliases)]
            notes += [f"or the file `{spec.variable}_FILE` names"] if spec.secret else []
            meaning = "; ".join([spec.meaning, *filter(None, notes)])
            rows.append(SettingRow(spec.variable, "" if value is None else spec.kind.show(value), meaning))
    rows += [
        SettingRow(each.name, each.default, f"{each.meaning}; {each.kind.note}".rstrip("; "))
        for each in streams.variables()
    ]
    rows += [_row(option) for each in _option_types() for option in options_of(each) if option.variable]
    return rows


def _option_types() -> list[type[msgspec.Struct]]:
    return [ProducerLimits, *(stream.options for stream in streams.STREAMS.values())]


def _row(option: Option) -> SettingRow:
    default = "" if option.default in (None, msgspec.NODEFAULT) else str(option.default)
    meaning = f"{option.meta.description or option.name} ({option.allowed}; or the flag `{option.flag}`)"
    return SettingRow(option.variable or "", default, meaning)


def check(environ: Mapping[str, str]) -> None:
    """Try every setting there is. Raises SettingError with one line for each that is not allowed."""
    problems: list[str] = []
    for attempt in (Settings.from_env, streams.load):
        try:
            attempt(environ)
        except SettingError as error:
            problems.append(str(error))
    problems += [line for each in _option_types() for line in problems_in(environ, each)]
    if problems:
        raise SettingError("\n".join(problems))
