"""The sinks, or the transforms: so many wanted, each a process; whoever ended is replaced, as a supervisor would."""

from __future__ import annotations

import random
import string
import threading
from collections.abc import Callable
from typing import NamedTuple, Protocol

from infra.local.waiting import wait_until
from tests.support.sink_process import SinkProcess

READY = ("assigned", "no partition is left for this consumer, waiting")
READY_DEADLINE_S = 90.0
STOP_DEADLINE_S = 40.0
SHOWN_CHARACTERS = 300
SHOWN_OF_THE_END = 1_500
NAME_LETTERS = 8


class Starter(Protocol):
    """What starts one more of them."""

    def start_sink(self, *, INSTANCE: str) -> SinkProcess:
        """Start one under that name."""
        ...


class Member(NamedTuple):
    """A process and its name in logs: letters by lot, so that names tell nothing about age."""

    name: str
    process: SinkProcess


class Crew:
    """Those of one command. Any thread may use it."""

    def __init__(self, pipeline: Starter, note: Callable[[str], None], rng: random.Random) -> None:
        """`note` is told of those that ended by themselves. `rng` draws names, and who leaves if there are too many."""
        self._pipeline, self._note, self._rng = pipeline, note, rng
        self._lock = threading.RLock()
        self._members: list[Member] = []
        self._wanted = 0
        self.started = 0
        self.ended_by_themselves: list[str] = []

    def members(self) -> list[Member]:
        """Those at work, guests too."""
        with self._lock:
            return list(self._members)

    def pick(self, chance: float) -> Member:
        """One of them; `chance` in [0, 1)."""
        self.supervise()
        members = self.members()
        return members[int(chance * len(members))]

    def resize(self, wanted: int) -> None:
        """So many from now on; those too many are stopped cleanly."""
        self._wanted = wanted
        while len(surplus := self.members()) > wanted:
            self.stop(self._rng.choice(surplus))
        self.supervise()

    def join(self) -> Member:
        """Start one more than there are."""
        with self._lock:
            self.started += 1
            name = "".join(self._rng.choices(string.ascii_lowercase, k=NAME_LETTERS))
            process = self._pipeline.start_sink(INSTANCE=name)
            member = Member(name, process)
            self._members.append(member)
            return member

    def kill(self, member: Member) -> None:
        """SIGKILL."""
        self._forget(member)
        member.process.kill()

    def stop(self, member: Member) -> None:
        """SIGTERM, and wait."""
        self._forget(member)
        member.process.stop(STOP_DEADLINE_S)

    def supervise(self) -> None:
        """Note who ended by itself, and start as many as are missing."""
        with self._lock:
            for member in [each for each in self._members if not each.process.is_running]:
                self._members.remove(member)
                said = f"{member.name} ended by itself, exit code {member.process.wait(1)}: {_last_words(member)}"
                self.ended_by_themselves.append(said)
                self._note(said)
            while len(self._members) < self._wanted:
                self.join()

    def await_ready(self) -> None:
        """Wait until all of them have joined the group; TimeoutError with what the slowest said."""

        def all_ready() -> bool:
            self.supervise()
            return not self.unready()

        if not wait_until(all_ready, READY_DEADLINE_S):
            late = self.unready()[0]
            raise TimeoutError(f"{late.name} did not join within {READY_DEADLINE_S:g} s: {_last_words(late)}")

    def start_anew(self) -> None:
        """All of them, with the settings of now."""
        for member in self.members():
            self.stop(member)
        self.supervise()

    def has_said(self, message: str) -> bool:
        """Whether one of those at work has logged it."""
        return any(each.process.has_said(message) for each in self.members())

    def unready(self) -> list[Member]:
        """Those that have not joined the group yet."""
        return [each for each in self.members() if not any(map(each.process.has_said, READY))]

    def kill_all(self) -> None:
        """End everything."""
        for member in self.members():
            self.kill(member)

    def _forget(self, member: Member) -> None:
        with self._lock:
            if member in self._members:
                self._members.remove(member)


def _last_words(member: Member) -> str:
    lines = member.process.log_text().strip().splitlines()
    return _told(lines[-1]) if lines else "it said nothing"


def _told(line: str) -> str:
    """A line of the log; of a traceback the end, which says what happened and where."""
    if len(line) <= SHOWN_CHARACTERS:
        return line
    return f"{line[:SHOWN_CHARACTERS]} … {line[-SHOWN_OF_THE_END:]}"
