"""The emitting loop: takes events from a stream's generator at the wanted pace until a limit, a stop or the end."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
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


class Emitter:
    """Sends the events of one generator through one writer, which it closes.

    `now_s` is a monotonic clock; `progress` is told time, events sent and acknowledged, many times a second.
    """

    def __init__(
        self,
        writer: BulkWriter,
        batcher: Batcher,
        *,
        now_s: Callable[[], float],
        stop: Stop,
        progress: Callable[[float, int, int], object],
    ) -> None:
        self._writer, self._batcher = writer, batcher
        self._now_s, self._stop, self._progress = now_s, stop, progress
        self.sent = 0

    def run(self, emissions: Iterator[Emission], limits: ProducerLimits) -> Summary:
        """Send events until `emissions` ends, a limit is reached or somebody asks to stop.

        Then wait, up to FLUSH_S, for the last acknowledgements. An error of Kafka ends it early: see the summary.
        """
        start_s = self._now_s()
        error: Exception | None = None
        try:
            self._emit(emissions, limits, start_s)
            self._batcher.send_all()
        except PenstockError as raised:
            error = raised
        self._writer.close(FLUSH_S)
        return Summary(
            sent=self.sent,
            acknowledged=self._writer.acknowledged,
            seconds=self._now_s() - start_s,
            error=error or self._writer.last_error,
        )

    def _emit(self, emissions: Iterator[Emission], limits: ProducerLimits, start_s: float) -> None:
        pace = Pace(limits.rate, start_s)
        end_s = start_s + limits.seconds if limits.seconds is not None else math.inf
        most = limits.events if limits.events is not None else sys.maxsize
        while not self._stop.is_set() and self.sent < most and (now_s := self._now_s()) < end_s:
            self._batcher.send_due(now_s)
            self._progress(now_s, self.sent, self._writer.acknowledged)
            if not self._writer.wait_for_room(ROOM_S):
                continue
            due = pace.due(now_s, min(AT_ONCE, most - self.sent))
            if due == 0:
                self._stop.wait(min(pace.wait_s(now_s), LINGER_S))
            elif not self._add(list(islice(emissions, due)), due, now_s):
                return
            pace.sent(due)

    def _add(self, events: list[Emission], due: int, now_s: float) -> bool:
        """Put events into the batcher; whether there may be more."""
        for event in events:
            self.sent += 1
            self._batcher.add(event, now_s)
        return len(events) == due
