"""Watches the rows arrive, partition by partition: how long did each wait while there was something to wait for?

A partition waits while a message for it is under way to the brokers, or acknowledged and not in the table: the pause
is the whole way's, the producer's client included. What of it happened behind the brokers is told apart.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from clickhouse_driver import Client, errors

from infra.local.waiting import wait_until
from tests.chaos.ledger import Ledger

LOOK_EVERY_S = 0.2
ANSWER_S = 1.0
BROKEN = (errors.Error, OSError, EOFError)


@dataclass
class Pauses:
    """The longest pause of each partition in a window, seconds: of the whole way, and behind the brokers alone."""

    whole_s: dict[int, float] = field(default_factory=dict)
    behind_s: dict[int, float] = field(default_factory=dict)

    @property
    def longest_s(self) -> float:
        """Of any partition."""
        return max(self.whole_s.values(), default=0.0)

    @property
    def longest_behind_s(self) -> float:
        """Of any partition, from the brokers to the table."""
        return max(self.behind_s.values(), default=0.0)


class Track:
    """How long one partition has waited. Pure: it is told what is there and what the time is."""

    def __init__(self, now_s: float) -> None:
        self._stored = -1
        self._moved_s = self._moved_behind_s = now_s

    @property
    def stored(self) -> int:
        """The highest offset that is in the table."""
        return self._stored

    def look(self, now_s: float, stored: int, last_valid: int, under_way: int) -> tuple[float, float]:
        """How long it has waited now: the whole way, and behind the brokers; 0 while nothing waits."""
        moved, waits_behind = stored > self._stored, last_valid > stored
        waits = waits_behind or under_way > 0
        whole_s, behind_s = now_s - self._moved_s, now_s - self._moved_behind_s
        self._stored = max(stored, self._stored)
        if moved or not waits:
            self._moved_s = now_s
        if moved or not waits_behind:
            self._moved_behind_s = now_s
        # The look that finds rows again ends a pause that lasted until now.
        return whole_s if moved or waits else 0.0, behind_s if moved or waits_behind else 0.0

    def begin(self, now_s: float) -> None:
        """What was before does not count."""
        self._moved_s, self._moved_behind_s = max(self._moved_s, now_s), max(self._moved_behind_s, now_s)


class Flow:
    """A thread that looks at the table several times a second; it asks ClickHouse directly, past the proxy."""

    def __init__(self, port: int, table: str, ledger: Ledger) -> None:
        self._port, self._table, self._ledger = port, table, ledger
        self._client: Client | None = None
        self._lock = threading.Lock()
        self._tracks: dict[int, Track] = {}
        self._pauses = Pauses()
        self._tps: dict[int, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flow", daemon=True)
        self.looks = 0

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join(10)
        if self._client is not None:
            self._client.disconnect()

    def begin(self) -> None:
        """From here on pauses count, and nothing of before."""
        with self._lock:
            self._pauses = Pauses()
            for track in self._tracks.values():
                track.begin(time.monotonic())

    def pauses(self) -> Pauses:
        """Since `begin`."""
        with self._lock:
            return Pauses(dict(self._pauses.whole_s), dict(self._pauses.behind_s))

    def look_again(self) -> None:
        """Wait for the next look."""
        looks = self.looks
        wait_until(lambda: self.looks > looks, 2 * (LOOK_EVERY_S + ANSWER_S))

    def has_stored(self, offsets: dict[int, int]) -> bool:
        """Whether each partition's rows have arrived up to that offset."""
        with self._lock:
            tracks = {partition: track.stored for partition, track in self._tracks.items()}
        return all(tracks.get(partition, -1) >= offset for partition, offset in offsets.items())

    def behind(self, offsets: dict[int, int]) -> dict[int, tuple[int, int]]:
        """Partition → (offset in the table, offset wanted) where they differ."""
        with self._lock:
            stored = {p: self._tracks[p].stored if p in self._tracks else -1 for p in offsets}
        return {p: (stored[p], offset) for p, offset in offsets.items() if stored[p] < offset}

    def _run(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            found = self._ask()
            self._note(found)

    def _note(self, found: dict[int, int]) -> None:
        last_valid, under_way, now_s = self._ledger.last_valid(), self._ledger.under_way(), time.monotonic()
        with self._lock:
            self.looks += 1
            for partition in last_valid.keys() | under_way.keys() | found.keys():
                track = self._tracks.setdefault(partition, Track(now_s))
                stored = found.get(partition, track.stored)
                waited_s, behind_s = track.look(
                    now_s, stored, last_valid.get(partition, -1), under_way.get(partition, 0)
                )
                for longest, seconds in (
                    (self._pauses.whole_s, waited_s),
                    (self._pauses.behind_s, behind_s),
                ):
                    longest[partition] = max(longest.get(partition, 0.0), seconds)

    def _ask(self) -> dict[int, int]:
        """Partition → highest offset in the table, of those that moved; nothing when ClickHouse does not answer.

        One condition a partition: each reads the end of the by_address projection and nothing else.
        """
        try:
            if self._client is None:
                timeouts = {"connect_timeout": ANSWER_S, "send_receive_timeout": ANSWER_S}
                self._client = Client("127.0.0.1", port=self._port, **timeouts)
            known = [
                f"(_tp = {tp} AND _off > {self._tracks[partition].stored})"
                for partition, tp in self._tps.items()
                if partition in self._tracks
            ]
            new = f"_tp NOT IN ({', '.join(map(str, self._tps.values())) or 0})"
            sql = (
                f"SELECT _tp, max(_off) FROM `{self._table}` WHERE {' OR '.join([*known, new])} GROUP BY _tp"
            )
            rows = self._client.execute(sql)
        except BROKEN:
            if self._client is not None:
                self._client.disconnect()
            self._client = None
            return {}
        self._tps |= {tp & 0xFFFF: tp for tp, _ in rows}
        return {tp & 0xFFFF: offset for tp, offset in rows}
