"""Reads dead letters at random: a page of them, the newest first, or one of them, whole."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from common.errors import DataExpired, KafkaRefused, KafkaUnavailable
from common.kafka_io.letter_topics import LetterTopics
from common.model.letters import Letter, letter_of
from common.model.record import Slab
from common.process.deadline import Deadline

FIRST_WINDOW, LARGEST_WINDOW = 64, 65_536
WINDOW_BYTES = 8 << 20
"""Of offsets that hold more than this together, fewer are read at once: most could be older than was asked for."""

PAGE_BYTES = 32 << 20
SHORTEST_PATIENCE_S = 0.5


class Page(NamedTuple):
    """Letters, newest first and brief, and where older ones end: `before` of the next page.

    None: there are no older ones. A page may have fewer letters than were asked for, or none, and not be the last.
    """

    letters: list[Letter]
    before: int | None


class LetterBox:
    """Committed letters of any dead-letter topic, at random. One thread only.

    Every method raises KafkaUnavailable (retriable) when brokers do not answer within `patience_s`, and KafkaRefused
    when the topic does not exist or a right is missing.
    """

    def __init__(
        self,
        topics: LetterTopics,
        *,
        patience_s: float,
        now_s: Callable[[], float],
    ) -> None:
        self._topics = topics
        self._patience_s, self._now_s = patience_s, now_s

    def page(self, dead_topic: str, before: int | None, count: int) -> Page:
        """Up to `count` of the newest letters below offset `before` (None: of all); `count` is 1 at least.

        It reads for about `patience_s` and PAGE_BYTES, or until it has something to show for it. One letter of many
        megabytes at a time is in memory.
        """
        first, end = self._span(dead_topic)
        start = top = end if before is None else max(first, min(before, end))
        deadline = Deadline(self._now_s, self._patience_s)
        found: list[Letter] = []
        step, read_bytes = min(count, FIRST_WINDOW), 0
        large = first  # what was found too large to be read at once lies below
        while top > first and len(found) < count:
            if top < start and (read_bytes > PAGE_BYTES or deadline.is_over):
                break
            window = _Window(max(first, top - step, large if large < top else 0), top, count - len(found))
            try:
                self._fill(window, dead_topic, deadline)
            except KafkaUnavailable:
                if top == start:
                    raise
                break
            if window.is_whole:
                read_bytes += window.read_bytes
                found += reversed(window.newest)
                top = window.bottom
                if 2 * window.read_bytes <= WINDOW_BYTES:
                    step = min(2 * step, LARGEST_WINDOW)
            else:
                step, large = window.smaller, window.next
        return Page(found, top if top > first else None)

    def letter(self, dead_topic: str, offset: int) -> Letter | None:
        """The letter at an offset, whole; None if there is none."""
        first, end = self._span(dead_topic)
        if not first <= offset < end:
            return None
        try:
            for slab in self._topics.read(dead_topic, offset, offset + 1, self._patience_s):
                for index, at in enumerate(slab.offsets):
                    if at == offset:
                        return letter_of(slab.record(index))
        except DataExpired:  # since we asked where the log starts
            pass
        return None

    def _span(self, dead_topic: str) -> tuple[int, int]:
        if dead_topic not in self._topics.layouts([dead_topic]):
            raise KafkaRefused(f"there is no topic {dead_topic}: create it: python -m common.topics")
        return self._topics.spans([dead_topic])[dead_topic]

    def _fill(self, window: _Window, dead_topic: str, deadline: Deadline) -> None:
        """Read a window, or as much as tells that it holds too much at once."""
        try:
            patience_s = max(deadline.left_s, SHORTEST_PATIENCE_S)
            for slab in self._topics.read(dead_topic, window.low, window.top, patience_s):
                if not window.take(slab):
                    return
                if deadline.is_over and not window.is_whole:
                    raise KafkaUnavailable(f"{dead_topic} could not be read within {self._patience_s:g} s")
        except DataExpired:
            raise KafkaUnavailable(f"{dead_topic}: letters were deleted meanwhile; ask again") from None


class _Window:
    """Offsets [low, top) that are read forwards, for at most `count` of the newest letters in them.

    It is read up to `next`.
    """

    def __init__(self, low: int, top: int, count: int) -> None:
        self.low, self.top = low, top
        self.newest: deque[Letter] = deque(maxlen=count)
        self.read_bytes = 0
        self.next = low
        self._letters = 0

    def take(self, slab: Slab) -> bool:
        """Take what comes next; False if the window is too large, and is to be made smaller."""
        for index in range(len(slab)):
            self.newest.append(letter_of(slab.record(index)).brief())
        self._letters += len(slab)
        self.next, self.read_bytes = slab.next_offset, self.read_bytes + slab.size_bytes
        return self.is_whole or self.read_bytes <= WINDOW_BYTES

    @property
    def is_whole(self) -> bool:
        """Whether all of it was read."""
        return self.next >= self.top

    @property
    def bottom(self) -> int:
        """Where older letters end that are not among the newest of this window."""
        return self.newest[0].offset if self._letters > len(self.newest) else self.low

    @property
    def smaller(self) -> int:
        """How many offsets to try instead: about as many as would have been few enough, of those that were read."""
        fits = WINDOW_BYTES * (self.next - self.low) // self.read_bytes
        return max(1, min(fits, (self.top - self.low) // 2))
