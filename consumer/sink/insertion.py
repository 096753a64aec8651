"""One batch on its way into ClickHouse: what the main thread and the insert thread hand each other."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from common.model.address import token
from common.model.record import Partition
from consumer.intent import Intent
from consumer.sink.batch import Batch


class Acknowledgement(Protocol):
    """A dead letter under way."""

    @property
    def is_acknowledged(self) -> bool:
        """Whether Kafka has it."""

    @property
    def error(self) -> str | None:
        """Why it never will be there."""


@dataclass
class Job:
    """A batch whose range is, or is about to be, named in a commit.

    `verify`: an earlier attempt may have left rows, so recovery counts first. `cancelled`: the assignment or the feed
    is gone; the insert thread looks before each statement. `query_suffix` tells copies of one INSERT apart. `burn`:
    blocks of this size do not pass; use the token up with single rows, so that no late copy of it can land, before the
    range goes on in more pieces.
    """

    batch: Batch
    intent: Intent
    verify: bool = False
    burn: bool = False
    cancelled: bool = False
    query_suffix: str = ""
    submitted: bool = False
    stored: bool = False
    cut_s: float = 0.0
    failures: int = 0
    too_big: int = 0
    not_before_s: float = 0.0
    failing_since_s: float | None = None
    wants: Intent | None = None  # the next attempt, to be named before it starts
    dead_letters: list[Acknowledgement] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether the committed offset may pass the batch: rows stored, dead letters acknowledged."""
        return self.stored and all(letter.is_acknowledged for letter in self.dead_letters)

    @property
    def partition(self) -> Partition:
        """Whose messages these are."""
        return self.batch.partition


class Tokens(NamedTuple):
    """What the tokens of this sink are made of besides the range (R6)."""

    epoch: int
    group: str

    def of(self, job: Job, table: str, piece: int) -> str:
        """The token of one INSERT of a job: piece 0 of 1, or piece i of several."""
        attempt = f"{job.intent.attempt}" if job.intent.pieces == 1 else f"{job.intent.attempt}.{piece}"
        return token(
            epoch=self.epoch,
            group=self.group,
            topic_id=uuid.UUID(job.intent.topic),
            partition=job.partition.partition,
            first=job.batch.first,
            next_offset=job.batch.next,
            attempt=attempt,
            table=table,
        )
