"""An api that has much to do may refuse for the moment: who asks patiently asks again."""

from __future__ import annotations

from typing import Any

import requests

from infra.local.waiting import wait_until

GET_S = 10.0
PATIENCE_S = 30.0
REFUSED = 503


def get_patiently(url: str, patience_s: float = PATIENCE_S, **options: Any) -> requests.Response:
    """The answer to a GET, as soon as it is no refusal for the moment; after `patience_s` the refusal."""
    answers: list[requests.Response] = []

    def is_answered() -> bool:
        answers[:] = [requests.get(url, timeout=GET_S, **options)]
        return answers[0].status_code != REFUSED

    wait_until(is_answered, patience_s)
    return answers[0]
