"""Puts its address beside each row that a run of messages made. Pure."""

from __future__ import annotations

import numpy as np

from common.model.codec import Decoded
from common.model.stream import Rows


def with_address(rows: Rows, decoded: Decoded, offsets: np.ndarray, tp: int) -> dict[str, np.ndarray]:
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
        ends = np.cumsum(per_message)
        index = np.arange(total) - np.repeat(ends - per_message, per_message)
        own = {
            "_off": np.repeat(offsets, per_message),
            "_row": index.astype(np.uint32),
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
