"""The list of streams, by hand: a new stream is one file here and one line in FILES."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from common.errors import SettingError
from common.model.stream import Stream
from common.model.transform import DistinctPerWindow
from common.settings import kinds
from common.settings.fields import show_assignment

FILES = [
    "collatz",
    "ratings",
    "sensors",
    "visits",
    "quotes",
]

# `python -m common.streams.ratings` runs a file that this package has imported, which is meant.
warnings.filterwarnings("ignore", "'common.streams", RuntimeWarning, "runpy")

_LISTED: list[Stream] = [importlib.import_module(f"common.streams.{file}").STREAM for file in FILES]
STREAMS = {stream.name: stream for stream in _LISTED}
ABOUT = {
    stream.name: (sys.modules[f"common.streams.{file}"].__doc__ or "")
    .partition(": ")[2]
    .partition("\n")[0]
    .partition(". ")[0]
    .rstrip(".:")
    for file, stream in zip(FILES, _LISTED, strict=True)
}
"""Name → what its file says that it is, in half a sentence."""

"""Name → stream, with the names of topics and tables as the files state them."""


class Variable(NamedTuple):
    """A setting of a stream: the name of a topic or a table, the seconds of a window; its default, what it is."""

    name: str
    default: str
    meaning: str
    kind: kinds.Kind[Any]

    def problem(self, environ: Mapping[str, str]) -> str:
        """What is wrong with what the environment gives, and what is allowed; empty if nothing is."""
        given = environ.get(self.name)
        try:
            if given:
                self.kind.read(given)
        except ValueError:
            return f"{show_assignment(self.name, given or '')}: give {self.kind.allowed}"
        return ""


def variables(streams: Mapping[str, Stream] = STREAMS) -> Iterator[Variable]:
    """Every setting of the streams, but for the options of their generators."""
    for stream in streams.values():
        for feed in stream.feeds:
            if feed.variable:
                meaning = f"topic of the stream {stream.name}"
                yield Variable(feed.variable, feed.topic, meaning, kinds.name())
            for table in feed.tables:
                if table.variable:
                    meaning = f"table of the stream {stream.name}"
                    yield Variable(table.variable, table.name, meaning, kinds.table())
        for transform in stream.transforms:
            if isinstance(transform, DistinctPerWindow):
                yield from _windows(stream.name, transform)


def _windows(stream: str, transform: DistinctPerWindow) -> Iterator[Variable]:
    if transform.size_variable:
        size, kind = f"{transform.size_s:g}", kinds.seconds(0.1, 86_400)
        yield Variable(transform.size_variable, size, f"length of the windows of the stream {stream}", kind)
    if transform.grace_variable:
        grace, kind = f"{transform.grace_s:g}", kinds.seconds(0, 86_400)
        meaning = f"how long windows of the stream {stream} wait for late events"
        yield Variable(transform.grace_variable, grace, meaning, kind)


def load(environ: Mapping[str, str]) -> dict[str, Stream]:
    """Name → stream, with topics, tables and windows as the environment says. Raises SettingError."""
    problems = [variable.problem(environ) for variable in variables()]
    if any(problems):
        raise SettingError("\n".join(filter(None, problems)))
    return {name: stream.renamed(environ) for name, stream in STREAMS.items()}
