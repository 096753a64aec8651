"""Asks an ASGI app one question, without a server."""

import asyncio
import json
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """What came back: status, headers in lower case, the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(app, path, method="GET", query="", kind="http", accept="") -> Answer:
    """Its answer to a request; what the app itself raises is raised here."""
    sent = []
    whole = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive():
        return next(whole, None) or await asyncio.Future()  # the client waits

    async def send(message):
        sent.append(message)

    scope = {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"accept", accept.encode())] if accept else [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }
    asyncio.run(app(scope, receive, send))
    headers = {name.decode().lower(): value.decode() for name, value in sent[0].get("headers", ())}
    return Answer(sent[0].get("status", 0), headers, b"".join(each.get("body", b"") for each in sent[1:]))
