"""What a stream file states, as frozen values: topics, events, tables, rows and questions. Pure.

A stream is one such value. Whatever reads it knows no stream by name.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import msgspec
import numpy as np

from common.model.question import Question
from common.model.record import dead_name
from common.model.record_columns import RecordColumn
from common.model.transform import Transform

ADDRESS_COLUMNS = {"_tp": "UInt64", "_off": "UInt64", "_row": "UInt32", "_rows": "UInt32"}
"""The address of a row: topic and partition, offset, index within the message, rows of that message."""

DEDUPLICATION_WINDOW = 100_000
"""Tokens (parts) that a table remembers: more than it takes in during the longest outage of a consumer (R3)."""

_ADDRESS_DDL = """_tp UInt64,
    _off UInt64 CODEC(Delta, LZ4),
    _row UInt32,
    _rows UInt32,
    PROJECTION by_address (SELECT _tp, _off, _row, _rows ORDER BY _tp, _off, _row)"""

OWN_SETTINGS = ("non_replicated_deduplication_window", "fsync_after_insert", "fsync_part_directory")
"""Settings of every table, which exactly-once rests on."""

_SETTINGS_DDL = (
    f"SETTINGS non_replicated_deduplication_window = {DEDUPLICATION_WINDOW}, "
    "fsync_after_insert = 1, fsync_part_directory = 1"
)


class Emission(NamedTuple):
    """One event to send: its topic, its key (None = any partition) and the event itself."""

    topic: str
    key: bytes | None
    event: msgspec.Struct


Generate = Callable[[random.Random, Any, Callable[[], float]], Iterator[Emission]]
"""Gives events without end, or to an end: from random numbers, the stream's options and the time of day."""


class NoOptions(msgspec.Struct, frozen=True):
    """Nothing to choose."""


class Rows(NamedTuple):
    """The rows that a list of events makes in one table.

    `columns` maps column name to an array or an Encoded; all have the same length. A UInt128 column is an (n, 2)
    array of uint64, low half first. `per_event[i]` is how many rows event i made, in order; None means one each.
    """

    columns: dict[str, Any]
    per_event: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """A ClickHouse table that a feed fills.

    `ddl` is a CREATE TABLE with the placeholders {table}, {address} and {settings}. `rows` turns decoded events
    into columns, as a pure function. `partition_of` gives, for those columns, an array that tells table
    partitions apart (None: the table is not partitioned); a block holds few of them. `variable` names the
    setting that renames the table. `event_rows` is an SQL condition that is true for exactly one row of each
    event, so that an audit can count events (None: every row is an event); asked of a feed's first table only.
    `record` names columns that Kafka's record fills, beside those of `rows`; the DDL states their types.
    """

    name: str
    ddl: str
    rows: Callable[[Sequence[Any]], Rows]
    partition_of: Callable[[Mapping[str, np.ndarray]], np.ndarray] | None = None
    variable: str | None = None
    event_rows: str | None = None
    record: Mapping[str, RecordColumn] = field(default_factory=dict, hash=False)

    def create_statement(self) -> str:
        """The complete CREATE TABLE IF NOT EXISTS, with address columns, by_address projection and settings."""
        return self.ddl.format(table=self.name, address=_ADDRESS_DDL, settings=_SETTINGS_DDL).strip()


@dataclass(frozen=True, kw_only=True)
class Feed:
    """A topic, the type of its events, and the tables it fills. `variable` names the setting that renames it."""

    topic: str
    event: type[msgspec.Struct]
    tables: tuple[Table, ...]
    variable: str | None = None

    @property
    def dead_topic(self) -> str:
        """Where messages go of which no row can be made."""
        return dead_name(self.topic)

    def schema_hash(self, version: int) -> str:
        """Eight hex digits that change with the stream's version or any table's DDL (part of every intent, R5)."""
        text = "\n".join([str(version), *(table.create_statement() for table in self.tables)])
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A use case: its transforms, feeds and questions, and how to generate its events, if others do not send them.

    `pace` gives, for the stream's options, how many events a second it generates unless told otherwise (None: as many
    as it can).
    """

    name: str
    version: int
    feeds: tuple[Feed, ...]
    options: type[msgspec.Struct] = NoOptions
    generate: Generate | None = None
    pace: Callable[[Any], float] | None = None
    transforms: tuple[Transform, ...] = ()
    questions: tuple[Question, ...] = field(default=())

    def __post_init__(self) -> None:
        """Raise ValueError if two transforms read one topic: what is committed of a partition is that of one."""
        sources = [transform.source for transform in self.transforms]
        if twice := sorted({source for source in sources if sources.count(source) > 1}):
            raise ValueError(
                f"stream {self.name}: two transforms read {', '.join(twice)}, and a group's commit of a partition has "
                "room for one: let one of them read what the other writes"
            )

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that its feeds and transforms read or write, in the order of the events' way."""
        ways = [topic for transform in self.transforms for topic in (transform.source, transform.target)]
        return tuple(dict.fromkeys([*ways, *(feed.topic for feed in self.feeds)]))

    @property
    def read_topics(self) -> tuple[str, ...]:
        """Those that are read: each has a companion for dead letters."""
        sources = [transform.source for transform in self.transforms]
        return tuple(dict.fromkeys([*sources, *(feed.topic for feed in self.feeds)]))

    def renamed(self, environ: Mapping[str, str]) -> Stream:
        """This stream with the names of topics and tables, and the windows, that the environment gives."""
        renames = {
            feed.topic: environ[feed.variable]
            for feed in self.feeds
            if feed.variable and environ.get(feed.variable)
        }
        generate = self.generate
        feeds = tuple(_renamed_feed(feed, renames, environ) for feed in self.feeds)
        transforms = tuple(_renamed_transform(transform, renames, environ) for transform in self.transforms)
        if generate is None or not renames:
            return replace(self, feeds=feeds, transforms=transforms)

        def emit(rng: random.Random, options: Any, now_s: Callable[[], float]) -> Iterator[Emission]:
            for emission in generate(rng, options, now_s):
                yield emission._replace(topic=renames.get(emission.topic, emission.topic))

        return replace(self, feeds=feeds, transforms=transforms, generate=emit)

    @property
    def live(self) -> Question | None:
        """The question that a live view of it asks."""
        return next((question for question in self.questions if question.live is not None), None)

    def sql(self, question: Question) -> str:
        """The question's SQL with the name of its table in place of {table}."""
        return question.sql.replace("{table}", self.feeds[question.feed].tables[0].name)


def _renamed_feed(feed: Feed, renames: Mapping[str, str], environ: Mapping[str, str]) -> Feed:
    tables = tuple(
        replace(table, name=environ.get(table.variable or "") or table.name) for table in feed.tables
    )
    return replace(feed, topic=renames.get(feed.topic, feed.topic), tables=tables)


def _renamed_transform(
    transform: Transform, renames: Mapping[str, str], environ: Mapping[str, str]
) -> Transform:
    source, target = transform.source, transform.target
    transform = replace(transform, source=renames.get(source, source), target=renames.get(target, target))
    return transform.with_settings(environ)
