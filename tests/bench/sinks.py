"""The sink, and variants of it with one part exchanged, so that the part's price can be measured.

The variants replace names in `consumer.sink.assembly` and `consumer.rows`, in a process of their own; the
product has no switches for them. None but `sink` and `pure` keeps the sink's promise.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

import consumer.rows
import consumer.sink.assembly
from common.clickhouse_io.client import translated
from common.clickhouse_io.store import Store
from common.kafka_io.group import Group
from common.model.codec import Decoded
from common.model.ranges import Beyond, Committed
from common.model.record import Partition
from common.model.stream import ADDRESS_COLUMNS, Rows, Table
from common.process.health import Health
from common.settings.config import Settings
from consumer.member.loop import Loop
from consumer.metrics import SinkMetrics
from consumer.rows import Columns
from consumer.sink.inserter import Inserter, Result
from consumer.sink.insertion import Insertion
from tests.bench.reading import CLOCK, PureClients
from tests.bench.streams import Payload


class InlineInserter(Inserter):
    """Carries an insertion out in submit(): nothing is fetched or decoded meanwhile."""

    def submit(self, insertion: Insertion) -> None:
        """Insert, and put the result where the sink looks for it."""
        started_s = self._now_s()
        outcome = self._recovery.fill(insertion) or self._recovery.settle(insertion)
        self._results.put(Result(insertion, outcome, None, self._now_s() - started_s))


class PlainGroup(Group):
    """Commits bare offsets and waits for no answer: at most a hope that they arrive."""

    def commit(
        self, offsets: Mapping[Partition, Committed], meanwhile: Callable[[], None] | None = None
    ) -> bool:
        """Send a commit without an intent."""
        coordinator = self._consumer._coordinator
        request = {TopicPartition(*at): OffsetAndMetadata(to.offset, "", -1) for at, to in offsets.items()}
        coordinator._manager.call_soon(coordinator._send_offset_commit_request, request)
        return True


class PlainStore(Store):
    """Inserts rows without address and without token."""

    def insert(self, table: str, columns: Mapping[str, np.ndarray], *, token: str, query_id: str) -> bool:
        """Insert one block."""
        kept = {name: column for name, column in columns.items() if name not in ADDRESS_COLUMNS}
        names = ", ".join(f"`{name}`" for name in kept)
        with translated(self._client, f"INSERT into {table}"):
            self._client.execute(
                f"INSERT INTO `{table}` ({names}) VALUES",
                list(kept.values()),
                columnar=True,
                settings={"async_insert": 0},
            )
        return True

    def beyond(self, table: str, bounds: Mapping[int, int], *, timeout_s: int) -> dict[int, Beyond]:
        """Unknown: no row has an address."""
        return {}


def without_address(rows: Rows, decoded: Decoded, offsets: np.ndarray, tp: int) -> dict[str, np.ndarray]:
    """In place of `with_address`: columns of one byte a row, by which batches count their rows."""
    total = len(next(iter(rows.columns.values())))
    return {**rows.columns, "_off": np.zeros(total, np.uint8), "_rows": np.zeros(total, np.uint8)}


def no_check(tables: Iterable[Table]) -> Callable[[str, Columns], Columns]:
    """In place of the check of columns, which would miss the address."""
    return lambda table, columns: columns


def plain_table(table: Table) -> Table:
    """A table without address columns, their projection, deduplication window and fsync."""
    ddl = table.ddl.replace(",\n    {address}", "").replace("{settings}", "")
    return replace(table, ddl=ddl.replace("SELECT _tp, max", "SELECT max").replace(" GROUP BY _tp", ""))


NO_INTENTS: list[tuple[Any, str, Any]] = [(consumer.sink.assembly, "Group", PlainGroup)]
NO_ADDRESS: list[tuple[Any, str, Any]] = [
    (consumer.sink.assembly, "Store", PlainStore),
    (consumer.sink.assembly, "EncodingCheck", no_check),
    (consumer.rows, "with_address", without_address),
]
VARIANTS: dict[str, list[tuple[Any, str, Any]]] = {
    "sink": [],
    "sink, pure reader": [(consumer.sink.assembly, "Clients", PureClients)],
    "sink, INSERT in the loop": [(consumer.sink.assembly, "Inserter", InlineInserter)],
    "sink without intents": NO_INTENTS,
    "sink without addresses": NO_ADDRESS,
    "sink without either": NO_INTENTS + NO_ADDRESS,
}


def table_of(variant: str, table: Table) -> Table:
    """The table that a variant fills."""
    return plain_table(table) if NO_ADDRESS[0] in VARIANTS[variant] else table


@contextmanager
def running(settings: Settings, payload: Payload, variant: str) -> Iterator[Loop]:
    """The loop of a sink, in a group that is new; its table must be there and empty."""
    settings = replace(settings, kafka=replace(settings.kafka, group_id=f"bench-{uuid.uuid4().hex}"))
    with ExitStack() as exchanged:
        for module, name, other in VARIANTS[variant]:
            exchanged.enter_context(patch.object(module, name, other))
        made = consumer.sink.assembly.assembled(
            settings, [payload.stream], Health(0.0), SinkMetrics(), "bench", CLOCK
        )
        yield exchanged.enter_context(made).loop


def sink(settings: Settings, payload: Payload, rows: int, variant: str) -> Callable[[], None]:
    """The whole sink, from an empty group to the last commit; joining the group is part of its time."""
    resources = ExitStack()
    loop = resources.enter_context(running(settings, payload, variant))

    def run() -> None:
        with resources:
            loop.run(lambda: loop.done >= rows)

    return run
