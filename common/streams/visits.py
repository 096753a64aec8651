"""visits: distinct visits to each account's stores, counted in windows of time.

{"visit_id": "v-1", "account_id": "1", "store_id": "us", "time": 1795000000123}

are regrouped by account and store, and counted; a count is

{"account_id": "1", "store_id": "us", "start": 1794999960000, "visits": 17, "late": 0, "state": "open"}
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from common.model.derive import Column, table
from common.model.question import Alias, Chart, Parameter, Question
from common.model.stream import Emission, Feed, Stream
from common.model.transform import Count, DistinctPerWindow, Each

AHEAD_MS = 60_000

State = Literal["open", "final", "silence", "late"]
Name = Annotated[str, Meta(min_length=1, max_length=100)]
Time = Annotated[int, Meta(ge=0, le=10_413_791_999_999), Column("DateTime64(3, 'UTC')", unit="ms")]


class Visit(msgspec.Struct, gc=False):
    """Somebody came into a store; `time` in ms since 1970."""

    visit_id: Name
    account_id: Name
    store_id: Name
    time: Time


class Visitors(msgspec.Struct, gc=False):
    """How many distinct visits there were in the window that begins at `start`.

    `state`: open, there may be more; final, this is the count; silence, it is, but slower producers were not waited
    for; late, visits is 0, and so many came after the final count.
    """

    account_id: Annotated[str, Column("LowCardinality(String)")]
    store_id: Annotated[str, Column("LowCardinality(String)")]
    start: Time
    visits: Annotated[int, Meta(ge=0, le=2**63 - 1), Column("UInt64")]
    late: Annotated[int, Meta(ge=0, le=2**63 - 1), Column("UInt64")]
    state: Annotated[State, Column("LowCardinality(String)")]


class Options(msgspec.Struct, frozen=True):
    """Who visits what, and how often."""

    account_id: Annotated[tuple[str, ...], Meta(description="accounts (repeats)", min_length=1)] = ("1", "2")
    store_id: Annotated[
        tuple[str, ...], Meta(description="stores of each account (repeats)", min_length=1)
    ] = (
        "us",
        "uk",
    )
    frequency: Annotated[float, Meta(gt=0, le=10**6, description="visits per second")] = 10.0


def regroup(visit: Visit, timestamp_ms: int) -> Visit:
    """The visit itself. Raises ValueError for one from the future, which would close every window before its time."""
    if visit.time > timestamp_ms + AHEAD_MS:
        raise ValueError("the time is more than a minute ahead of the record's own")
    return visit


def key_of(visit: Visit) -> bytes:
    """Account and store, as JSON: no two pairs have the same."""
    return msgspec.json.encode((visit.account_id, visit.store_id))


def count(key: bytes, found: Count) -> Visitors:
    """What is known of a key in a window."""
    account_id, store_id = msgspec.json.decode(key)
    state: State = (
        "silence"
        if found.closed_by_silence
        else "final"
        if found.is_final
        else "late"
        if found.late
        else "open"
    )
    return Visitors(account_id, store_id, found.start_ms, found.distinct, found.late, state)


def generate(rng: random.Random, options: Options, now_s: Callable[[], float]) -> Iterator[Emission]:
    """Visits without end."""
    while True:
        visit_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        account, store = rng.choice(options.account_id), rng.choice(options.store_id)
        yield Emission("visits", None, Visit(visit_id, account, store, int(now_s() * 1000)))


ACTIVE_VISITORS = table(
    Visitors, name="active_visitors", order_by="(account_id, store_id, start)", partition_by="toYYYYMM(start)"
)

_WINDOW = {"start": "2026-11-01T12:34:00Z", "account_id": "1", "store_id": "us", "visits": 17}

# Late counts have their own rows: what was counted is the largest count, not the newest row.
STREAM = Stream(
    name="visits",
    version=1,
    options=Options,
    generate=generate,
    pace=lambda options: options.frequency,
    transforms=(
        Each(
            name="regroup", source="visits", event=Visit, target="visits-by-store", make=regroup, key=key_of
        ),
        DistinctPerWindow(
            name="count",
            source="visits-by-store",
            event=Visit,
            target="active-visitors",
            target_partitions=1,
            key=key_of,
            id=lambda visit: visit.visit_id,
            time_ms=lambda visit: visit.time,
            size_s=60.0,
            size_variable="VISITS_WINDOW_S",
            grace_s=10.0,
            grace_variable="VISITS_GRACE_S",
            make=count,
        ),
    ),
    feeds=(Feed(topic="active-visitors", event=Visitors, tables=(ACTIVE_VISITORS,)),),
    questions=(
        Question(
            name="counts",
            help="distinct visits of each account, store and window, how many came late, and whether more may come",
            sql="SELECT start, account_id, store_id, max(visits) AS visits, sum(late) AS late, "
            "countIf(state IN ('final', 'silence')) = 0 AS open FROM {table} "
            "GROUP BY start, account_id, store_id ORDER BY start DESC, account_id, store_id LIMIT {rows:UInt16}",
            about={"rows": Parameter("at most so many", 1, 1_000, default=100)},
            example={**_WINDOW, "late": 0, "open": True},
            live={"rows": 40},
            aliases=(Alias("ws", is_live=True),),
        ),
        Question(
            name="final",
            help="the final count of distinct visits of an account's store in each window, the newest first",
            sql="SELECT start, visits FROM {table} WHERE state IN ('final', 'silence') "
            "AND account_id = {account_id:String} AND store_id = {store_id:String} ORDER BY start DESC LIMIT 100",
            about={"account_id": Parameter("an account"), "store_id": Parameter("one of its stores")},
            example={"start": "2026-11-01T12:34:00Z", "visits": 17},
            chart=Chart("line", "start", ("visits",), "", "distinct visits"),
        ),
    ),
)
