"""Chooses partitions as every Kafka client does: a key always goes to the same one. Pure but for kafka's hash."""

from __future__ import annotations

from kafka.partitioner.default import murmur2

POSITIVE = 0x7FFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key among `partitions`: murmur2, as Java's and kafka-python's default."""
    hashed: int = murmur2(key) & POSITIVE
    return hashed % partitions


class RoundRobin:
    """Spreads batches of messages without a key over the partitions of a topic."""

    def __init__(self, start: int = 0) -> None:
        self._turn = start

    def current(self, partitions: int) -> int:
        """The partition whose turn it is among `partitions`."""
        return self._turn % partitions

    def advance(self) -> None:
        """Give the turn to the next one; call it once a batch is complete."""
        self._turn += 1
