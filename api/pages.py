"""The pages: static files, the same for every stream; all that changes comes as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from common.model.stream import Stream

STATIC = Path(__file__).parent / "static"
PAGES = {"/": "overview.html", "/docs": "docs.html"}
CACHE = {"Cache-Control": "no-cache"}


def add_to(app: FastAPI, streams: Mapping[str, Stream]) -> None:
    """Give the app its pages and their files."""
    for path, name in PAGES.items():
        _add_page(app, path, name)

    @app.get("/live/{stream}", include_in_schema=False)
    async def live_page(stream: str) -> FileResponse:
        if stream not in streams:
            raise HTTPException(404, f"there is no stream {stream[:50]}; there are: {', '.join(streams)}")
        return FileResponse(STATIC / "live.html", headers=CACHE)

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> FileResponse:
        return FileResponse(STATIC / "penstock.svg", headers=CACHE)

    app.mount("/static", StaticFiles(directory=STATIC), name="static")


def _add_page(app: FastAPI, path: str, name: str) -> None:
    @app.get(path, include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / name, headers=CACHE)
