"""A problem as a page, for somebody who typed an address into a browser."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from http import HTTPStatus
from pathlib import Path
from string import Template
from urllib.parse import quote

import msgspec
from fastapi import Response
from fastapi.responses import HTMLResponse

TITLES = {404: "Not found", 422: "This cannot be asked", 503: "Not available right now"}
_TEMPLATE = Path(__file__).parent / "static" / "problem.html"


def page_of(told: Response, streams: Sequence[str]) -> Response:
    """The same problem, status and headers, with links to the pages that there are."""
    status, detail = told.status_code, msgspec.json.decode(told.body)["detail"]
    links = "".join(f'<a href="/live/{quote(name)}">{escape(name)}</a>' for name in streams)
    page = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(TITLES.get(status, HTTPStatus(status).phrase)),
        detail=escape(f"{detail[:1].upper()}{detail[1:].rstrip('.')}."),
        status=status,
        streams=links,
    )
    own = {name: value for name, value in told.headers.items() if not name.startswith("content-")}
    return HTMLResponse(page, status, own)
