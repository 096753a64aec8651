"""Distinct ids per key in tumbling windows of event time, without a store: rules W1 to W9 of PROTOCOL.md. Pure.

The committed offset stays at the oldest event of an open window (W2), so that a restart reads the open windows again.
What is remembered beside it says up to where the work was done (W3), and how far event time had come.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

from common.errors import BadData, FeedBlocked
from common.model.codec import Codec, encode
from common.model.reasons import Kind, Reason
from common.model.transform import Count, DistinctPerWindow
from consumer.transform.event_time import EventTime
from consumer.transform.messages import at_once, blamed_on, good_messages
from consumer.transform.work import Made, Outputs, Remembered, Run, Work

UPDATE_EVERY_S = 1.0


class _Visit(NamedTuple):
    """An event, and what is known of its message."""

    offset: int
    upstream: bytes | None
    timestamp_ms: int
    key: bytes
    id: str
    time_ms: int


@dataclass(slots=True)
class _Seen:
    """Of one key: the ids, and how many events there were."""

    ids: set[str] = field(default_factory=set)
    events: int = 0


@dataclass(slots=True)
class _Window:
    """One that is open: the offset of its first event, and what was seen of each key."""

    first: int
    seen: dict[bytes, _Seen] = field(default_factory=dict)


class WindowWork(Work):
    """One partition. `now_s` is when it begins: silence upstream is counted from then on.

    `upstreams` are the partitions that the source is made from, as far as they are known.
    """

    needs_upstreams = True

    def __init__(
        self,
        transform: DistinctPerWindow,
        start: Remembered,
        now_s: float,
        upstreams: Collection[bytes] = (),
    ) -> None:
        self._transform = transform
        self._codec = Codec(transform.event)
        self._size_ms, self._grace_ms = round(transform.size_s * 1000), round(transform.grace_s * 1000)
        self._form = {"size": self._size_ms, "grace": self._grace_ms}
        if start.state is not None and start.state["form"] != self._form:
            raise ValueError(f"its windows were of {start.state['form']} ms, they are of {self._form} now")
        self._time = EventTime(start.state and start.state["time"], now_s, upstreams)
        self._next, self._read = start.offset, start.read
        self._open: dict[int, _Window] = {}
        self._ids = self._events = 0
        self._changed: set[tuple[int, bytes]] = set()
        self._late: dict[tuple[int, bytes], int] = {}
        self._updated_s = now_s
        self._latest_ms = 0
        self._put_at, self._put_there = -1, 0

    def take(self, run: Run, now_s: float) -> Made:
        """Final counts of windows that these messages close, in order, and what came late."""
        made = Made(Outputs(keys=[], counted=[]), {})
        late, bad, hear = 0, made.bad, self._time.hear
        for offset, upstream, timestamp_ms, key, name, time_ms in self._visits(run, bad):
            is_new = offset >= self._read
            if timestamp_ms > self._latest_ms:
                self._latest_ms = timestamp_ms
            late += self._add(key, name, time_ms, offset, is_new)
            if is_new and hear(upstream, time_ms, now_s):  # W1: event by event
                self._close(made.outputs, offset)
        for index in [index for index in bad if run.offsets[index] < self._read]:
            del bad[index]  # its dead letter is there already
        self._next = run.next_offset
        self._read = max(self._read, run.next_offset)
        self._refuse_too_many()
        return made._replace(late=late)

    def _visits(
        self, run: Run, bad: dict[int, Reason]
    ) -> Iterable[tuple[int, bytes | None, int, bytes, str, int]]:
        """The events of good messages, each a _Visit, or a tuple like one."""
        decoded = self._codec.decode(run.values)
        visits = at_once(decoded, lambda events: self._one_each(events, run))
        if visits is not None:
            return visits

        def find(event: object, index: int) -> _Visit:
            return self._visit(event, run.offsets[index], run.upstreams[index], run.timestamps[index])

        good = good_messages(decoded, run, find, self._transform.name, bad)
        return [visit for message in good for visit in message.found]

    def _one_each(
        self, events: list[Any], run: Run
    ) -> Iterable[tuple[int, bytes | None, int, bytes, str, int]] | None:
        """Those of events that are a message each; None if one of them is not as it should be."""
        key_of, id_of, time_of = self._transform.key, self._transform.id, self._transform.time_ms
        ahead_ms = self._transform.ahead_s * 1000
        times = [time_of(event) for event in events]
        if any(time > stamp + ahead_ms for time, stamp in zip(times, run.timestamps, strict=True)):
            return None
        keys, ids = [key_of(event) for event in events], [id_of(event) for event in events]
        kinds = set(map(type, keys)), set(map(type, ids)), set(map(type, times))
        if min(times, default=0) < 0 or (events and kinds != ({bytes}, {str}, {int})):
            return None
        return zip(run.offsets, run.upstreams, run.timestamps, keys, ids, times, strict=True)

    def _visit(self, event: object, offset: int, upstream: bytes | None, timestamp_ms: int) -> _Visit:
        transform = self._transform
        time_ms = transform.time_ms(event)
        if time_ms > timestamp_ms + transform.ahead_s * 1000:  # W8: it would close every window for good
            raise BadData(
                Kind.OUT_OF_RANGE, f"a time more than {transform.ahead_s:g} s ahead of the record's own"
            )
        if time_ms < 0:
            raise BadData(Kind.OUT_OF_RANGE, "a time before 1970")
        key, name = transform.key(event), transform.id(event)
        if not (type(key) is bytes and type(name) is str and type(time_ms) is int):
            raise BadData(
                Kind.STREAM_FAILED, f"key, id and time must be bytes, str and int in {transform.name}"
            )
        return _Visit(offset, upstream, timestamp_ms, key, name, time_ms)

    def _add(self, key: bytes, name: str, time_ms: int, offset: int, is_new: bool) -> int:
        """Put a visit into its window if that is open (W4: reading again, too); 1 if it is too late."""
        start = time_ms - time_ms % self._size_ms
        if self._is_closed(start):
            if not is_new:
                return 0
            self._late[start, key] = self._late.get((start, key), 0) + 1
            return 1
        window = self._open.get(start)
        if window is None:
            window = self._open[start] = _Window(offset)
        seen = window.seen.get(key)
        if seen is None:
            seen = window.seen[key] = _Seen()
        seen.events += 1
        self._events += 1
        if name not in seen.ids:
            seen.ids.add(name)
            self._ids += 1
            if is_new:
                self._changed.add((start, key))
        return 0

    def _is_closed(self, start: int) -> bool:
        return start + self._size_ms + self._grace_ms <= self._time.watermark_ms

    def _close(self, outputs: Outputs, offset: int) -> None:
        for start in sorted(filter(self._is_closed, self._open)):
            window = self._open.pop(start)
            end = start + self._size_ms
            by_silence = end + self._grace_ms > self._time.slowest_ms
            for key, seen in sorted(window.seen.items(), key=itemgetter(0)):
                self._ids -= len(seen.ids)
                self._events -= seen.events
                self._changed.discard((start, key))
                count = Count(start, end, len(seen.ids), 0, True, by_silence)
                self._put(outputs, key, count, offset, b"%d:0" % seen.events)

    def _put(self, outputs: Outputs, key: bytes, count: Count, offset: int, counted: bytes = b"0:0") -> None:
        make = self._transform.make
        outputs.values.append(blamed_on(self._transform.name, lambda: encode(make(key, count))))
        if outputs.keys is not None and outputs.counted is not None:
            outputs.keys.append(key)
            outputs.counted.append(counted)
        outputs.timestamps.append(self._latest_ms)
        outputs.offsets.append(offset)
        self._put_at, self._put_there = offset, self._put_there + 1 if offset == self._put_at else 0
        outputs.indexes.append(self._put_there)

    def tick(self, now_s: float, *, is_at_end: bool) -> Outputs:
        """Final counts that silence upstream brings (W7: at the end of the log only), updates, and late counts."""
        outputs = Outputs(keys=[], counted=[])
        if self.is_behind:
            return outputs
        offset = self._read - 1
        if is_at_end and self._time.pass_silence(now_s, self._transform.silence_s, self._newest_end()):
            self._close(outputs, offset)
        if self._changed and now_s - self._updated_s >= UPDATE_EVERY_S:
            self._updated_s = now_s
            for start, key in sorted(self._changed):
                distinct = len(self._open[start].seen[key].ids)
                self._put(outputs, key, Count(start, start + self._size_ms, distinct, 0, False), offset)
            self._changed.clear()
        for (start, key), late in sorted(self._late.items()):  # W3: what is read is not counted again
            count = Count(start, start + self._size_ms, 0, late, False)
            self._put(outputs, key, count, offset, b"0:%d" % late)
        self._late.clear()
        return outputs

    def _newest_end(self) -> int:
        """What event time must come to for every open window to close."""
        return max(self._open, default=-1) + self._size_ms + self._grace_ms if self._open else 0

    def _refuse_too_many(self) -> None:
        most, name = self._transform.most_events, self._transform.name
        if self._ids > most or self._read - self._oldest > most:
            raise FeedBlocked(
                f"{name}: the open windows of a partition of {self._transform.source} hold more than {most:,} events, "
                "and a restart would read all of them again. Slow down what fills old windows, or raise most_events"
            )

    @property
    def _oldest(self) -> int:
        """W2: the offset of the first event of an open window."""
        return min((window.first for window in self._open.values()), default=self._read)

    @property
    def remembered(self) -> Remembered:
        """W3: how far event time has come, and how far the partition was read; how many events open windows hold."""
        state = {"form": self._form, "time": self._time.state, "open": self._events}
        return Remembered(self._oldest, self._read, state)

    @property
    def is_behind(self) -> bool:
        """Whether events are read again that were done before."""
        return self._next < self._read
