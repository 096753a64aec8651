"""The app: every operation, WebSocket and page of the api, put together from settings and streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

from api import letters, metrics, pages, standing_routes
from api.answers import time_text
from api.live import Live
from api.pool import Pool, impatient
from api.problems import handle_problems
from api.questions import Questions
from api.schemas import PROBLEM, problems
from api.security import Secured
from api.watch import Seen, Watch
from common.model.stream import Stream
from common.process.clock import Clock
from common.settings.config import Settings

DESCRIPTION = """
What Penstock has stored, and how the pipeline stands. Every question is one that a stream's file states.

Integers that can pass 2^53 - 1 are JSON strings, since JavaScript and others round above it. Times are UTC. Errors are
problems as RFC 9457 has them. The connection to ClickHouse may only read, and takes 1.5 s and 32 MB an answer at most.
"""


class Parts:
    """What the operations work with, made from settings and streams."""

    def __init__(
        self, settings: Settings, streams: Mapping[str, Stream], about: Mapping[str, str], clock: Clock
    ) -> None:
        settings = replace(settings, clickhouse=impatient(settings.clickhouse))
        self._settings, self._streams, self._clock = settings, streams, clock
        self.pool = Pool(settings.clickhouse)
        self.questions = Questions(self.pool)
        self.live = Live(streams, about, self.pool, self._time_now, clock.now_s)
        self.letters = letters.Letters(settings, clock)
        self.latest = standing_routes.Latest(settings, clock)
        self.metrics = metrics.Metrics(self.live, clock.now_s)

    def _time_now(self) -> str:
        return time_text(datetime.fromtimestamp(round(self._clock.unix_s(), 3), UTC))

    @asynccontextmanager
    async def running(self, app: FastAPI) -> AsyncIterator[None]:
        """Look at Kafka and ClickHouse meanwhile; close everything at the end."""
        loop = asyncio.get_running_loop()

        def on_look(seen: Seen) -> None:
            with suppress(RuntimeError):  # the loop is closed: we are stopping
                loop.call_soon_threadsafe(self.live.see, seen)

        watch = Watch(self._settings, list(self._streams.values()), self._clock, on_look)
        watch.start()
        telling = loop.create_task(self.live.tell_on())
        yield
        telling.cancel()
        await asyncio.to_thread(watch.stop)
        for part in (self.questions, self.pool, self.letters, self.latest):
            part.close()


def build(
    settings: Settings, streams: Mapping[str, Stream], about: Mapping[str, str], clock: Clock, version: str
) -> ASGIApp:
    """The whole app; it looks at Kafka and ClickHouse from its start-up to its shutdown."""
    parts = Parts(settings, streams, about, clock)
    app = FastAPI(
        title="Penstock",
        version=version,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=parts.running,
        responses=problems(400),
    )
    handle_problems(app, list(streams))
    metrics.add_to(app, parts.metrics, parts.live)
    standing_routes.add_to(app, streams, parts.live, parts.latest)
    for stream in streams.values():
        parts.questions.add_to(app, stream)
    letters.add_to(app, streams, parts.live, parts.letters)
    parts.live.add_to(app)
    pages.add_to(app, streams)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return Secured(parts.metrics.counted(app), app.router)


def _openapi(app: FastAPI) -> dict[str, object]:
    """The description, with problems in place of FastAPI's own errors."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        for own in ("HTTPValidationError", "ValidationError"):
            schemas.pop(own, None)
        schemas["Problem"] = PROBLEM
        app.openapi_schema = schema
    return app.openapi_schema
