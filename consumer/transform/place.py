"""A source partition that a transform works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from common.commits.memory import Memory
from common.model.headers import Header
from common.model.ranges import Committed
from common.model.reasons import Reason
from common.model.record import Partition, Record
from common.model.transform import Transform
from consumer.transform.work import Outputs, Work


class Named(NamedTuple):
    """A transform, what it is called (stream.transform), and the headers of its stream's messages."""

    transform: Transform
    name: str
    headers: Sequence[Header]


class BadMessage(NamedTuple):
    """A whole record of which no output can be made, and why."""

    record: Record
    reason: Reason


@dataclass
class Place:
    """One partition: the work on it, what is committed for it, and what was made since.

    `source` names it in the headers of outputs; `memory` is that of its last commit. `position` is the next offset to
    take, `committed` None before its first commit, `bad_run` how many bad messages came last.
    """

    of: Named
    partition: Partition
    topic_id: str
    source: bytes
    work: Work
    memory: Memory
    position: int
    committed: Committed | None
    bad_run: int = 0
    messages: int = 0
    late: int = 0
    outputs: list[Outputs] = field(default_factory=list)
    dead: list[BadMessage] = field(default_factory=list)

    @property
    def has_news(self) -> bool:
        """Whether there is anything to commit: more than what was only read again."""
        is_further = self.work.remembered.read > self.memory.read
        return bool(is_further or self.dead or self.outputs or self.committed is None)

    def next_commit(self) -> tuple[Committed, Memory]:
        """What to commit, and what it says. Raises FeedBlocked when that is too much for the brokers."""
        offset, read, state = self.work.remembered
        memory = replace(self.memory, read=read, state=state)
        return Committed(offset, memory.encode(str(self.partition))), memory

    def note_commit(self, committed: Committed, memory: Memory) -> None:
        """What was made is committed."""
        self.committed, self.memory = committed, memory
        self.messages = self.late = 0
        self.outputs.clear()
        self.dead.clear()

    @property
    def read(self) -> int:
        """Everything below this offset is done and committed: lag is counted from here."""
        return self.memory.read
