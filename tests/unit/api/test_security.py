"""Headers around every answer, and the methods that a 405 names."""

import pytest
from fastapi import FastAPI, Response
from fastapi.responses import PlainTextResponse
from starlette.routing import Route, Router

from api.security import HEADERS, Secured
from tests.unit.api.asgi import ask


@pytest.fixture
def app():
    inner = FastAPI(openapi_url=None)

    @inner.get("/it")
    async def read() -> str:
        return "read"

    @inner.post("/it")
    async def write() -> str:
        return "written"

    @inner.get("/kept")
    async def kept() -> Response:
        return Response("kept", headers={"Cache-Control": "no-cache", "X-Content-Type-Options": "sniff"})

    return Secured(inner, inner.router)


@pytest.mark.parametrize("path", ["/it", "/nowhere"])
def test_every_answer_carries_the_headers(app, path):
    headers = ask(app, path).headers
    assert {name: headers[name.lower()] for name in HEADERS} == HEADERS


def test_an_answer_is_not_stored_unless_it_says_so_itself(app):
    assert ask(app, "/it").headers["cache-control"] == "no-store"
    assert ask(app, "/kept").headers["cache-control"] == "no-cache"


def test_an_answer_cannot_take_a_header_back(app):
    assert ask(app, "/kept").headers["x-content-type-options"] == "nosniff"


def test_a_405_names_the_methods_of_every_route_of_that_path(app):
    answer = ask(app, "/it", method="DELETE")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert ask(app, "/kept", method="DELETE").headers["allow"] == "GET, HEAD"


def test_head_is_answered_as_get_without_the_body(app):
    answer = ask(app, "/kept", method="HEAD")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "4")


def test_files_are_asked_for_again_and_not_loaded_again():
    inner = FastAPI()
    inner.mount("/static", Router([Route("/a.js", lambda request: PlainTextResponse("1"), methods=["GET"])]))
    app = Secured(inner, inner.router)
    assert ask(app, "/static/a.js").headers["cache-control"] == "no-cache"
    assert ask(app, "/static/a.js", method="POST").headers["allow"] == "GET, HEAD"


def test_what_is_no_request_passes_as_it_is():
    seen = []

    async def inner(scope, receive, send):
        seen.append(scope["type"])
        await send({"type": "lifespan.startup.complete"})

    assert ask(Secured(inner, FastAPI().router), "/", kind="lifespan").headers == {}
    assert seen == ["lifespan"]
