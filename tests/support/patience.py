"""GET requests that wait until a busy api has stopped answering 503."""

from __future__ import annotations

from typing import Any

import requests

from infra.local.waiting import wait_until

GET_S = 10.0
PATIENCE_S = 30.0


def get_patiently(url: str, **options: Any) -> requests.Response:
    """The first answer to a GET that is not 503; after `PATIENCE_S` without one, the last 503."""
    answers: list[requests.Response] = []

    def is_answered() -> bool:
        answers[:] = [requests.get(url, timeout=GET_S, **options)]
        return answers[0].status_code != 503

    wait_until(is_answered, PATIENCE_S)
    return answers[0]
