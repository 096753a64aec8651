"""What went wrong, as RFC 9457 has it: application/problem+json with type, title, status, detail."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.accepting import prefers_page
from api.problem_page import page_of
from common.errors import (
    AskedTooMuch,
    ClickHouseRefused,
    ClickHouseUnavailable,
    KafkaRefused,
    KafkaUnavailable,
    NotAllowed,
    NotStored,
    OutOfMemory,
    PenstockError,
    TookTooLong,
)

RETRY_AFTER_S = 2
SHOWN_CHARACTERS = 200
UNKNOWN_TABLE = "code 60,"
MUST_BE = {
    "greater_than_equal": "be at least {ge}",
    "less_than_equal": "be at most {le}",
    "literal_error": "be {expected}",
    "float_parsing": "be a number",
    "int_parsing_size": "be a whole number with fewer digits",
    "int_parsing": "be a whole number",
    "finite_number": "be a finite number",
    "string_too_long": "have at most {max_length} characters",
    "value_error": "{error}",
}
"""Type of pydantic's error → what the value must be."""

log = logging.getLogger(__name__)


def problem(
    status: int,
    detail: str,
    errors: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer to a request that failed."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        body["errors"] = list(errors)
    return Response(msgspec.json.encode(body), status, dict(headers or {}), "application/problem+json")


def unavailable(detail: str) -> Response:
    """A server behind this one does not answer: try again."""
    return problem(503, detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def words_of(error: PenstockError) -> str:
    """What happened, for everybody who asks: no addresses of servers."""
    if isinstance(error, ClickHouseUnavailable) and not isinstance(error, TookTooLong | OutOfMemory):
        return "ClickHouse does not answer right now: try again in a few seconds"
    if isinstance(error, KafkaUnavailable):
        return "Kafka does not answer right now: try again in a few seconds"
    return str(error)


Handler = Callable[[Request, Exception], Awaitable[Response]]


def handle_problems(app: FastAPI, streams: Sequence[str]) -> None:
    """Make every error that the app raises a problem: a page for a browser, which leads to the `streams` too."""
    handlers: dict[type[Exception], Handler] = {
        RequestValidationError: _not_valid,
        HTTPException: _http,
        PenstockError: _told,
        Exception: _unforeseen,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, _for_browsers_too(handler, streams))


def _for_browsers_too(handler: Handler, streams: Sequence[str]) -> Handler:
    async def handled(request: Request, error: Exception) -> Response:
        told = await handler(request, error)
        told.headers["Vary"] = "Accept"
        wants_page = prefers_page(*request.headers.getlist("accept"))
        return page_of(told, streams) if wants_page else told

    return handled


async def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"where": ".".join(map(str, each["loc"][1:])) or str(each["loc"][0]), "message": _message(each)}
        for each in error.errors()
    ]
    return problem(422, "; ".join(f"{each['where']} {each['message']}" for each in errors), errors)


def _message(error: Mapping[str, Any]) -> str:
    """What pydantic says, in our words, to be read after the name: what is allowed, and what was given, shortened."""
    kind, allowed = error["type"], {name: _word(value) for name, value in error.get("ctx", {}).items()}
    if kind == "missing":
        return "is missing"
    given = str(error.get("input"))
    shown = given if len(given) <= SHOWN_CHARACTERS else f"{given[:SHOWN_CHARACTERS]}…"
    if kind in MUST_BE:
        must = MUST_BE[kind].format(**allowed)
    else:
        must = f"be something else: {str(error['msg']).removeprefix('Value error, ')}"
    return f"must {must.replace(chr(39), '')} (given: {shown})"


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.15g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = str(error.detail)
    if error.status_code == 404 and detail == HTTPStatus.NOT_FOUND.phrase:
        detail = f"there is nothing at {request.url.path[:SHOWN_CHARACTERS]}; /docs lists what there is"
    if error.status_code == 405:
        detail = f"{request.method[:20]} is not possible here"
    return problem(error.status_code, detail, headers=error.headers)


async def _told(request: Request, error: Exception) -> Response:
    if isinstance(error, NotStored):
        return problem(404, str(error))
    if isinstance(error, NotAllowed):
        return problem(422, str(error), [{"where": error.where, "message": error.message}])
    if isinstance(error, AskedTooMuch):
        return problem(422, words_of(error))
    if isinstance(error, ClickHouseUnavailable | KafkaUnavailable | KafkaRefused):
        return unavailable(words_of(error))
    if isinstance(error, ClickHouseRefused) and UNKNOWN_TABLE in str(error):
        return unavailable("the tables of this stream are missing: run python -m consumer migrate")
    return await _unforeseen(request, error)


async def _unforeseen(request: Request, error: Exception) -> Response:
    log.error(
        "a request could not be answered", exc_info=error, extra={"path": request.url.path[:SHOWN_CHARACTERS]}
    )
    return problem(500, "something that nobody foresaw; the log of the api says more")
