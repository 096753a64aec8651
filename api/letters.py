"""Dead letters: how many there are and why, pages of them, and one with its bytes and headers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import Annotated, TypeVar

from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api.accepting import prefers_page
from api.answers import LARGEST_EXACT
from api.live import Live
from api.pages import CACHE, STATIC
from api.questions import json_answer
from api.schemas import problems
from common.errors import KafkaUnavailable, PenstockError
from common.kafka_io.letter_box import LetterBox
from common.kafka_io.letter_topics import connected
from common.model.letters import Letter
from common.model.letters_as_json import brief_json, letter_json
from common.model.record import dead_name
from common.model.stream import Stream
from common.process.clock import Clock
from common.settings.config import Settings

T = TypeVar("T")

TAG = "dead letters"
PATIENCE_S = 3.0
CONNECT_S = 1.5
MOST_WAITING = 20
ANSWER_S = 4.0
PAUSE_S = 2.0
"""So long a failure stands for those who ask next."""

OBJECT = {"schema": {"type": "object"}}
BYTES = "application/octet-stream"
Offset = Annotated[int, Path(ge=0, le=LARGEST_EXACT, description="where the letter is")]
DeadTopic = Annotated[str, Path(max_length=300, description="its name, as visits.dead")]


class Letters:
    """Reads dead letters in one thread, which connects to Kafka when it is asked for the first time."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = replace(settings, kafka=replace(settings.kafka, connect_timeout_s=CONNECT_S))
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="letters")
        self._waiting = threading.BoundedSemaphore(MOST_WAITING)
        self._box: LetterBox | None = None
        self._resources = ExitStack()
        self._failed: tuple[float, PenstockError] | None = None

    def read(self, work: Callable[[LetterBox], T]) -> T:
        """What `work` returns. Raises KafkaUnavailable, within a few seconds, and KafkaRefused."""
        if not self._waiting.acquire(blocking=False):
            raise KafkaUnavailable(f"{MOST_WAITING} readers of dead letters wait already: try again")
        try:
            future = self._thread.submit(self._read, work)
            return future.result(ANSWER_S)
        except TimeoutError:
            future.cancel()
            raise KafkaUnavailable(f"dead letters were not read within {ANSWER_S:g} s") from None
        finally:
            self._waiting.release()

    def _read(self, work: Callable[[LetterBox], T]) -> T:
        if self._failed is not None and self._clock.now_s() - self._failed[0] < PAUSE_S:
            raise self._failed[1]
        try:
            self._box = self._box or self._connected()
            return work(self._box)
        except PenstockError as error:
            if error.retriable:
                self._failed = self._clock.now_s(), error
            self._drop()
            raise

    def _connected(self) -> LetterBox:
        topics = self._resources.enter_context(connected(self._settings.kafka, self._clock))
        return LetterBox(topics, patience_s=PATIENCE_S, now_s=self._clock.now_s)

    def _drop(self) -> None:
        self._box = None
        self._resources.close()

    def close(self) -> None:
        """Close the connections, once what is read now is."""
        self._thread.submit(self._drop)
        self._thread.shutdown(wait=False)


def add_to(app: FastAPI, streams: Mapping[str, Stream], live: Live, letters: Letters) -> None:
    """Give the app these operations."""
    dead_topics = {dead_name(topic) for stream in streams.values() for topic in stream.read_topics}
    _add_counts(app, live)
    _add_page(app, dead_topics, letters)
    _add_one(app, dead_topics, letters)
    _add_value(app, dead_topics, letters)


def _known(dead_topic: str, dead_topics: Collection[str]) -> str:
    if dead_topic not in dead_topics:
        raise HTTPException(404, f"there is no topic {dead_topic[:100]} of dead letters; /letters lists them")
    return dead_topic


def _add_counts(app: FastAPI, live: Live) -> None:
    @app.get(
        "/letters",
        tags=[TAG],
        summary="Dead letters of each topic, by kind of reason",
        description="`counting`: there are more letters in the topic than are counted yet; `age_s`: how old "
        "these numbers are. Who would rather have text/html, as a browser, gets the page.",
        response_class=Response,
        responses={200: {"description": "topic by topic", "content": {"application/json": OBJECT}}},
    )
    async def counts(request: Request) -> Response:
        if prefers_page(*request.headers.getlist("accept")):
            return FileResponse(STATIC / "letters.html", headers=CACHE | {"Vary": "Accept"})
        every = live.overview(with_questions=False)["streams"]
        topics = [dead for stream in every for dead in stream.get("dead", ())]
        answer = json_answer({"topics": topics, "age_s": live.age_s})
        answer.headers["Vary"] = "Accept"
        return answer


def _add_page(app: FastAPI, dead_topics: Collection[str], letters: Letters) -> None:
    @app.get(
        "/letters/{dead_topic}",
        tags=[TAG],
        summary="Dead letters of a topic, newest first",
        response_class=Response,
        responses={
            200: {"description": "a page of them", "content": {"application/json": OBJECT}},
            **problems(404, 422, 503),
        },
    )
    async def page(
        dead_topic: DeadTopic,
        before: Annotated[
            int | None, Query(ge=0, le=LARGEST_EXACT, description="those below this offset; without it: all")
        ] = None,
        rows: Annotated[int, Query(ge=1, le=200, description="at most so many")] = 50,
    ) -> Response:
        topic = _known(dead_topic, dead_topics)
        found = await run_in_threadpool(letters.read, lambda box: box.page(topic, before, rows))
        following = None if found.before is None else {"before": found.before}
        return json_answer({"letters": [brief_json(letter) for letter in found.letters], "next": following})


def _add_one(app: FastAPI, dead_topics: Collection[str], letters: Letters) -> None:
    @app.get(
        "/letters/{dead_topic}/{offset}",
        tags=[TAG],
        summary="One dead letter: its key, message and headers, as text and in hex",
        response_class=Response,
        responses={
            200: {"description": "the letter", "content": {"application/json": OBJECT}},
            **problems(404, 422, 503),
        },
    )
    async def one(dead_topic: DeadTopic, offset: Offset) -> Response:
        return json_answer(letter_json(await _read_one(letters, _known(dead_topic, dead_topics), offset)))


def _add_value(app: FastAPI, dead_topics: Collection[str], letters: Letters) -> None:
    @app.get(
        "/letters/{dead_topic}/{offset}/value",
        tags=[TAG],
        summary="The bytes of a dead letter's message, all of them, as a file",
        response_class=Response,
        responses={200: {"description": "the bytes", "content": {BYTES: {}}}, **problems(404, 422, 503)},
    )
    async def value(dead_topic: DeadTopic, offset: Offset) -> Response:
        topic = _known(dead_topic, dead_topics)
        letter = await _read_one(letters, topic, offset)
        if letter.value is None:
            raise HTTPException(404, f"the letter of {topic} at offset {offset} has no value")
        name = {"Content-Disposition": f'attachment; filename="{topic}-{offset}"'}
        return Response(letter.value, media_type=BYTES, headers=name)


async def _read_one(letters: Letters, topic: str, offset: int) -> Letter:
    letter: Letter | None = await run_in_threadpool(letters.read, lambda box: box.letter(topic, offset))
    if letter is None:
        raise HTTPException(404, f"{topic} has no letter at offset {offset}")
    return letter
