"""Waits at start for servers that do not answer yet."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from common.errors import PenstockError
from common.process.clock import Clock
from common.process.deadline import Deadline

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")
START_PAUSE_S = 0.5


def patiently(ask: Callable[[], Answer], patience_s: float, clock: Clock) -> Answer:
    """What `ask` answers; asked again for `patience_s` while servers do not answer. Raises what it raised last."""
    deadline = Deadline(clock.now_s, patience_s)
    is_told = False
    while True:
        try:
            return ask()
        except PenstockError as error:
            if not error.retriable or deadline.is_over:
                raise
            if not is_told:
                log.warning("waiting for a server to answer", extra={"reason": str(error)})
                is_told = True
        clock.sleep(START_PAUSE_S)
