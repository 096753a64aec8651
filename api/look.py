"""What one look at Kafka and ClickHouse has found."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.commits.position import Position
from common.commits.transform_position import TransformPosition
from common.model.record import Partition
from common.model.verdicts import VerdictRow


@dataclass(frozen=True, kw_only=True)
class Kafka:
    """One look at the brokers: topic → where its group stands, topic → offsets of its log, and who owns what."""

    positions: Mapping[str, Sequence[Position]] = field(default_factory=dict)
    transforms: Mapping[str, Sequence[TransformPosition]] = field(default_factory=dict)
    owners: Mapping[Partition, str] = field(default_factory=dict)
    transform_owners: Mapping[Partition, str] = field(default_factory=dict)

    def span(self, topic: str) -> tuple[int, int, int] | None:
        """Partitions, offsets that its log holds, and the sum of the offsets of its ends; None if there is no topic."""
        each: Sequence[Any] = self.positions.get(topic) or self.transforms.get(topic) or ()
        if not each:
            return None
        return len(each), sum(at.end - at.first for at in each), sum(at.end for at in each)


@dataclass(frozen=True, kw_only=True)
class Look:
    """Everything that is known at one moment (`at_s`, monotonic); what is not known is None.

    `rows`: table → rows; `letters`: dead-letter topic → reason → letters; `counting`: dead-letter topics that
    hold more letters than are counted yet; `audits_apart_s`: stream → seconds.
    """

    at_s: float
    kafka: Kafka | None = None
    rows: Mapping[str, int] | None = None
    letters: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    counting: Collection[str] = ()
    verdicts: Sequence[VerdictRow] | None = None
    audits_apart_s: Mapping[str, float] = field(default_factory=dict)
    unix_s: float = 0.0
