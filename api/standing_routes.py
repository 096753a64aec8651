"""GET /streams, /streams/{stream}, the newest rows of a stream, and /history, the last minutes of all."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from typing import Annotated, Any

from fastapi import FastAPI, Query, Response

from api.answers import cell, newest_first
from api.live import Live
from api.pool import LIMITS, impatient, limits_told
from api.questions import json_answer
from api.schemas import problems
from common.clickhouse_io.newest import ROWS_A_QUERY, NewestRows
from common.errors import AskedTooMuch, TookTooLong
from common.model.stream import ADDRESS_COLUMNS, Stream, Table
from common.process.clock import Clock
from common.settings.config import Settings

TAG = "pipeline"
MOST_ROWS = 200
FEWER_ROWS = 10
"""Of a table whose newest rows are so large that more of them are refused."""

FRESH_S = 1.0
READ_S = 5.0
"""So long may reading the newest rows of a stream take: a few short queries a table, each with its own limit."""

THREADS = 3
OBJECT = {"schema": {"type": "object"}}


class Latest:
    """The newest rows of tables, read once a second at most, however many ask. To be used from one event loop."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._now_s = impatient(settings.clickhouse), clock.now_s
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="latest")
        self._own = threading.local()
        self._asked: dict[str, tuple[float, Future[dict[str, Any]]]] = {}

    async def of(self, stream: Stream, rows: int) -> dict[str, Any]:
        """Table by table, newest first. Raises ClickHouseUnavailable and ClickHouseRefused."""
        at_s, future = self._asked.get(stream.name, (float("-inf"), None))
        if future is None or (future.done() and self._now_s() - at_s >= FRESH_S):
            future = self._threads.submit(self._read, stream)
            self._asked[stream.name] = self._now_s(), future
        try:
            found = await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), READ_S)
        except TimeoutError:
            raise TookTooLong(f"the newest rows were not read within {READ_S:g} s: try again later") from None
        return {"tables": [{**table, "rows": table["rows"][:rows]} for table in found["tables"]]}

    def _read(self, stream: Stream) -> dict[str, Any]:
        if not hasattr(self._own, "newest"):
            self._own.newest = NewestRows(self._settings, **LIMITS)
        tables = {table.name: table for feed in stream.feeds for table in feed.tables}
        with limits_told():
            return {"tables": [_as_many_as_allowed(self._own.newest, table) for table in tables.values()]}

    def close(self) -> None:
        """Read no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _as_many_as_allowed(newest: NewestRows, table: Table) -> dict[str, Any]:
    try:
        return _table(newest, table, MOST_ROWS)
    except AskedTooMuch:
        return _table(newest, table, FEWER_ROWS)


def _table(newest: NewestRows, table: Table, rows: int) -> dict[str, Any]:
    only_first = table.event_rows is not None
    found = [
        each for some in newest.newest(table.name, rows, only_first=only_first).values() for each in some
    ]
    columns: list[str] = []
    page: list[tuple[Any, ...]] = []
    for first in range(0, len(found), ROWS_A_QUERY):
        columns, more = newest.rows(table.name, found[first : first + ROWS_A_QUERY], with_address=True)
        page += more
    runs = [list(run) for _, run in groupby(page, lambda row: row[0])]
    own = len(ADDRESS_COLUMNS)
    return {
        "name": table.name,
        "columns": columns[own:],
        "rows": [[cell(value) for value in row[own:]] for row in newest_first(runs, own)[:rows]],
        "first_of_each_message": only_first,
    }


def add_to(app: FastAPI, streams: Mapping[str, Stream], live: Live, latest: Latest) -> None:
    """Give the app these operations."""

    @app.get(
        "/streams",
        tags=[TAG],
        summary="All streams as they stand",
        description="Topics, transforms, feeds and tables with rates, lag and owners; dead letters by reason, "
        "parked feeds and why, the verdict of the last audit and its age, the questions. What is not known right now "
        "is null. `counting`: there are more dead letters than are counted yet; `age_s`: how "
        "old all this is.",
        response_class=Response,
        responses={200: {"description": "the pipeline", "content": {"application/json": OBJECT}}},
    )
    async def all_streams() -> Response:
        return json_answer(live.overview(with_questions=True))

    @app.get(
        "/history",
        tags=[TAG],
        summary="The last 15 minutes of each stream",
        description="A point every 3 seconds, as far as the api has run: times in seconds since 1970, messages sent "
        "and rows stored a second, and the lag. What was not known then is null.",
        response_class=Response,
        responses={200: {"description": "stream by stream", "content": {"application/json": OBJECT}}},
    )
    async def history() -> Response:
        return json_answer({"streams": {name: live.history.as_json(name) for name in streams}})

    for stream in streams.values():
        _add_stream(app, stream, live, latest)


def _add_stream(app: FastAPI, stream: Stream, live: Live, latest: Latest) -> None:
    @app.get(
        f"/streams/{stream.name}",
        tags=[TAG],
        summary=f"The stream {stream.name} as it stands",
        operation_id=f"stream_{stream.name}",
        response_class=Response,
        responses={200: {"description": "the stream", "content": {"application/json": OBJECT}}},
    )
    async def one_stream() -> Response:
        return json_answer(live.state(stream, with_questions=True))

    @app.get(
        f"/streams/{stream.name}/latest",
        tags=[TAG],
        summary=f"The newest rows of the tables of {stream.name}, newest first",
        description="The newest rows of each partition, merged by the first time among their columns. Of a message "
        "that makes several rows, as a walk, the first one alone. Of rows that are too large together, fewer.",
        operation_id=f"latest_{stream.name}",
        response_class=Response,
        responses={
            200: {"description": "table by table", "content": {"application/json": OBJECT}},
            **problems(422, 503),
        },
    )
    async def newest_rows(
        rows: Annotated[int, Query(ge=1, le=MOST_ROWS, description="at most so many of each table")] = 20,
    ) -> Response:
        return json_answer(await latest.of(stream, rows))
