"""Where a row comes from, as numbers in the row itself. Pure; sink, recovery and audit agree on it."""

from __future__ import annotations

import hashlib
import uuid

PARTITION_BITS = 16


def tp_address(topic_id: uuid.UUID, partition: int) -> int:
    """The `_tp` of a row: 48 bits of the topic id's hash, then 16 bits of partition number.

    A topic that is created again has another id, so its rows never pass for old ones.
    """
    if not 0 <= partition < 1 << PARTITION_BITS:
        raise ValueError(f"partition {partition} does not fit {PARTITION_BITS} bits")
    digest = hashlib.blake2b(topic_id.bytes, digest_size=6).digest()
    return int.from_bytes(digest) << PARTITION_BITS | partition


def token(
    *,
    epoch: int,
    group: str,
    topic_id: uuid.UUID,
    partition: int,
    first: int,
    next_offset: int,
    attempt: str,
    table: str,
) -> str:
    """R6: the deduplication token of one INSERT; two INSERTs share it only if they hold the same rows."""
    return f"v1:{epoch}:{group}:{topic_id}:{partition}:{first}-{next_offset}#{attempt}:{table}"
