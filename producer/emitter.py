"""The emitting loop: takes events from generators, each at its pace, until a limit, a stop or the end."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from common.errors import PenstockError
from common.kafka_io.writer import BulkWriter
from common.model.stream import Emission
from common.process.run import Stop
from common.settings.limits import ProducerLimits
from producer.batcher import LINGER_S, Batcher
from producer.pace import Pace

AT_ONCE = 200
ROOM_S = 0.2
FLUSH_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What became of the events; `sent` is how many the generator gave."""

    sent: int
    acknowledged: int
    seconds: float
    error: Exception | None

    @property
    def failed(self) -> int:
        """Events without acknowledgement: some of them may be in Kafka all the same."""
        return self.sent - self.acknowledged

    def __str__(self) -> str:
        rate = self.acknowledged / self.seconds if self.seconds else 0.0
        counts = f"sent {self.sent:,}, acknowledged {self.acknowledged:,}, failed {self.failed:,}"
        return f"{counts} in {self.seconds:.1f} s: {rate:,.0f} events/s"


class Source:
    """A generator's events, at most so many a second (None: as fast as possible), and the batcher that sends them."""

    def __init__(self, emissions: Iterator[Emission], batcher: Batcher, events_per_s: float | None) -> None:
        self.batcher = batcher
        self.sent = 0
        self.has_ended = False
        self._emissions, self._events_per_s = emissions, events_per_s
        self._pace = Pace(events_per_s, 0.0)

    def start(self, now_s: float) -> None:
        """The first event is due now."""
        self._pace = Pace(self._events_per_s, now_s)

    def emit(self, now_s: float, at_most: int) -> int:
        """Put what is due, at most so many, into the batcher; how many that was."""
        due = self._pace.due(now_s, at_most)
        events = list(islice(self._emissions, due))
        for event in events:
            self.sent += 1
            self.batcher.add(event, now_s)
        self._pace.sent(due)
        self.has_ended = len(events) < due
        return len(events)

    def wait_s(self, now_s: float) -> float:
        """How long until the next event is due."""
        return self._pace.wait_s(now_s)


class Emitter:
    """Sends the events of all sources through one writer, which it closes.

    `now_s` is a monotonic clock; `progress` is told time, events sent and acknowledged, many times a second.
    """

    def __init__(
        self,
        writer: BulkWriter,
        sources: Sequence[Source],
        *,
        now_s: Callable[[], float],
        stop: Stop,
        progress: Callable[[float, int, int], object],
    ) -> None:
        self._writer, self._sources = writer, sources
        self._now_s, self._stop, self._progress = now_s, stop, progress

    @property
    def sent(self) -> int:
        """Events that generators gave."""
        return sum(source.sent for source in self._sources)

    def run(self, limits: ProducerLimits) -> Summary:
        """Send events until all generators have ended, a limit is reached or somebody asks to stop.

        A limit of events is one of each source. Then wait, up to FLUSH_S, for the last acknowledgements. An error of
        Kafka ends it early: see the summary.
        """
        start_s = self._now_s()
        error: Exception | None = None
        try:
            self._emit(limits, start_s)
            for source in self._sources:
                source.batcher.send_all()
        except PenstockError as raised:
            error = raised
        self._writer.close(FLUSH_S)
        return Summary(
            sent=self.sent,
            acknowledged=self._writer.acknowledged,
            seconds=self._now_s() - start_s,
            error=error or self._writer.last_error,
        )

    def _emit(self, limits: ProducerLimits, start_s: float) -> None:
        end_s = start_s + limits.seconds if limits.seconds is not None else math.inf
        most = limits.events if limits.events is not None else sys.maxsize
        for source in self._sources:
            source.start(start_s)
        while not self._stop.is_set() and (now_s := self._now_s()) < end_s:
            sources = [source for source in self._sources if source.sent < most and not source.has_ended]
            if not sources:
                return
            for source in self._sources:
                source.batcher.send_due(now_s)
            self._progress(now_s, self.sent, self._writer.acknowledged)
            if not self._writer.wait_for_room(ROOM_S):
                continue
            emitted = sum(source.emit(now_s, min(AT_ONCE, most - source.sent)) for source in sources)
            if not emitted:
                self._stop.wait(min(LINGER_S, *(source.wait_s(now_s) for source in sources)))
