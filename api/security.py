"""What surrounds every answer: headers that tell browsers to trust nothing else, and methods as they are."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.routing import Match, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'self'; img-src {images}; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)
PICTURE_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
)
"""A browser puts a picture that is opened alone into a page of its own, whose style is in that page."""

DOCS = "/docs"
"""This page shows pictures that it has fetched."""

FILES = "/static/"
FILE_METHODS = {"GET"}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Secured:
    """An app whose HTTP answers carry HEADERS, say no-store by default, and name all methods in 405s."""

    def __init__(self, app: ASGIApp, router: Router) -> None:
        self._app, self._router = app, router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = dict(scope)  # what routes see changes on the way
        is_head = scope["method"] == "HEAD"
        if is_head:  # as GET, without the body
            scope = {**scope, "method": "GET"}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers["Content-Security-Policy"] = _policy(scope["path"], headers.get("Content-Type", ""))
                kept = "no-cache" if scope["path"].startswith(FILES) else "no-store"
                headers.setdefault("Cache-Control", kept)
                if message["status"] == 405:
                    headers["Allow"] = ", ".join(sorted(self._methods(asked)))
            elif is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _methods(self, scope: Scope) -> set[str]:
        found: set[str] = set()
        for route in self._router.routes:
            match, _ = route.matches(scope)
            if match is not Match.NONE:
                found |= getattr(route, "methods", None) or FILE_METHODS
        return found | ({"HEAD"} if "GET" in found else set())


def _policy(path: str, content_type: str) -> str:
    if content_type.startswith("image/"):
        return PICTURE_POLICY
    return POLICY.format(images="'self' blob:" if path == DOCS else "'self'")
