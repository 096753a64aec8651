"""Waiting, on the main thread, for answers to requests that kafka-python's own thread sends."""

from __future__ import annotations

import threading
from typing import Any

from kafka.errors import KafkaTimeoutError
from kafka.future import Future


def answered(future: Future) -> threading.Event:
    """Set once there is an answer, good or bad."""
    answer = threading.Event()
    future.add_both(lambda _: answer.set())
    return answer


def wait_for(future: Future, timeout_s: float) -> Any:
    """The answer. Raises what the request raised, KafkaTimeoutError when none came in time."""
    if not answered(future).wait(max(0.0, timeout_s)):
        raise KafkaTimeoutError("no answer in time")
    if future.exception is not None:
        raise future.exception
    return future.value
