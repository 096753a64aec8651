"""The one thread that talks to ClickHouse while the main thread fetches and decodes (R2). The sink owns it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import NamedTuple

from consumer.job import Job
from consumer.recovery import Outcome, Recovery


class Result(NamedTuple):
    """A job that came back: its outcome, or the error that ended it."""

    job: Job
    outcome: Outcome | None
    error: Exception | None
    took_s: float


class Inserter:
    """Carries out jobs in the order they are submitted. It never sleeps: when to try again is the sink's choice."""

    def __init__(self, recovery: Recovery, now_s: Callable[[], float]) -> None:
        self._recovery, self._now_s = recovery, now_s
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._landed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="insert", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue a job; its result comes out of `results` later."""
        job.submitted = True
        self._jobs.put(job)

    def wait(self, timeout_s: float) -> None:
        """Wait until a result is there, at most `timeout_s`."""
        self._landed.wait(timeout_s)

    def results(self) -> list[Result]:
        """Every result that is there."""
        self._landed.clear()
        found = []
        try:
            while True:
                found.append(self._results.get_nowait())
        except queue.Empty:
            return found

    def stop(self, timeout_s: float) -> bool:
        """End after the jobs submitted so far; whether it ended in time."""
        self._jobs.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            started_s = self._now_s()
            outcome, error = None, None
            try:
                outcome = self._recovery.carry_out(job)
            except Exception as caught:  # told to the main thread, which decides
                error = caught
            self._results.put(Result(job, outcome, error, self._now_s() - started_s))
            self._landed.set()
