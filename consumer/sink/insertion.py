"""One batch on its way into ClickHouse: the state it is in, and what may come next. Pure.

| from | by | to |
|---|---|---|
| READY, NEEDS_NEXT_ATTEMPT | name: an acknowledged commit names range and attempt | NAMED |
| NAMED, RETRYING | send: the insert thread takes it | INSERTING |
| INSERTING; NAMED, when there are no rows | succeed | STORED |
| INSERTING | fail: it was not acknowledged | RETRYING |
| INSERTING | use_up: the token is used up, rows are missing | NEEDS_NEXT_ATTEMPT |
| any | cancel | CANCELLED |
"""

from __future__ import annotations

import enum
import uuid
from typing import NamedTuple, Protocol

from common.commits.intent import Intent
from common.model.address import token
from common.model.record import Partition
from common.process.retry import delay_s
from consumer.sink.batch import Batch

SAME_SIZE_TRIES = 5
"""How often a block may be too big for ClickHouse before its range is split."""

FROZEN_COPY_S = 3.0
"""C2: if an INSERT keeps failing for this long, a stuck client may still hold its query id: use a new one."""


class Acknowledgement(Protocol):
    """A dead letter under way."""

    @property
    def is_acknowledged(self) -> bool:
        """Whether Kafka has it."""

    @property
    def error(self) -> str | None:
        """Why it never will be there."""


class State(enum.Enum):
    """Where an insertion stands."""

    READY = "cut, but no commit names its range yet"
    NAMED = "an acknowledged commit names its range and attempt: it may be sent"
    INSERTING = "the insert thread has it"
    RETRYING = "it was not acknowledged: recovery tries again when its time has come"
    NEEDS_NEXT_ATTEMPT = "its token is used up and rows are missing: the next attempt is to be named first"
    STORED = "every row is in its table, once"
    CANCELLED = "the assignment or the feed is gone: nothing more is sent"


class Insertion:
    """A batch and the intent that names its range.

    The main thread changes the state; the insert thread reads it before each statement. `must_count`: an earlier
    attempt may have left rows, so recovery counts first. `query_suffix` tells copies of one INSERT apart.
    `consumes_token`: the block is too big for ClickHouse. Before the range is split, one row per table partition goes
    in under the current token, so that a delayed copy of the big block is dropped.
    """

    def __init__(self, batch: Batch, intent: Intent, *, must_count: bool = False, cut_s: float = 0.0) -> None:
        self.batch, self.intent, self.must_count, self.cut_s = batch, intent, must_count, cut_s
        self.letters: list[Acknowledgement] = []
        self.next_intent: Intent | None = None
        self.query_suffix = ""
        self.consumes_token = False
        self.failures = 0
        self._state = State.READY
        self._too_big = 0
        self.not_before_s = 0.0
        self._failing_since_s: float | None = None

    @property
    def state(self) -> State:
        """Where it stands."""
        return self._state

    @property
    def partition(self) -> Partition:
        """Whose messages these are."""
        return self.batch.partition

    @property
    def is_done(self) -> bool:
        """Whether the committed offset may pass the batch: rows stored, dead letters acknowledged (S2)."""
        return self._state is State.STORED and all(letter.is_acknowledged for letter in self.letters)

    @property
    def is_cancelled(self) -> bool:
        """Whether nothing more of it may be sent."""
        return self._state is State.CANCELLED

    @property
    def is_too_big(self) -> bool:
        """Whether blocks of this size do not pass."""
        return self._too_big >= SAME_SIZE_TRIES and not self.consumes_token

    @property
    def can_split(self) -> bool:
        """Whether its range can be cut into more pieces."""
        return self.intent.pieces < self._span

    @property
    def _span(self) -> int:
        """The most pieces its range can be cut into."""
        return self.batch.next - self.batch.first

    def may_send(self, now_s: float) -> bool:
        """Whether it is to be sent now: it is named (S1), and what failed has waited."""
        return self._state in (State.NAMED, State.RETRYING) and now_s >= self.not_before_s

    def name(self, intent: Intent) -> None:
        """An acknowledged commit names it with this intent."""
        self._move(State.NAMED, State.READY, State.NEEDS_NEXT_ATTEMPT)
        self.intent, self.next_intent = intent, None

    def send(self) -> None:
        """The insert thread takes it."""
        self._move(State.INSERTING, State.NAMED, State.RETRYING)

    def succeed(self) -> None:
        """Every row is in its table; or there was none to insert."""
        self._move(State.STORED, State.INSERTING, State.NAMED)

    def fail(self, now_s: float, *, instance: str, is_too_big: bool, jitter: float) -> None:
        """It was not acknowledged: wait, then recover. `jitter` in [0, 1)."""
        self._move(State.RETRYING, State.INSERTING)
        self.must_count = True
        self.failures += 1
        self._too_big += is_too_big
        self.not_before_s = now_s + delay_s(self.failures, jitter=jitter)
        if self._failing_since_s is None:
            self._failing_since_s = now_s
        elif now_s - self._failing_since_s > FROZEN_COPY_S:
            self.query_suffix = f"~{instance}.{self.failures}"

    def split(self) -> None:
        """Use the token up with single rows; the next attempt goes in twice as many pieces."""
        assert self._state is State.RETRYING and self.can_split
        self.consumes_token = True

    def use_up(self) -> None:
        """Its token is used up and rows are missing (R4): a commit has to name the next attempt."""
        self._move(State.NEEDS_NEXT_ATTEMPT, State.INSERTING)
        pieces = min(2 * self.intent.pieces, self._span) if self.consumes_token else self.intent.pieces
        self.next_intent = self.intent.retry(pieces=pieces)
        self.must_count, self.consumes_token, self._too_big = True, False, 0

    def cancel(self) -> None:
        """Send nothing more."""
        self._state = State.CANCELLED

    def _move(self, to: State, *allowed: State) -> None:
        if self._state not in allowed:
            raise AssertionError(
                f"{self.partition} {self.batch.first}-{self.batch.next}: {self._state} → {to}"
            )
        self._state = to


class Tokens(NamedTuple):
    """What the tokens of this sink are made of besides the range (R6)."""

    epoch: int
    group: str

    def of(self, insertion: Insertion, table: str, piece: int) -> str:
        """The token of one INSERT: piece 0 of 1, or piece i of several."""
        intent, batch = insertion.intent, insertion.batch
        return token(
            epoch=self.epoch,
            group=self.group,
            topic_id=uuid.UUID(intent.topic),
            partition=batch.partition.partition,
            first=batch.first,
            next_offset=batch.next,
            attempt=f"{intent.attempt}" if intent.pieces == 1 else f"{intent.attempt}.{piece}",
            table=table,
        )
