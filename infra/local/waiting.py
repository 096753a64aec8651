"""Waiting for a condition, always with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable

from common.process.deadline import Deadline

POLL_S = 0.02


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Ask `condition` until it holds; False when it still does not after `timeout_s`."""
    deadline = Deadline(time.monotonic, timeout_s)
    while not condition():
        if deadline.is_over:
            return False
        time.sleep(POLL_S)
    return True
