"""What is live: the state of the streams, and the answer to the live question of each that somebody looks at."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI, WebSocket

from api.asking import ask
from api.history import History
from api.hub import Hub, reason
from api.look import Look
from api.pool import Pool
from api.problems import words_of
from api.standing import questions_as_json, stream_as_json
from api.watch import Seen
from common.errors import PenstockError
from common.model.question import Alias, Question
from common.model.stream import Stream

OVERVIEW = "overview"
NO_SUCH_STREAM = 4404
TELL_S = 5.0
"""Without a new look, so often the last one is told again, with its age."""

TOO_OLD_S = 60.0
"""Longer than a look takes while nobody answers it."""

log = logging.getLogger(__name__)


class Live:
    """Publishes to a hub whatever a Watch sees, and answers what is asked of it at once."""

    def __init__(
        self,
        streams: Mapping[str, Stream],
        about: Mapping[str, str],
        pool: Pool,
        time_text: Callable[[], str],
        now_s: Callable[[], float],
    ) -> None:
        self.hub = Hub()
        self.history = History()
        self._streams, self._about, self._pool = streams, about, pool
        self._time_text, self._now_s = time_text, now_s
        self._seen = Seen(Look(at_s=now_s()))
        self._aliases: dict[str, tuple[Stream, Question, Alias]] = {}
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def see(self, seen: Seen) -> None:
        """Take a new look, and tell everybody who listens."""
        self._seen = seen
        if self.history.is_due(seen.now.unix_s):
            states = [self.state(stream, with_questions=False) for stream in self._streams.values()]
            self.history.add(seen.now.unix_s, states)
        self._tell()

    async def tell_on(self) -> None:
        """While no new look comes, tell everybody who listens how old the last one is. Ends when it is cancelled."""
        while True:
            await asyncio.sleep(TELL_S)
            if self.age_s >= TELL_S:
                self._tell()

    def _tell(self) -> None:
        for channel in self.hub.channels():
            self._start(channel)

    @property
    def age_s(self) -> float:
        """How old the last look is; before the first one, how long there was none."""
        return round(self._now_s() - self._seen.now.at_s, 1)

    @property
    def unready(self) -> str:
        """Why questions cannot be answered now; empty if ClickHouse answered a look that is not too old."""
        if self.age_s > TOO_OLD_S:
            old = f"the last look at Kafka and ClickHouse is {self.age_s:.0f} s old"
            return f"{old}, and no newer one has come back: the log of the api may say why; else restart it"
        return self._seen.clickhouse_problem

    def overview(self, *, with_questions: bool) -> dict[str, Any]:
        """All streams as they stand."""
        seen = self._seen
        return {
            "time": self._time_text(),
            "age_s": self.age_s,
            "kafka": _server(seen.kafka_problem),
            "clickhouse": _server(seen.clickhouse_problem),
            "streams": [
                self.state(stream, with_questions=with_questions) for stream in self._streams.values()
            ],
        }

    def state(self, stream: Stream, *, with_questions: bool) -> dict[str, Any]:
        """A stream as it stands."""
        seen = self._seen
        about = self._about.get(stream.name, "")
        state = stream_as_json(stream, about, seen.now, seen.before, seen.earlier)
        return (
            {"age_s": self.age_s}
            | state
            | ({"questions": questions_as_json(stream)} if with_questions else {})
        )

    def add_to(self, app: FastAPI) -> None:
        """Give the app its WebSockets."""
        for stream in self._streams.values():
            for question in stream.questions:
                for alias in question.aliases:
                    if alias.is_live:
                        self._add_alias(app, stream, question, alias)

        @app.websocket("/ws/{name}")
        async def listen(socket: WebSocket, name: str) -> None:
            if name != OVERVIEW and name not in self._streams:
                await socket.accept()
                await socket.close(NO_SUCH_STREAM, reason(f"there is no stream {name}"))
                return
            await self.hub.serve(socket, name, lambda: self._publish(name))

    def _add_alias(self, app: FastAPI, stream: Stream, question: Question, alias: Alias) -> None:
        channel = f"/{alias.path}"
        self._aliases[channel] = stream, question, alias

        @app.websocket(channel)
        async def listen(socket: WebSocket) -> None:
            await self.hub.serve(socket, channel, lambda: self._publish(channel))

    def _start(self, channel: str) -> None:
        """Publish in the background, unless the channel is still at the tick before."""
        if channel in self._busy:
            return
        self._busy.add(channel)
        task = asyncio.get_running_loop().create_task(self._publish_once(channel))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _publish_once(self, channel: str) -> None:
        try:
            await self._publish(channel)
        except Exception:
            log.exception("a live message could not be made", extra={"channel": channel})
        finally:
            self._busy.discard(channel)

    async def _publish(self, channel: str) -> None:
        self.hub.publish(channel, msgspec.json.encode(await self._message(channel)).decode())

    async def _message(self, channel: str) -> Any:
        if channel == OVERVIEW:
            return self.overview(with_questions=False)
        if channel in self._streams:
            stream = self._streams[channel]
            answer, detail = await self._answer(stream, stream.live)
            state = self.state(stream, with_questions=False)
            live = answer and {"question": answer[0].name, "parameters": answer[1], "rows": answer[2]}
            return {
                "stream": channel,
                "time": self._time_text(),
                "state": state,
                "live": live,
                "detail": detail,
            }
        stream, question, alias = self._aliases[channel]
        answer, detail = await self._answer(stream, question)
        if answer is None:
            return {"detail": detail}
        return alias.answer(answer[2]) if alias.answer else answer[2]

    async def _answer(
        self, stream: Stream, question: Question | None
    ) -> tuple[tuple[Question, dict[str, Any], Sequence[Any]] | None, str]:
        if question is None:
            return None, "the stream has no live question"
        given = question.defaults | (question.live or {})
        try:
            asked = await ask(self._pool, stream, question, given)
        except PenstockError as error:
            return None, words_of(error)
        return (question, given, asked.rows), ""


def _server(problem: str) -> dict[str, Any]:
    return {"ok": not problem, "detail": problem}
