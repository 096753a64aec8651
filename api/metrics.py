"""/health, /ready and /metrics of the api."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.live import Live
from api.problems import unavailable
from api.questions import json_answer
from api.schemas import problems, schema_of

TAG = "process"
TEXT = {"schema": {"type": "string"}}
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)


class Metrics:
    """Counts requests by path of the route and status, and shows how many WebSocket clients there are."""

    def __init__(self, live: Live, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self.registry = CollectorRegistry()
        labels = ["path", "status"]
        self._requests = Counter("penstock_api_requests", "HTTP requests", labels, registry=self.registry)
        self._seconds = Histogram(
            "penstock_api_request_seconds",
            "time to the last byte",
            ["path"],
            registry=self.registry,
            buckets=BUCKETS,
        )
        clients = Gauge(
            "penstock_api_websocket_clients", "connected WebSocket clients", registry=self.registry
        )
        clients.set_function(live.hub.count)

    def counted(self, app: ASGIApp) -> ASGIApp:
        """The app, its requests counted."""

        async def counting(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            began_s, status = self._now_s(), "500"

            async def noting(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = str(message["status"])
                await send(message)

            try:
                await app(scope, receive, noting)
            finally:
                path = getattr(scope.get("route"), "path", "other")
                self._requests.labels(path, status).inc()
                self._seconds.labels(path).observe(self._now_s() - began_s)

        return counting


def add_to(app: FastAPI, metrics: Metrics, live: Live) -> None:
    """Give the app its three operations."""

    @app.get(
        "/health",
        tags=[TAG],
        summary="Alive",
        response_class=Response,
        responses={200: _as_json({"live": True}, "it answers")},
    )
    async def health() -> Response:
        return json_answer({"live": True})

    @app.get(
        "/ready",
        tags=[TAG],
        summary="Able to answer: ClickHouse answered the last look",
        response_class=Response,
        responses={200: _as_json({"ready": True}, "it does"), **problems(503)},
    )
    async def ready() -> Response:
        problem = live.unready
        return unavailable(problem) if problem else json_answer({"ready": True})

    @app.get(
        "/metrics",
        tags=[TAG],
        summary="For Prometheus",
        response_class=Response,
        responses={
            200: {
                "description": "text of Prometheus",
                "content": {"text/plain": TEXT},
            }
        },
    )
    async def prometheus() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _as_json(example: object, description: str) -> dict[str, object]:
    content = {"application/json": {"schema": schema_of(example), "example": example}}
    return {"description": description, "content": content}
