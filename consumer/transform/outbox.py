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
    """Outputs that go to one partition, one entry each."""

    values: list[bytes | None]
    keys: list[bytes | None]
    timestamps: list[int]
    headers: list[list[Header]]


class _Partitions(dict[bytes, int]):
    """Key → its partition in a topic of `size` partitions; forgets all of them at KNOWN_KEYS."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def __missing__(self, key: bytes) -> int:
        if len(self) >= KNOWN_KEYS:
            self.clear()
        partition = self[key] = partition_of(key, self._size)
        return partition


class Outbox:
    """Chooses partitions, and adds headers."""

    def __init__(self, transactions: Transactions, unix_s: Callable[[], float]) -> None:
        self._transactions, self._unix_s = transactions, unix_s
        self._partitions: dict[int, _Partitions] = {}
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
                self._transactions.send(
                    place.of.transform.target,
                    partition,
                    part.values,
                    keys=part.keys,
                    timestamp_ms=part.timestamps,
                    headers=part.headers,
                )
        self._send_dead(place)

    def _by_partition(self, place: Place, outputs: Outputs) -> Iterator[tuple[int, _Part]]:
        if not outputs.values:
            return
        size, total, headers = place.memory.sizes[1], len(outputs.values), _headers(place, outputs)
        keys: list[bytes | None] = [None] * total if outputs.keys is None else [*outputs.keys]
        values: list[bytes | None] = [*outputs.values]
        if {len(keys), len(outputs.timestamps), len(headers)} != {total}:
            raise ValueError(f"{total} outputs do not fit together with their keys, timestamps and headers")
        if outputs.keys is None:
            yield place.partition.partition % size, _Part(values, keys, outputs.timestamps, headers)
            return
        partitions = self._partitions.setdefault(size, _Partitions(size))
        rows: dict[int, list[int]] = defaultdict(list)
        for row, key in enumerate(outputs.keys):
            rows[partitions[key]].append(row)
        for partition, mine in rows.items():
            yield (
                partition,
                _Part(
                    [values[row] for row in mine],
                    [keys[row] for row in mine],
                    [outputs.timestamps[row] for row in mine],
                    [headers[row] for row in mine],
                ),
            )

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


def _headers(place: Place, outputs: Outputs) -> list[list[Header]]:
    """Of each output: those of its stream, which message it was made from, and what it counts."""
    common, source = place.of.headers, place.source
    made_from = zip(outputs.offsets, outputs.indexes, strict=True)
    own = [(SOURCE, b"%s:%d:%d" % (source, *where)) for where in made_from]
    if outputs.counted is None:
        return [[*common, header] for header in own]
    both = zip(own, outputs.counted, strict=True)
    return [[*common, header, (COUNTED, counted)] for header, counted in both]
