"""The list of streams, by hand: a new stream is one file here and one line in FILES."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from common.errors import SettingError
from common.model.stream import Stream
from common.settings import kinds
from common.settings.fields import show_assignment

FILES = [
    "collatz",
]

_LISTED: list[Stream] = [importlib.import_module(f"common.streams.{file}").STREAM for file in FILES]
STREAMS = {stream.name: stream for stream in _LISTED}
"""Name → stream, with the names of topics and tables as the files state them."""

TABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
TABLES_ALLOWED = "1 to 200 letters, digits or '_', not beginning with a digit"


class Name(NamedTuple):
    """A variable that renames a topic or a table of a stream: the name that it has otherwise, and what it is."""

    variable: str
    default: str
    meaning: str
    is_table: bool

    def problem(self, given: str) -> str:
        """Why it cannot be called so; empty if it can."""
        if self.is_table:
            return "" if TABLE_NAME.fullmatch(given) else TABLES_ALLOWED
        return "" if kinds.NAME.fullmatch(given) else kinds.name().allowed


def names(streams: Mapping[str, Stream] = STREAMS) -> Iterator[Name]:
    """Every variable that renames a topic or a table."""
    for stream in streams.values():
        for feed in stream.feeds:
            if feed.variable:
                yield Name(feed.variable, feed.topic, f"topic of the stream {stream.name}", is_table=False)
            for table in feed.tables:
                if table.variable:
                    yield Name(
                        table.variable, table.name, f"table of the stream {stream.name}", is_table=True
                    )


def load(environ: Mapping[str, str]) -> dict[str, Stream]:
    """Name → stream, with topics and tables renamed as the environment says. Raises SettingError."""
    wrong = [
        f"{show_assignment(name.variable, environ[name.variable])}: give {problem}"
        for name in names()
        if environ.get(name.variable) and (problem := name.problem(environ[name.variable]))
    ]
    if wrong:
        raise SettingError("\n".join(wrong))
    return {name: stream.renamed(environ) for name, stream in STREAMS.items()}
