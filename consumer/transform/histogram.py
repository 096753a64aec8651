"""Counts of values in bins of equal width, since the first message of a partition. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np

from common.errors import BadData
from common.model.codec import Codec, Decoded, encode
from common.model.reasons import Kind, Reason
from common.model.transform import Histogram, SoFar
from consumer.transform.messages import at_once, blamed_on, good_messages
from consumer.transform.work import Made, Outputs, Remembered, Run, Work

PUBLISH_EVERY_S = 0.5
EXACT = 2**53
"""Below it a float holds every whole number, and compares as Python's numbers do."""

Values = list[float] | np.ndarray


class HistogramWork(Work):
    """Remembers the counts, so that they are always those of exactly the messages below the committed offset."""

    needs_upstreams = False

    def __init__(self, transform: Histogram, start: Remembered, partition: int) -> None:
        self._transform, self._partition = transform, partition
        self._codec = Codec(transform.event)
        self._next = start.read
        self._form = [transform.low, transform.high, transform.bins]
        fresh = {"form": self._form, "counts": [0] * transform.bins, "time": 0, "open": 0}
        state: dict[str, Any] = fresh if start.state is None else start.state
        if state["form"] != self._form:
            raise ValueError(f"its low, high and bins were {state['form']}, they are {self._form} now")
        self._counts = np.array(state["counts"], np.int64)
        self._latest_ms: int = state["time"]
        self._open: int = state["open"]
        self._published_s = float("-inf")

    def take(self, run: Run, now_s: float) -> Made:
        """Counts; the outputs come with `tick`."""
        self._next = run.next_offset
        made = Made(Outputs(), {})
        decoded = self._codec.decode(run.values)
        found: Values | None = at_once(decoded, self._one_each)
        if found is None:
            found = self._message_by_message(decoded, run, made.bad)
        elif run.timestamps:
            self._latest_ms = max(self._latest_ms, max(run.timestamps))
        if len(found):
            low, high = self._transform.low, self._transform.high
            self._counts += np.histogram(found, self._transform.bins, (low, high))[0]
            self._open += len(found)
        return made

    def _one_each(self, events: list[Any]) -> np.ndarray | None:
        """The values of all events; None if one of them is not as it should be."""
        values = np.array(self._transform.values(events))
        is_one_each = values.shape == (len(events),) and values.dtype.kind in "fiu"
        if not is_one_each or not np.all(np.abs(values) < EXACT):
            return None
        is_inside = np.all((values >= self._transform.low) & (values <= self._transform.high))
        return values if is_inside else None

    def _message_by_message(self, decoded: Decoded, run: Run, bad: dict[int, Reason]) -> list[float]:
        low, high = self._transform.low, self._transform.high

        def find(event: object, index: int) -> float:
            (value,) = self._transform.values([event])
            if not low <= value <= high:
                raise BadData(Kind.OUT_OF_RANGE, f"a value outside of {low:g} to {high:g}")
            return float(value)  # numpy subtracts no Decimal from a float

        found: list[float] = []
        for message in good_messages(decoded, run, find, self._transform.name, bad):
            found += message.found
            self._latest_ms = max(self._latest_ms, run.timestamps[message.at])
        return found

    def tick(self, now_s: float, *, is_at_end: bool) -> Outputs:
        """The counts so far, if they are new, every PUBLISH_EVERY_S at most."""
        outputs = Outputs(counted=[])
        if self._open and now_s - self._published_s >= PUBLISH_EVERY_S:
            self._open, self._published_s = 0, now_s
            so_far = SoFar(self._partition, self._next, self._latest_ms)
            outputs.values.append(blamed_on(self._transform.name, lambda: self._encoded(so_far)))
            outputs.timestamps.append(self._latest_ms)
            outputs.offsets.append(self._next - 1)
            outputs.indexes.append(0)
            if outputs.counted is not None:
                outputs.counted.append(b"=%d:0" % int(self._counts.sum()))
        return outputs

    def _encoded(self, so_far: SoFar) -> bytes:
        return encode(self._transform.make(self._counts.tolist(), so_far))

    @property
    def remembered(self) -> Remembered:
        """The counts of everything read, and how many of these are still to be put out."""
        state = {
            "form": self._form,
            "counts": self._counts.tolist(),
            "time": self._latest_ms,
            "open": self._open,
        }
        return Remembered(self._next, self._next, state)

    @property
    def is_behind(self) -> bool:
        """Never."""
        return False
