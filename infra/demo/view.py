"""What the demo shows while it runs: rows stored, lag, and who works on which partition."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rich.console import Group
from rich.table import Table
from rich.text import Text

from common.clickhouse_io.questions import Asker
from common.errors import PenstockError
from common.kafka_io.overview import Overview
from common.model.stream import Question, Stream

ROWS = Question(name="rows", help="rows stored", sql="SELECT count() FROM {table}")


class Reading(NamedTuple):
    """One look at the pipeline."""

    at_s: float
    rows: int
    lag: int
    owners: dict[str, list[str]]


class View:
    """Looks at Kafka and ClickHouse from outside, and draws what it sees."""

    def __init__(
        self, stream: Stream, group: str, overview: Overview, asker: Asker, now_s: Callable[[], float]
    ) -> None:
        self._stream, self._group = stream, group
        self._overview, self._asker, self._now_s = overview, asker, now_s
        self._started_s = now_s()
        self._last: Reading | None = None
        self.note = ""

    def look(self) -> Reading | None:
        """What is there now; None while a server does not answer."""
        try:
            layouts = self._overview.layouts(self._stream.topics)
            partitions = [partition for layout in layouts.values() for partition in layout.partitions]
            ends = self._overview.end_offsets(partitions)
            committed = self._overview.committed(self._group)
            owners = {
                member.client.removeprefix("penstock-"): [
                    str(partition.partition) for partition in member.partitions
                ]
                for member in self._overview.members(self._group)
            }
            rows = self._asker.ask(self._stream, ROWS, {})[0][0]
        except PenstockError:
            return None
        lag = sum(end - (committed[at].offset if at in committed else 0) for at, end in ends.items())
        return Reading(self._now_s(), rows, lag, owners)

    def draw(self) -> Group:
        """A table for the terminal; it replaces the one before."""
        reading = self.look()
        table = Table(title=f"{self._stream.name}: Kafka, three brokers → ClickHouse", title_justify="left")
        for heading in ("seconds", "rows stored", "rows/s", "lag (messages)", "consumer", "partitions"):
            table.add_column(heading, justify="right" if heading != "consumer" else "left")
        if reading is None:
            return Group(table, Text("a server does not answer"), Text(self.note))
        seconds = f"{reading.at_s - self._started_s:.0f}"
        figures = [seconds, f"{reading.rows:,}", f"{self._rate(reading):,.0f}", f"{reading.lag:,}"]
        for owner, partitions in sorted(reading.owners.items()) or [("joining…", [])]:
            table.add_row(*figures, owner, ", ".join(sorted(partitions)))
            figures = ["", "", "", ""]
        self._last = reading
        return Group(table, Text(self.note))

    def _rate(self, reading: Reading) -> float:
        if self._last is None or reading.at_s <= self._last.at_s:
            return 0.0
        return (reading.rows - self._last.rows) / (reading.at_s - self._last.at_s)
