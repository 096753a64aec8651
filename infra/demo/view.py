"""What the demo shows while it runs: a line for each stream, and who works on how much."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from rich.console import Group
from rich.table import Table
from rich.text import Text

from common.clickhouse_io.questions import Asker
from common.commits.position import look
from common.commits.transform_position import look_at_transforms
from common.errors import PenstockError
from common.kafka_io.overview import Overview
from common.model.stream import Stream


class Reading(NamedTuple):
    """One look at a stream: rows stored, and the messages that its transforms and its sinks have not done yet."""

    rows: int
    transform_lag: int
    sink_lag: int


class Look(NamedTuple):
    """One look at the pipeline: stream → what was read, and member → how many partitions it has."""

    at_s: float
    readings: dict[str, Reading]
    owners: dict[str, int]


class View:
    """Looks at Kafka and ClickHouse from outside, and draws what it sees."""

    def __init__(
        self,
        streams: Sequence[Stream],
        sink_group: str,
        transform_group: str,
        overview: Overview,
        asker: Asker,
        now_s: Callable[[], float],
    ) -> None:
        self._streams = streams
        self._sink_group, self._transform_group = sink_group, transform_group
        self._overview, self._asker, self._now_s = overview, asker, now_s
        self._started_s = now_s()
        self._last: Look | None = None

    def look(self) -> Look | None:
        """What is there now; None while a server does not answer."""
        try:
            transforms = [transform for stream in self._streams for transform in stream.transforms]
            feeds = [feed for stream in self._streams for feed in stream.feeds]
            before = look_at_transforms(self._overview, self._transform_group, transforms)
            after = look(self._overview, self._sink_group, feeds)
            readings = {
                stream.name: Reading(
                    self._rows(stream),
                    sum(at.lag for transform in stream.transforms for at in before.get(transform.source, ())),
                    sum(at.lag for feed in stream.feeds for at in after.get(feed.topic, ())),
                )
                for stream in self._streams
            }
            owners = {
                member.client.removeprefix("penstock-"): len(member.partitions)
                for group in (self._transform_group, self._sink_group)
                for member in self._overview.members(group)
            }
        except PenstockError:
            return None
        return Look(self._now_s(), readings, owners)

    def _rows(self, stream: Stream) -> int:
        return sum(self._asker.rows_stored([feed.tables[0].name for feed in stream.feeds]).values())

    @property
    def partitions(self) -> Mapping[str, int]:
        """Member → how many partitions it had at the last look."""
        return self._last.owners if self._last else {}

    @property
    def lag(self) -> int | None:
        """Messages that were still to be done at the last look; None before the first one."""
        return (
            sum(each.transform_lag + each.sink_lag for each in self._last.readings.values())
            if self._last
            else None
        )

    @property
    def is_behind(self) -> bool:
        """Whether anything was still to be done at the last look."""
        return self.lag != 0

    def draw(self, footer: str) -> Group:
        """Tables for the terminal; they replace those before."""
        look = self.look()
        table = Table(title="Kafka, three brokers → ClickHouse", title_justify="left")
        table.add_column("stream")
        for heading in ("rows stored", "rows/s", "waiting for transforms", "waiting for sinks"):
            table.add_column(heading, justify="right")
        if look is None:
            return Group(table, Text("a server does not answer"), Text(footer))
        for stream, reading in look.readings.items():
            lags = (f"{reading.transform_lag:,}", f"{reading.sink_lag:,}")
            table.add_row(stream, f"{reading.rows:,}", f"{self._rate(look, stream):,.0f}", *lags)
        owners = ", ".join(f"{owner} {count}" for owner, count in sorted(look.owners.items()))
        seconds = f"{look.at_s - self._started_s:.0f} s"
        self._last = look
        return Group(table, Text(f"{seconds}; partitions: {owners or 'joining…'}"), Text(footer))

    def _rate(self, look: Look, stream: str) -> float:
        if self._last is None or look.at_s <= self._last.at_s:
            return 0.0
        rows = look.readings[stream].rows - self._last.readings[stream].rows
        return rows / (look.at_s - self._last.at_s)
