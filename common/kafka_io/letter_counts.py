"""Counts dead letters by the kind of their reason, a bit at each call."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from common.errors import DataExpired
from common.kafka_io.letter_topics import LetterTopics
from common.model.letters import kind_of, reason_of
from common.model.record import Layout
from common.process.deadline import Deadline

BUDGET_BYTES = 32 << 20


class Tally(NamedTuple):
    """How many letters were counted of a topic, in all and by kind of reason; `is_complete`: up to its end."""

    letters: int
    kinds: dict[str, int]
    is_complete: bool


@dataclass
class _Count:
    """How far a topic is counted: [first, next) of the log with this id; `end` is where it ended when last asked."""

    layout: Layout
    first: int
    next: int
    end: int
    kinds: Counter[str] = field(default_factory=Counter)

    def holds_for(self, layout: Layout, first: int, end: int) -> bool:
        """Whether what was counted is still what is there."""
        return layout.topic_id == self.layout.topic_id and first == self.first and end >= self.next


class LetterCounts:
    """Counts letters by the kind of their reason, a bit at each call. Keeps counts only. One thread only.

    A letter that was sent twice counts twice: telling them apart would take a memory of every address. A topic that was
    deleted and made anew, or whose oldest letters are gone, is counted from the start again.
    """

    def __init__(
        self,
        topics: LetterTopics,
        dead_topics: Sequence[str],
        *,
        patience_s: float,
        now_s: Callable[[], float],
    ) -> None:
        self._topics = topics
        self._waiting = deque(dead_topics)  # whose turn is next
        self._patience_s, self._now_s = patience_s, now_s
        self._counts: dict[str, _Count] = {}
        self._has_looked = False

    @property
    def tallies(self) -> dict[str, Tally]:
        """Dead-letter topic → what is counted of it so far; without those that do not exist."""
        return {
            topic: Tally(count.kinds.total(), dict(count.kinds), count.next >= count.end)
            for topic, count in self._counts.items()
        }

    @property
    def has_caught_up(self) -> bool:
        """Whether everything is counted that was there at the last call of `advance`."""
        return self._has_looked and all(count.next >= count.end for count in self._counts.values())

    def advance(self, budget_s: float, budget_bytes: int = BUDGET_BYTES) -> None:
        """Look at all topics, and count on until one of the budgets is spent: a letter or a batch of them at least.

        Raises KafkaUnavailable (retriable) when brokers do not answer within `patience_s`, KafkaRefused when a right is
        missing. What is counted stays, and the next call begins with another topic.
        """
        deadline = Deadline(self._now_s, budget_s)
        self._look()
        for _ in range(len(self._waiting)):
            topic = self._waiting[0]
            self._waiting.rotate(-1)
            if (count := self._counts.get(topic)) is not None:
                budget_bytes -= self._count_on(topic, count, deadline, budget_bytes)
            if budget_bytes <= 0 or deadline.is_over:
                return

    def _look(self) -> None:
        """Learn where each topic starts and ends now."""
        layouts = self._topics.layouts(list(self._waiting))
        spans = self._topics.spans(list(layouts))
        known, self._counts = self._counts, {}
        for topic, layout in layouts.items():
            first, end = spans[topic]
            count = known.get(topic)
            if count is None or not count.holds_for(layout, first, end):
                count = _Count(layout, first, first, end)
            count.end = end
            self._counts[topic] = count
        self._has_looked = True

    def _count_on(self, topic: str, count: _Count, deadline: Deadline, budget_bytes: int) -> int:
        """Count on in one topic; how many bytes were read."""
        read_bytes = 0
        if count.next >= count.end:
            return 0
        try:
            for slab in self._topics.read(topic, count.next, count.end, self._patience_s):
                _, reasons = slab.times_and(reason_of)
                count.kinds.update(map(kind_of, reasons))
                count.next = slab.next_offset
                read_bytes += slab.size_bytes
                if read_bytes >= budget_bytes or deadline.is_over:
                    break
        except DataExpired:  # since we looked: the next look tells
            pass
        return read_bytes
