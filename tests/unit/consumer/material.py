"""A small feed, its messages and its slabs: what the tests of the consumer are made of."""

import uuid
from collections import Counter
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from common.commits.intent import Intent
from common.model.codec import encode
from common.model.columns import index_within, one_row_each
from common.model.record import Partition, Record, Slab
from common.model.stream import Feed, Rows, Table
from consumer.sink.buffer import Buffer
from consumer.sink.cutting import Cut, Limits
from consumer.sink.insertion import Insertion, Tokens

HERE = Partition("events", 0)
TOPIC_ID = uuid.UUID(int=7)
TP = 77
BAD = b"{bad"
NO_LIMITS = Limits(rows=1_000_000, payload_bytes=1 << 30, age_s=1e9)
SCHEMA = "5c0ffee5"
INTENT = Intent(topic=TOPIC_ID.hex, schema=SCHEMA)
TOKENS = Tokens(epoch=0, group="team-sink")


class Event(msgspec.Struct, gc=False):
    """`parts` rows in a table that takes several, in the table partition `day`."""

    n: Annotated[int, Meta(ge=0)]
    parts: int = 1
    day: int = 0


def rows_of_parts(events):
    lengths = np.array([event.parts for event in events], np.int64)
    ns = np.array([event.n for event in events], np.uint64)
    days = np.array([event.day for event in events], np.uint16)
    columns = {
        "n": np.repeat(ns, lengths),
        "part": index_within(lengths),
        "day": np.repeat(days, lengths),
    }
    return Rows(columns, lengths)


def by_day(columns):
    return columns["day"]


ONE_EACH = Table(name="one_each", ddl="", rows=one_row_each(n=np.uint64, day=np.uint16))
PARTS = Table(name="parts", ddl="", rows=rows_of_parts)
DAILY = Table(name="daily", ddl="", rows=one_row_each(n=np.uint64, day=np.uint16), partition_of=by_day)


def feed(*tables):
    return Feed(topic="events", event=Event, tables=tables or (ONE_EACH,))


def event(n, parts=1, day=0):
    """One message: an event as JSON."""
    return encode(Event(n, parts, day))


def array(*values):
    """One message: several as a JSON array."""
    return b"[" + b",".join(values) + b"]"


def record(offset, value):
    return Record(offset, 1000 + offset, b"key%d" % offset, value, (("header", b"%d" % offset),))


def slab(values, start=0, offsets=None, next_offset=None):
    """Messages from `start` on, one an offset unless `offsets` says where they lie."""
    offsets = range(start, start + len(values)) if offsets is None else offsets
    end = start + len(values) if next_offset is None else next_offset
    return Slab(start, end, offsets, values, list(map(record, offsets, values)))


def buffer(*tables, start=0, message_rows=NO_LIMITS.message_rows, bad_run=0, check=None):
    return Buffer(feed(*tables), HERE, TP, start, message_rows=message_rows, bad_run=bad_run, check=check)


def batch(values, *tables, start=0, check=None):
    """The messages as one batch."""
    gathering = buffer(*tables, start=start, check=check)
    gathering.add(slab(values, start), 0.0)
    return gathering.cut(Cut.AGE)


def insertion(made, *, attempt=1, pieces=1, must_count=False, consumes_token=False):
    """A batch that a commit names, and that the insert thread has."""
    intent = Intent(topic=TOPIC_ID.hex, schema=SCHEMA, next=made.next, attempt=attempt, pieces=pieces)
    named = Insertion(made, intent, must_count=must_count)
    named.name(intent)
    named.send()
    named.consumes_token = consumes_token
    return named


def cancelled(some_insertion):
    some_insertion.cancel()
    return some_insertion


def addressed(columns):
    """How often each row is there, values and address together."""
    names = sorted(columns)
    return Counter(zip(*(columns[name].tolist() for name in names), strict=True))


def all_rows(batches):
    """Table → how often each row is there in several batches."""
    found = {}
    for made in batches:
        for table, columns in made.blocks.items():
            found.setdefault(table, Counter()).update(addressed(columns))
    return found


def address(columns):
    """(offset, row, rows) of each row, in order."""
    return list(zip(*(columns[name].tolist() for name in ("_off", "_row", "_rows")), strict=True))
