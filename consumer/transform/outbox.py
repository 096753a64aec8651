"""Sends what places have made, within the open transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import repeat

from common.kafka_io.dead_letters import PARTITION, letter_headers, shortened
from common.kafka_io.partitioner import partition_of
from common.kafka_io.transactions import Transactions
from common.model.headers import COUNTED, SOURCE, Header
from consumer.transform.place import Place
from consumer.transform.work import Outputs, joined

KNOWN_KEYS = 100_000


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
        """Hand over a place's outputs and dead letters, in order. Raises TransactionLost, KafkaDenied.

        The outputs travel together: a producer that sends message by message makes runs of one message each, and
        brokers answer one batch of a partition after the other.
        """
        for partition, part in self._by_partition(place, joined(place.outputs)):
            self._transactions.send(
                place.of.transform.target,
                partition,
                [*part.values],
                keys=part.keys or [None] * len(part),
                timestamp_ms=part.timestamps,
                headers=_headers(place, part),
            )
        self._send_dead(place)

    def _by_partition(self, place: Place, outputs: Outputs) -> Iterator[tuple[int, Outputs]]:
        size, keys = place.memory.sizes[1], outputs.keys
        if not outputs.values:
            return
        if keys is None:
            yield place.partition.partition % size, outputs
            return
        partitions = self._partitions.setdefault(size, _Partitions(size))
        rows: dict[int, list[int]] = defaultdict(list)
        for row, key in zip(range(len(outputs)), keys, strict=True):
            rows[partitions[key]].append(row)
        for partition, mine in rows.items():
            yield partition, outputs.part(mine)

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


def _headers(place: Place, outputs: Outputs) -> Iterator[list[Header]]:
    """Of each output: those of its stream, which message it was made from, and what it counts.

    One at a time: a hundred thousand lists that live would keep the garbage collector busy.
    """
    common, source = place.of.headers, place.source
    counts = repeat(None, len(outputs)) if outputs.counted is None else outputs.counted
    for offset, index, counted in zip(outputs.offsets, outputs.indexes, counts, strict=True):
        made_from = SOURCE, b"%s:%d:%d" % (source, offset, index)
        yield [*common, made_from] if counted is None else [*common, made_from, (COUNTED, counted)]
