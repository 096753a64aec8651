"""The one thread that talks to ClickHouse while the main thread fetches and decodes (R2). The sink owns it."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from consumer.sink.insertion import Job
from consumer.sink.recovery import NOTHING_KNOWN, Found, Outcome, Recovery

LOOK_ROWS, LOOK_JOBS = 100_000, 16
"""Jobs of a feed that are to be recovered are counted together: so many rows and jobs at most with one query.

The first of them waits for the INSERTs of all: the last one's wait gets shorter by a count for each."""

Step = Callable[[Job, Found], Outcome | None]


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
        self._waiting: deque[Job | None] = deque()
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
        while self._turn():  # a call, so that nothing of a job is held while the next is waited for
            pass

    def _turn(self) -> bool:
        """Carry out the next job, or several that are counted together; False at the end."""
        jobs, started_s = self._next(), self._now_s()
        left = jobs
        for step in (self._recovery.fill, self._recovery.settle):
            looks = self._look(left, started_s)
            left = [job for job, found in looks if not self._is_over(job, step, found, started_s)]
        return bool(jobs)

    def _next(self) -> list[Job]:
        """The next job, and those right behind it that can be looked at with it; none at the end."""
        waiting, rows = self._waiting, 0
        jobs: list[Job] = []
        while not waiting or not self._jobs.empty():
            waiting.append(self._jobs.get())
        while waiting and (job := waiting[0]) is not None:
            rows += job.batch.rows
            if jobs and not (_are_alike(job, jobs[0]) and rows <= LOOK_ROWS and len(jobs) < LOOK_JOBS):
                break
            jobs.append(job)
            waiting.popleft()
        return jobs

    def _look(self, jobs: list[Job], started_s: float) -> list[tuple[Job, Found]]:
        """Each job with what is there of its range; a job alone looks for itself.

        A look that fails fails for all of them: each is tried again, later.
        """
        try:
            looks = self._recovery.look(jobs) if len(jobs) > 1 else [NOTHING_KNOWN] * len(jobs)
        except Exception as error:  # told to the main thread, which decides
            for job in jobs:
                self._tell(job, None, error, started_s)
            return []
        return list(zip(jobs, looks, strict=True))

    def _is_over(self, job: Job, step: Step, found: Found, started_s: float) -> bool:
        """Take a step with a job; whether it has come to an end, good or bad, and been told."""
        try:
            outcome = step(job, found)
        except Exception as error:  # told to the main thread, which decides
            self._tell(job, None, error, started_s)
            return True
        if outcome is None:
            return False
        self._tell(job, outcome, None, started_s)
        return True

    def _tell(self, job: Job, outcome: Outcome | None, error: Exception | None, started_s: float) -> None:
        self._results.put(Result(job, outcome, error, self._now_s() - started_s))
        self._landed.set()


def _are_alike(job: Job, other: Job) -> bool:
    """Whether both are to be recovered, from tables of the same feed."""
    return job.verify and other.verify and job.partition.topic == other.partition.topic
