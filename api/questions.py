"""The questions of the streams as operations: a long path each, short paths, and charts as pictures."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from api import parameters
from api.asking import Asked, ask
from api.pictures import draw
from api.pool import Pool
from api.schemas import Schema, alias_example, answer_example, answer_schema, problems, schema_of
from common.errors import NotStored
from common.model.question import Alias, Question
from common.model.stream import Stream

COMPUTED = "Penstock-Computed"
_NAME = re.compile(r"\{(\w+)\}")
_REQUEST = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
Reply = Callable[[Request, Stream, Question, Asked, Mapping[str, Any]], Any]


class Questions:
    """Answers questions over HTTP; pictures are drawn in one thread, since they hold the interpreter."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._painter = ThreadPoolExecutor(1, thread_name_prefix="painter")

    def add_to(self, app: FastAPI, stream: Stream) -> None:
        """Give the app the operations of a stream's questions."""
        router = APIRouter(tags=[stream.name])
        for question in stream.questions:
            base = f"/streams/{stream.name}/{question.name}"
            self._add(
                router, stream, question, base, self._json, answer_schema(question), answer_example(question)
            )
            if question.chart:
                self._add_picture(router, stream, question, f"{base}.png")
            for alias in question.aliases:
                if alias.is_live:
                    continue
                self._add_alias(router, stream, question, alias)
        app.include_router(router)

    def _add_alias(self, router: APIRouter, stream: Stream, question: Question, alias: Alias) -> None:
        if alias.is_picture:
            self._add_picture(router, stream, question, f"/{alias.path}", alias.help)
            return
        example = alias_example(question, alias)
        schema = schema_of(example) if alias.answer else answer_schema(question)
        reply = partial(self._short, alias) if alias.answer else self._json
        self._add(router, stream, question, f"/{alias.path}", reply, schema, example, alias.help)

    def _add(
        self,
        router: APIRouter,
        stream: Stream,
        question: Question,
        path: str,
        reply: Reply,
        schema: Schema,
        example: Any,
        more: str = "",
    ) -> None:
        content = {"application/json": {"schema": schema, "example": example}}
        self._route(router, stream, question, path, reply, content, _sentence(question.help), more)

    def _add_picture(
        self, router: APIRouter, stream: Stream, question: Question, path: str, more: str = ""
    ) -> None:
        summary = f"A picture (PNG): {question.help}"
        self._route(router, stream, question, path, self._picture, {"image/png": {}}, summary, more)

    def _route(
        self,
        router: APIRouter,
        stream: Stream,
        question: Question,
        path: str,
        reply: Reply,
        content: Mapping[str, Any],
        summary: str,
        more: str,
    ) -> None:
        async def operation(request: Request, **given: Any) -> Response:
            asked = await ask(self._pool, stream, question, given)
            response: Response = await reply(request, stream, question, asked, given)
            response.headers[COMPUTED] = "true" if asked.is_computed else "false"
            if asked.next is not None:
                response.headers["Link"] = f'<{_next(request, asked.next)}>; rel="next"'
            return response

        wanted = parameters.signature(question, set(_NAME.findall(path)))
        asks = wanted.replace(parameters=[_REQUEST, *wanted.parameters.values()])
        operation.__signature__ = asks  # type: ignore[attr-defined]
        answer = {"description": "the answer", "content": content, "headers": _headers(question)}
        router.add_api_route(
            path,
            operation,
            summary=summary,
            description=more,
            operation_id=re.sub(r"\W+", "_", f"get {path.strip('/')}"),
            response_class=Response,
            responses={200: answer, **problems(404, 422, 503)},
        )

    async def _json(
        self, request: Request, stream: Stream, question: Question, asked: Asked, given: Mapping[str, Any]
    ) -> Response:
        return json_answer(asked.as_json(question))

    async def _short(
        self,
        alias: Alias,
        request: Request,
        stream: Stream,
        question: Question,
        asked: Asked,
        given: Mapping[str, Any],
    ) -> Response:
        assert alias.answer is not None
        body = alias.answer(asked.rows)
        if body is None:
            raise NotStored(
                f"nothing is stored yet: start the producer with `python -m producer {stream.name}`"
            )
        return json_answer(body)

    async def _picture(
        self, request: Request, stream: Stream, question: Question, asked: Asked, given: Mapping[str, Any]
    ) -> Response:
        assert question.chart is not None
        title = f"{stream.name}: {question.name.replace('_', ' ')}"
        future = self._painter.submit(draw, question.chart, asked.rows, title, given)
        return Response(await run_in_threadpool(future.result), media_type="image/png")

    def close(self) -> None:
        """Draw no more."""
        self._painter.shutdown(wait=False, cancel_futures=True)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"


def json_answer(body: Any) -> Response:
    """An answer of 200 as JSON."""
    return Response(msgspec.json.encode(body), media_type="application/json")


def _next(request: Request, changed: Mapping[str, Any]) -> str:
    query = dict(request.query_params) | {name: str(value) for name, value in changed.items()}
    return f"{request.url.path}?{urlencode(query)}"


def _headers(question: Question) -> dict[str, Any]:
    headers = {COMPUTED: _header("true: the tables hold no such rows, these were computed")}
    if question.paged:
        headers["Link"] = _header('the next page, rel="next", if there is one')
    return headers


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}
