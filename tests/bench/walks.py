"""A table of collatz walks grown to a size with the real Store: an INSERT per 100,000 rows, a token each."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from clickhouse_driver import Client

from common.clickhouse_io.store import Store
from common.model.address import token, tp_address, with_address
from common.model.codec import Decoded
from common.settings.parts import ClickHouseSettings
from common.streams.collatz import LARGEST_NUMBER, Walk, walk_of
from infra.local.waiting import wait_until
from tests.bench.streams import PAYLOADS, SECOND

PARTITIONS = 12
BLOCK_ROWS = 100_000
TOPIC_ID = uuid.UUID(int=7)
PAYLOAD = PAYLOADS["collatz"].on(PARTITIONS, "_grown")
STEPS_A_WALK = 325
MERGES_DEADLINE_S = 300.0


class Block(NamedTuple):
    """One INSERT: rows in the table after it, rows of its own, how long it took."""

    total_rows: int
    rows: int
    took_s: float


class Walks:
    """The table, and the walks that come next."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self._settings = settings
        self.store = Store(settings)
        client = Client(settings.host, port=settings.port)
        client.execute(f"DROP TABLE IF EXISTS {PAYLOAD.table.name} SYNC")
        client.execute(PAYLOAD.table.create_statement())
        client.disconnect()
        self.rows = self.messages = 0
        self.numbers: list[int] = []
        self._offsets = [0] * PARTITIONS
        self._rng = random.Random(1)

    def grow(self, rows: int, progress: Callable[[int], object] = lambda rows: None) -> Iterator[Block]:
        """Insert blocks until there are `rows` rows. Making the rows is not in their time."""
        turn = 0
        while self.rows < rows:
            partition = turn % PARTITIONS
            columns, first, next_offset = self._block(partition)
            name = token(
                epoch=0,
                group="bench",
                topic_id=TOPIC_ID,
                partition=partition,
                first=first,
                next_offset=next_offset,
                attempt="1",
                table=PAYLOAD.table.name,
            )
            started_s = time.perf_counter()
            self.store.insert(PAYLOAD.table.name, columns, token=name, query_id=name)
            took_s = time.perf_counter() - started_s
            self.rows += len(columns["_off"])
            turn += 1
            progress(self.rows)
            yield Block(self.rows, len(columns["_off"]), took_s)

    def await_merges(self) -> None:
        """Wait until the server merges no parts of the table; exits when it does not come to rest."""
        client = Client(self._settings.host, port=self._settings.port)
        running = f"SELECT count() FROM system.merges WHERE table = '{PAYLOAD.table.name}'"
        quiet = wait_until(lambda: client.execute(running) == [(0,)], MERGES_DEADLINE_S)
        client.disconnect()
        if not quiet:
            raise SystemExit(f"{PAYLOAD.table.name} is still being merged after {MERGES_DEADLINE_S:g} s")

    def _block(self, partition: int) -> tuple[dict[str, np.ndarray], int, int]:
        events: list[Walk] = []
        rows = 0
        while rows < BLOCK_ROWS:
            number = self._rng.randint(1, LARGEST_NUMBER)
            events.append(Walk(number, walk_of(number), SECOND * 1000))
            rows += len(events[-1].walk)
        self.numbers.append(events[0].number)
        first = self._offsets[partition]
        self._offsets[partition] = next_offset = first + len(events)
        offsets = np.arange(first, next_offset, dtype=np.uint64)
        tp = tp_address(TOPIC_ID, partition)
        columns = with_address(PAYLOAD.table.rows(events), Decoded(events, None, {}), offsets, tp)
        return columns, first, next_offset

    def ends(self) -> dict[int, int]:
        """`_tp` → the offset after the last message of each partition."""
        return {tp_address(TOPIC_ID, number): end for number, end in enumerate(self._offsets)}

    def range_of(self, partition: int, messages: int, rng: random.Random) -> tuple[int, int, int]:
        """(tp, first, next) of that many messages somewhere in a partition."""
        most = max(0, self._offsets[partition] - messages)
        first = rng.randint(0, most)
        return tp_address(TOPIC_ID, partition), first, min(first + messages, self._offsets[partition])
