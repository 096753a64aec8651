"""Where a row comes from, as numbers in the row itself. Pure."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import numpy as np

from common.model.codec import Decoded
from common.model.columns import index_within
from common.model.stream import Rows

PARTITION_BITS = 16


def tp_address(topic_id: uuid.UUID, partition: int) -> int:
    """The `_tp` of a row: 48 bits of the topic id's hash, then 16 bits of partition number.

    A topic that is created again has another id, so its rows never pass for old ones.
    """
    if not 0 <= partition < 1 << PARTITION_BITS:
        raise ValueError(f"partition {partition} does not fit {PARTITION_BITS} bits")
    digest = hashlib.blake2b(topic_id.bytes, digest_size=6).digest()
    return int.from_bytes(digest) << PARTITION_BITS | partition


def number_of(tp: int) -> int:
    """The partition's number in a `_tp`."""
    return tp & (1 << PARTITION_BITS) - 1


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


def with_address(rows: Rows, decoded: Decoded, offsets: np.ndarray, tp: int) -> dict[str, Any]:
    """The columns of a table with `_tp`, `_off`, `_row` and `_rows` beside them.

    `offsets` are those of the messages in `decoded`. Raises ValueError where a column has not a value for each row.
    """
    columns = rows.columns
    per_message = _rows_per_message(rows.per_event, decoded)
    total = len(offsets) if per_message is None else int(per_message.sum())
    if any(len(column) != total for column in columns.values()):
        raise ValueError("a column has not as many values as there are rows")
    if per_message is None:
        own = {"_off": offsets, "_row": np.zeros(total, np.uint32), "_rows": np.ones(total, np.uint32)}
    else:
        own = {
            "_off": np.repeat(offsets, per_message),
            "_row": index_within(per_message),
            "_rows": np.repeat(per_message, per_message).astype(np.uint32),
        }
    return {**columns, "_tp": np.full(total, tp, np.uint64), **own}


def _rows_per_message(per_event: np.ndarray | None, decoded: Decoded) -> np.ndarray | None:
    if decoded.counts is None:
        return per_event
    if per_event is None:
        return decoded.counts
    ends = np.concatenate([[0], np.cumsum(per_event)])
    last = np.cumsum(decoded.counts)
    return ends[last] - ends[last - decoded.counts]
