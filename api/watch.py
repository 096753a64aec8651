"""Looks at Kafka and ClickHouse once a second, in a thread of its own, and keeps what it saw."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TypeVar

from api.look import Kafka, Look
from api.pool import LIMITS
from api.verdict import Rounds
from common.clickhouse_io.questions import Asker
from common.clickhouse_io.verdicts import VerdictTable
from common.commits.groups import sink_group, transform_group
from common.commits.position import look
from common.commits.transform_position import look_at_transforms
from common.errors import PenstockError
from common.kafka_io.clients import Clients
from common.kafka_io.letter_counts import LetterCounts
from common.kafka_io.letter_topics import LetterTopics
from common.kafka_io.overview import Member, Overview, connect_overview
from common.model.record import Partition, dead_name
from common.model.stream import Stream
from common.model.verdicts import VerdictRow
from common.process.clock import Clock
from common.settings.config import Settings

T = TypeVar("T")

TICK_S = 1.0
PATIENCE_S = 2.0
LETTERS_S = 0.3
VERDICTS_EVERY_S = 3.0
RATE_OVER_S = 5.0
"""Rates are those of the last seconds: a sink stores about once a second."""
PACE_OVER_S = 15.0
"""The pace of sinks and transforms is that of a longer time: a busy one commits every few seconds."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seen:
    """The newest look, older ones to tell rates and paces from, and what did not answer (empty: it did)."""

    now: Look
    before: Look | None = None
    earlier: Look | None = None
    kafka_problem: str = "the api has just started"
    clickhouse_problem: str = "the api has just started"


class Watch:
    """`on_look` is called with what there is to see, from the thread that looks."""

    def __init__(
        self, settings: Settings, streams: Sequence[Stream], clock: Clock, on_look: Callable[[Seen], None]
    ) -> None:
        self._settings, self._streams, self._clock, self._on_look = settings, streams, clock, on_look
        self._stop = threading.Event()
        self._looks: list[Look] = []
        self._kafka: _Brokers | None = None
        self._rounds = Rounds()
        self._verdicts: tuple[float, Sequence[VerdictRow] | None] = (float("-inf"), None)
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; waits for the last look, a few seconds at most."""
        self._stop.set()
        self._thread.join(PATIENCE_S * 2)

    def _run(self) -> None:
        with ExitStack() as resources:
            asker = Asker(self._settings.clickhouse, **LIMITS)
            table = VerdictTable(self._settings.clickhouse)
            resources.callback(asker.close)
            resources.callback(table.close)
            resources.callback(self._close_brokers)
            while not self._stop.is_set():
                began_s = self._clock.now_s()
                try:
                    self._on_look(self._look(asker, table))
                except Exception:
                    log.exception("a look at the pipeline failed")
                    self._close_brokers()
                    self._on_look(self._nothing_seen("the last look failed: the log of the api says why"))
                self._stop.wait(max(0.0, TICK_S - (self._clock.now_s() - began_s)))

    def _nothing_seen(self, why: str) -> Seen:
        now = Look(at_s=self._clock.now_s(), unix_s=self._clock.unix_s(), verdicts=self._verdicts[1])
        return Seen(now, kafka_problem=why, clickhouse_problem=why)

    def _look(self, asker: Asker, table: VerdictTable) -> Seen:
        kafka, kafka_problem = _asked(self._look_at_brokers)
        if kafka_problem:
            self._close_brokers()
        tables = [table.name for stream in self._streams for feed in stream.feeds for table in feed.tables]
        rows, clickhouse_problem = _asked(lambda: asker.rows_stored(tables))
        if not clickhouse_problem and self._clock.now_s() - self._verdicts[0] >= VERDICTS_EVERY_S:
            self._verdicts = self._clock.now_s(), _asked(table.newest)[0]
        letters = self._kafka.counts.tallies if self._kafka else {}
        now = Look(
            at_s=self._clock.now_s(),
            kafka=kafka,
            rows=rows,
            letters={topic: tally.kinds for topic, tally in letters.items()},
            counting=[topic for topic, tally in letters.items() if not tally.is_complete],
            verdicts=self._verdicts[1],
            unix_s=self._clock.unix_s(),
        )
        now = replace(now, audits_apart_s=self._rounds.see(now))
        before, earlier = self._oldest(now, RATE_OVER_S), self._oldest(now, PACE_OVER_S)
        self._looks = [each for each in self._looks if now.at_s - each.at_s <= PACE_OVER_S] + [now]
        return Seen(now, before, earlier, kafka_problem, clickhouse_problem)

    def _oldest(self, now: Look, over_s: float) -> Look | None:
        return next((each for each in self._looks if now.at_s - each.at_s <= over_s), None)

    def _look_at_brokers(self) -> Kafka:
        if self._kafka is None:
            self._kafka = _Brokers(self._settings, self._streams, self._clock)
        return self._kafka.look()

    def _close_brokers(self) -> None:
        if self._kafka is not None:
            self._kafka.close()
            self._kafka = None


class _Brokers:
    """The connections to Kafka. Raises KafkaUnavailable and KafkaRefused."""

    def __init__(self, settings: Settings, streams: Sequence[Stream], clock: Clock) -> None:
        self._sinks, self._transformers = sink_group(settings), transform_group(settings)
        self._feeds = [feed for stream in streams for feed in stream.feeds]
        self._transforms = [transform for stream in streams for transform in stream.transforms]
        self._overview: Overview = connect_overview(settings.kafka, now_s=clock.now_s, sleep=clock.sleep)
        try:
            reader = Clients(settings.kafka, clock.now_s, clock.sleep, "api").range_reader()
        except BaseException:
            self._overview.close()
            raise
        self._reader = reader
        dead_topics = [dead_name(topic) for stream in streams for topic in stream.read_topics]
        topics = LetterTopics(self._overview, reader, settings.kafka.max_unpacked_bytes)
        self.counts = LetterCounts(topics, dead_topics, patience_s=PATIENCE_S, now_s=clock.now_s)

    def look(self) -> Kafka:
        """Everything as it stands; counts letters on."""
        transforms = look_at_transforms(self._overview, self._transformers, self._transforms)
        positions = look(self._overview, self._sinks, self._feeds)
        owners = _owners(self._overview.members(self._sinks))
        others = _owners(self._overview.members(self._transformers)) if self._transforms else {}
        self.counts.advance(LETTERS_S)
        return Kafka(positions=positions, transforms=transforms, owners=owners, transform_owners=others)

    def close(self) -> None:
        """Close them."""
        self._reader.close()
        self._overview.close()


def _owners(members: Sequence[Member]) -> dict[Partition, str]:
    return {
        partition: member.client.removeprefix("penstock-")
        for member in members
        for partition in member.partitions
    }


def _asked(ask: Callable[[], T]) -> tuple[T | None, str]:
    """What was answered, or why nothing was."""
    try:
        return ask(), ""
    except PenstockError as error:
        return None, str(error)
