"""The thread that inserts while the main thread fetches and decodes (R2)."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from consumer.sink.insertion import Insertion
from consumer.sink.recovery import NOTHING_KNOWN, Found, Outcome, Recovery

LOOK_ROWS, LOOK_INSERTIONS = 100_000, 16
"""Upper bounds for one combined count.

Recovering insertions of a feed together saves a count query for each, but the first one's result waits for the INSERTs
of all."""

Step = Callable[[Insertion, Found], Outcome | None]


class Result(NamedTuple):
    """An insertion that came back: its outcome, or the error that ended it."""

    insertion: Insertion
    outcome: Outcome | None
    error: Exception | None
    took_s: float


class Inserter:
    """Carries out insertions in the order they are submitted. It never sleeps: the sink chooses when to try again."""

    def __init__(self, recovery: Recovery, now_s: Callable[[], float]) -> None:
        self._recovery, self._now_s = recovery, now_s
        self._insertions: queue.SimpleQueue[Insertion | None] = queue.SimpleQueue()
        self._waiting: deque[Insertion | None] = deque()
        self._results: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._landed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="insert", daemon=True)
        self._thread.start()

    def submit(self, insertion: Insertion) -> None:
        """Queue an insertion; its result comes out of `results` later."""
        self._insertions.put(insertion)

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
        """End after the insertions submitted so far; whether it ended in time."""
        self._insertions.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while self._turn():  # a call, so that nothing of an insertion is held while the next is waited for
            pass

    def _turn(self) -> bool:
        """Carry out the next insertion, or several that are counted together; False at the end."""
        insertions, started_s = self._next(), self._now_s()
        left = insertions
        for step in (self._recovery.fill, self._recovery.settle):
            looks = self._look(left, started_s)
            left = [
                insertion
                for insertion, found in looks
                if not self._is_over(insertion, step, found, started_s)
            ]
        return bool(insertions)

    def _next(self) -> list[Insertion]:
        """The next insertion, and those directly after it that can be looked at with it; none at the end."""
        waiting, rows = self._waiting, 0
        insertions: list[Insertion] = []
        while not waiting or not self._insertions.empty():
            waiting.append(self._insertions.get())
        while waiting and (insertion := waiting[0]) is not None:
            rows += insertion.batch.rows
            if insertions and not (
                _are_alike(insertion, insertions[0])
                and rows <= LOOK_ROWS
                and len(insertions) < LOOK_INSERTIONS
            ):
                break
            insertions.append(insertion)
            waiting.popleft()
        return insertions

    def _look(self, insertions: list[Insertion], started_s: float) -> list[tuple[Insertion, Found]]:
        """Each insertion with what is there of its range; an insertion alone looks for itself.

        A look that fails fails for all of them: each is tried again, later.
        """
        try:
            looks = (
                self._recovery.look(insertions) if len(insertions) > 1 else [NOTHING_KNOWN] * len(insertions)
            )
        except Exception as error:  # told to the main thread, which decides
            for insertion in insertions:
                self._tell(insertion, None, error, started_s)
            return []
        return list(zip(insertions, looks, strict=True))

    def _is_over(self, insertion: Insertion, step: Step, found: Found, started_s: float) -> bool:
        """Take a step with an insertion; whether it has come to an end, good or bad, and been told."""
        try:
            outcome = step(insertion, found)
        except Exception as error:  # told to the main thread, which decides
            self._tell(insertion, None, error, started_s)
            return True
        if outcome is None:
            return False
        self._tell(insertion, outcome, None, started_s)
        return True

    def _tell(
        self, insertion: Insertion, outcome: Outcome | None, error: Exception | None, started_s: float
    ) -> None:
        self._results.put(Result(insertion, outcome, error, self._now_s() - started_s))
        self._landed.set()


def _are_alike(insertion: Insertion, other: Insertion) -> bool:
    """Whether both are to be recovered, from tables of the same feed."""
    return insertion.must_count and other.must_count and insertion.partition.topic == other.partition.topic
