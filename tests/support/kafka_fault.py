"""What `kafka_proxy` does to requests."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.support.kafka_frames import Api, error_of

PATIENCE_S = 20.0


class Fault:
    """What happens to one request, or to several.

    `cuts`: the client's connection is closed; `keeps`: the request arrives when it is released; `delivers`: it arrives
    at all. If it cuts or does not keep, the client hears no answer. Once it has fired, `request` is the frame and
    `port` that of the broker it was for.
    """

    def __init__(
        self, api: Api, match: bytes, times: int, *, cuts: bool, keeps: bool, delivers: bool
    ) -> None:
        self.api, self.match, self.times = api, match, times
        self.cuts, self.keeps, self.delivers = cuts, keeps, delivers
        self.fired, self.released, self.answered = threading.Event(), threading.Event(), threading.Event()
        self.request, self.answer = b"", b""
        self.port = 0
        self.hang_up: Callable[[], None] = lambda: None  # cuts the connection of its client

    def await_fired(self, timeout_s: float = PATIENCE_S) -> None:
        """Wait until such a request has come."""
        assert self.fired.wait(timeout_s), f"no {self.api.name} came"

    def release(self, timeout_s: float = PATIENCE_S) -> None:
        """Let the request arrive now, and wait until the broker has answered it."""
        assert self.fired.is_set(), f"no {self.api.name} was held"
        self.released.set()
        assert self.answered.wait(timeout_s), f"{self.api.name} was not answered"

    @property
    def error(self) -> int:
        """The error code of the broker's answer."""
        return error_of(self.api, self.answer)
