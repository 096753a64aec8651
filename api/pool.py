"""Questions to ClickHouse from an event loop: a few threads, each with its own connection, and a bounded queue."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from common.clickhouse_io.questions import Asker
from common.errors import AskedTooMuch, ClickHouseUnavailable, OutOfMemory, TookTooLong
from common.settings.parts import ClickHouseSettings

T = TypeVar("T")

THREADS = 4
MOST_WAITING = 100
ANSWER_S = 1.8
"""A question is answered within this time, or not at all."""

LIMITS: dict[str, object] = {
    "max_execution_time": 1.5,
    "timeout_overflow_mode": "throw",
    "max_result_rows": 100_000,
    "max_result_bytes": 32 << 20,
    "result_overflow_mode": "throw",
    "max_memory_usage": 500_000_000,
    "max_threads": 2,
}


def impatient(settings: ClickHouseSettings) -> ClickHouseSettings:
    """The same server, which has to answer within ANSWER_S."""
    return replace(settings, connect_timeout_s=0.8, send_receive_timeout_s=1.7)


@contextmanager
def limits_told(limits: Mapping[str, object] = LIMITS) -> Iterator[None]:
    """Say in words for everybody, without addresses, which limit a query has run into: the error stays of its kind."""
    try:
        yield
    except TookTooLong as error:
        limit_s = limits["max_execution_time"]
        raise TookTooLong(
            f"the question took longer than {limit_s} s: ask for fewer rows, or later"
        ) from error
    except OutOfMemory as error:
        raise OutOfMemory(
            "the question needs more memory than there is: ask for fewer rows, or later"
        ) from error
    except AskedTooMuch as error:
        raise AskedTooMuch("this is more than may be read or answered at once: ask for fewer rows") from error


class Pool:
    """Asks from `THREADS` threads. What runs into a limit, or is not answered in time, is told in words for everybody.

    Raises TookTooLong, OutOfMemory and AskedTooMuch then.
    """

    def __init__(self, settings: ClickHouseSettings, limits: dict[str, object] | None = None) -> None:
        self._settings = settings
        self._limits = LIMITS | (limits or {})
        self._own = threading.local()
        self._waiting = 0
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="asker")

    async def run(self, work: Callable[[Asker], T]) -> T:
        """What `work` returns, called in a thread with its Asker."""
        if self._waiting >= MOST_WAITING:
            raise ClickHouseUnavailable(f"{self._waiting} questions wait for ClickHouse already: try again")
        self._waiting += 1
        future = self._threads.submit(self._work, work)
        future.add_done_callback(lambda _: self._done())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), ANSWER_S)
        except TimeoutError:
            future.cancel()
            raise TookTooLong(f"ClickHouse has not answered within {ANSWER_S:g} s: try again later") from None

    def _done(self) -> None:
        self._waiting -= 1

    def _work(self, work: Callable[[Asker], T]) -> T:
        if not hasattr(self._own, "asker"):
            self._own.asker = Asker(self._settings, **self._limits)
        with limits_told(self._limits):
            return work(self._own.asker)

    def close(self) -> None:
        """Take no more questions."""
        self._threads.shutdown(wait=False, cancel_futures=True)
