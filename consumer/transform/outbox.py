"""Sends what places have made, within the open transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from common.kafka_io.dead_letters import PARTITION, letter_headers, shortened
from common.kafka_io.partitioner import partition_of
from common.kafka_io.transactions import Transactions
from common.model.headers import COUNTED, SOURCE, Header
from consumer.transform.place import Place
from consumer.transform.work import Outputs

KNOWN_KEYS = 100_000


class _Part(NamedTuple):
    """Outputs that go to one partition."""

    values: list[bytes | None]
    keys: list[bytes | None]
    timestamps: list[int]
    own: list[list[Header]]


class Outbox:
    """Chooses partitions, and adds headers."""

    def __init__(self, transactions: Transactions, unix_s: Callable[[], float]) -> None:
        self._transactions, self._unix_s = transactions, unix_s
        self._known: dict[tuple[bytes, int], int] = {}
        self._short: set[str] = set()

    def shorten(self, dead_topic: str) -> bool:
        """Send what is large without its message from now on, as that topic does not take it; False if that is so."""
        is_new = dead_topic not in self._short
        self._short.add(dead_topic)
        return is_new

    def send(self, place: Place) -> None:
        """Hand over a place's outputs and dead letters, in order. Raises TransactionLost, KafkaDenied."""
        for outputs in place.outputs:
            for partition, part in self._by_partition(place, outputs):
                common = [*place.of.headers]
                self._transactions.send(
                    place.of.transform.target,
                    partition,
                    part.values,
                    keys=part.keys,
                    timestamp_ms=part.timestamps,
                    headers=[[*common, *own] for own in part.own],
                )
        self._send_dead(place)

    def _by_partition(self, place: Place, outputs: Outputs) -> Iterator[tuple[int, _Part]]:
        if not outputs.values:
            return
        own: list[list[Header]] = [
            [(SOURCE, b"%s:%d:%d" % (place.source, offset, index))]
            for offset, index in zip(outputs.offsets, outputs.indexes, strict=True)
        ]
        for headers, counted in zip(own, outputs.counted or (), strict=False):
            headers.append((COUNTED, counted))
        size = place.memory.sizes[1]
        if outputs.keys is None:
            nothing: list[bytes | None] = [None] * len(own)
            yield (
                place.partition.partition % size,
                _Part([*outputs.values], nothing, outputs.timestamps, own),
            )
            return
        parts: dict[int, _Part] = defaultdict(lambda: _Part([], [], [], []))
        for value, key, timestamp_ms, headers in zip(
            outputs.values, outputs.keys, outputs.timestamps, own, strict=True
        ):
            part = parts[self._partition_of(key, size)]
            part.values.append(value)
            part.keys.append(key)
            part.timestamps.append(timestamp_ms)
            part.own.append(headers)
        yield from parts.items()

    def _partition_of(self, key: bytes, size: int) -> int:
        partition = self._known.get((key, size))
        if partition is None:
            if len(self._known) >= KNOWN_KEYS:
                self._known.clear()
            partition = self._known[key, size] = partition_of(key, size)
        return partition

    def _send_dead(self, place: Place) -> None:
        if not place.dead:
            return
        topic = place.of.transform.dead_topic
        is_short = topic in self._short
        letters = [(shortened(bad.record) if is_short else bad.record, str(bad.reason)) for bad in place.dead]
        self._transactions.send(
            topic,
            PARTITION,
            [record.value for record, _ in letters],
            keys=[record.key for record, _ in letters],
            timestamp_ms=round(self._unix_s() * 1000),
            headers=[
                letter_headers(record, place.partition, place.topic_id, reason, place.of.name)
                for record, reason in letters
            ],
        )
