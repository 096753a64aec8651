"""When a batch is cut, and why. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from common.commits.intent import DEFAULT_MESSAGE_ROWS, DEFAULT_UNPACKED_BYTES

MAX_TABLE_PARTITIONS = 50
"""ClickHouse refuses a block with more than 100 table partitions (error 252): a batch is cut well before."""

LATE_AGES = 5
"""How many times BATCH_AGE_S a batch of a partition that lags may wait to fill up.

Its rows are late anyway, and larger INSERTs catch up faster. A partition with an open transaction counts as lagging:
what it holds after the beginning of the transaction cannot be read yet.
"""

LARGEST_LEAD = 0.25
"""The part of BATCH_AGE_S by which a batch is cut early at most, however long INSERTs take."""

LEAD_DECAY = 0.98
"""Per batch. The lead decays slowly, because occasional slow INSERTs determine the p99 of freshness."""


class Cut(enum.Enum):
    """Why a batch was cut."""

    ROWS = "rows"
    BYTES = "bytes"
    TABLE_PARTITIONS = "table partitions"
    AGE = "age"
    FIRST = "first after a rebalance"
    MEMORY = "memory"
    NAMED = "rebuilt after a takeover"


@dataclass(frozen=True)
class Limits:
    """A batch is cut at `rows` rows of its largest table, `payload_bytes` on the wire, or `age_s` after it began.

    A message that makes more than `message_rows` rows in one table is bad, and so is one whose record batch unpacks to
    more than `unpacked_bytes`: the reader sees to that.
    """

    rows: int
    payload_bytes: int
    age_s: float
    message_rows: int = DEFAULT_MESSAGE_ROWS
    unpacked_bytes: int = DEFAULT_UNPACKED_BYTES


class Gathered(Protocol):
    """What was read for the next batch: the offsets [start, position), and what they make."""

    start: int
    position: int
    born_s: float | None  # when its first message was read; None while there is none

    @property
    def rows(self) -> int:
        """Rows of the largest table, or messages if there are more."""

    @property
    def size_bytes(self) -> int:
        """Bytes of columns and raw messages."""

    @property
    def table_partitions(self) -> int:
        """The most partitions of one table."""


def full(gathered: Gathered, limits: Limits) -> Cut | None:
    """The limit of size that is reached: the batch is cut before more is read."""
    if gathered.rows >= limits.rows:
        return Cut.ROWS
    if gathered.size_bytes >= limits.payload_bytes:
        return Cut.BYTES
    if gathered.table_partitions >= MAX_TABLE_PARTITIONS:
        return Cut.TABLE_PARTITIONS
    return None


def due(
    gathered: Gathered,
    limits: Limits,
    now_s: float,
    *,
    log_end: int,
    lead_s: float = 0.0,
    is_first: bool = False,
    is_short_of_memory: bool = False,
) -> Cut | None:
    """Why a batch is to be cut now; None: it may still grow.

    `log_end` is where the partition's log ended when it was read last; 0 while unknown. `lead_s` is how long a batch
    takes from here into its table: it is cut that much before its age is reached. `is_first`: no batch was cut since
    the last rebalance, so its messages have waited long enough once most of them have been read.
    """
    if (reason := full(gathered, limits)) is not None:
        return reason
    if gathered.born_s is None or gathered.position == gathered.start:
        return None
    if is_short_of_memory:
        return Cut.MEMORY
    # The log holds as much again as was gathered: then a batch that fills up is worth waiting for.
    lags = log_end - gathered.position >= gathered.position - gathered.start
    if is_first and log_end > 0 and not lags:
        return Cut.FIRST
    soon_s = now_s + min(lead_s, LARGEST_LEAD * limits.age_s)
    return Cut.AGE if soon_s - gathered.born_s >= (LATE_AGES if lags else 1) * limits.age_s else None


class Lead:
    """How long batches took lately from being cut to being stored, in seconds; the slow ones are remembered longer."""

    def __init__(self) -> None:
        self.lead_s = 0.0

    def note(self, took_s: float) -> None:
        """A batch took that long."""
        self.lead_s = max(took_s, LEAD_DECAY * self.lead_s + (1 - LEAD_DECAY) * took_s)
