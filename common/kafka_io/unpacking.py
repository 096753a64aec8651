"""How far the record batches of a consumer may unpack: one limit, and others for given partitions up to an offset."""

from __future__ import annotations

from kafka import TopicPartition

MAX_UNPACKED_BYTES = 64 << 20


class Unpacking:
    """The limits of a consumer. A limit that changes holds for every batch that is not unpacked yet."""

    def __init__(self, limit_bytes: int = MAX_UNPACKED_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._bounds: dict[TopicPartition, tuple[int, int]] = {}

    def bound(self, tp: TopicPartition, until_offset: int, limit_bytes: int | None) -> None:
        """Give the batches of `tp` that begin below `until_offset` a limit of their own; None takes it away.

        It decides alone whether a single message is too large. It makes no batch of several unreadable that the
        consumer's limit lets in.
        """
        if limit_bytes is None:
            self._bounds.pop(tp, None)
        else:
            self._bounds[tp] = (until_offset, limit_bytes)

    def limit_bytes(self, tp: TopicPartition, offset: int, is_single: bool) -> int:
        """The limit for a batch that begins at `offset`; `is_single`: it holds one message, at a known offset."""
        if not self._bounds:
            return self._limit_bytes
        until_offset, limit_bytes = self._bounds.get(tp, (0, 0))
        if offset >= until_offset:
            return self._limit_bytes
        return limit_bytes if is_single else max(limit_bytes, self._limit_bytes)
