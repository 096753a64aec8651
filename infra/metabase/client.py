"""Talks JSON to Metabase's API, with nothing but the standard library."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from infra.metabase.errors import MetabaseAway, MetabaseFailed, MetabaseRefused

TIMEOUT_S = 60.0
SAID_CHARACTERS = 300
STARTING = 503


class Client:
    """A Metabase. `session` is sent along once there is one."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self.url, self._timeout_s = url.rstrip("/"), timeout_s
        self.session = ""

    def get(self, path: str) -> Any:
        """The answer to a GET. Raises MetabaseAway, MetabaseRefused, MetabaseFailed, as the others do."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer to a POST."""
        return self._ask("POST", path, body)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer to a PUT."""
        return self._ask("PUT", path, body)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("Content-Type", "application/json")
        if self.session:
            request.add_header("X-Metabase-Session", self.session)
        what = f"{method} {self.url}{path}"
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                said = error.read()[:SAID_CHARACTERS].decode(errors="replace")
            if error.code == STARTING:
                raise MetabaseAway(f"{what}: it is starting ({said})") from None
            raise MetabaseRefused(error.code, f"{what} was refused with {error.code}: {said}") from None
        except OSError as error:
            raise MetabaseAway(f"{what}: no answer ({getattr(error, 'reason', error)})") from None
        try:
            return json.loads(text) if text else None
        except ValueError:
            raise MetabaseFailed(
                f"{what} did not answer with JSON: is METABASE_URL that of a Metabase?"
            ) from None
