"""What ClickHouse can tell of the pipeline: its own log of parts, and the verdicts that the auditor writes each round.

Panels of one stream, and of all of them.
"""

from __future__ import annotations

from common.model.identifiers import literal
from common.model.stream import Stream
from common.model.verdicts import SINK, TABLE
from infra.grafana import panels
from infra.grafana.panels import Panel
from infra.grafana.query import over_time

ABOUT = (
    "**Rows, INSERTs and freshness** come from ClickHouse's own log of parts, `system.part_log`: it is written every "
    "7.5 s and kept for three days. **Lag, dead letters, parked feeds, what cut the batches, and the verdict** are "
    "what the auditor saw at its last round (every minute), from the table `penstock_verdicts`, kept for 30 days. "
    "ClickHouse does not know how Kafka stands *now*, nor how long things take inside of a consumer: the live page of "
    "the api (port 8000) shows the first, `/metrics` of each service has both."
)
ALL_TABLES = f"table != '{TABLE}'"
ROUND = "at the auditor's last round"


def pipeline_panels() -> list[Panel]:
    """Of all streams."""
    return [
        panels.words(ABOUT),
        *_verdict_numbers("1"),
        *_arrivals(ALL_TABLES),
        *_rounds("1"),
        panels.lines(
            "INSERTs per second",
            _of_parts("uniqExact(query_id) / $__interval_s AS inserts", ALL_TABLES),
            about="An INSERT is a batch of one partition, in one table.",
        ),
        panels.lines(
            "Writing a batch, 95th percentile",
            _of_parts("quantile(0.95)(duration_ms) AS took", ALL_TABLES),
            about="Inside of ClickHouse, without the way there.",
            unit="ms",
        ),
        panels.rows(
            "Feeds and transforms " + ROUND,
            f"""
            SELECT stream, stage, topic, sum(pending) AS lag, sum(dead) AS dead, sum(missing) AS missing,
            sum(repeated) AS repeated, min(sound) AS sound, min(judged) AS judged, any(parked) AS parked,
            arrayStringConcat(arrayDistinct(arrayFlatten(groupArray(notes))), '; ') AS notes
            FROM ({_newest("1")})
            GROUP BY stream, stage, topic ORDER BY stream, stage, topic
            """,
            span=24,
        ),
    ]


def stream_panels(stream: Stream) -> list[Panel]:
    """Of one stream."""
    tables = dict.fromkeys(table.name for feed in stream.feeds for table in feed.tables)
    of_tables = f"table IN ({', '.join(map(literal, tables))})"
    of_stream = f"stream = {literal(stream.name)}"
    return [*_verdict_numbers(of_stream), *_arrivals(of_tables), *_rounds(of_stream)]


def _verdict_numbers(which: str) -> list[Panel]:
    def of_newest(title: str, what: str, about: str = "", *, colors: panels.Colors = panels.BLUE) -> Panel:
        sql = f"SELECT {what} FROM ({_newest(which)})"
        return panels.number(title, sql, about=about or ROUND, colors=colors)

    red = panels.RED_UNLESS_ZERO
    return [
        of_newest("Missing or repeated", "sum(missing) + sum(repeated) AS wrong", colors=red),
        of_newest("Not sound", "countIf(NOT sound) AS wrong", "partitions and transforms", colors=red),
        of_newest("Parked", "countIf(parked != '') AS parked", "partitions and transforms", colors=red),
        of_newest("Lag", "sum(pending) AS lag", f"messages that are not stored yet, {ROUND}"),
        of_newest("Dead letters", "sum(dead) AS dead", "of the messages that Kafka still holds"),
        panels.number(
            "Age of the verdict",
            f"SELECT dateDiff('second', maxOrNull(time), now64()) AS age FROM ({_newest(which)})",
            unit="s",
        ),
    ]


def _arrivals(which: str) -> list[Panel]:
    return [
        panels.lines(
            "Rows stored per second",
            _of_parts("sum(rows) / $__interval_s AS rows_per_second", which),
        ),
        panels.bars(
            "Freshness: seconds since the last rows",
            f"""
            SELECT table, dateDiff('second', max(event_time), now()) AS seconds
            FROM system.part_log
            WHERE $__timeFilter(event_time) AND {_new_parts(which)}
            GROUP BY table ORDER BY table
            """,
            "table",
            about="Up to 7.5 s of it is how long ClickHouse keeps its log in memory.",
        ),
    ]


def _rounds(which: str) -> list[Panel]:
    def each_round(title: str, label: str, what: str, where: str = "1", about: str = "") -> Panel:
        sql = f"""
            SELECT time AS at, {label} AS line, {what}
            FROM {TABLE}
            WHERE $__timeFilter(time) AND {which} AND {where}
            GROUP BY at, line ORDER BY at
            """
        return panels.lines(title, sql, about=about)

    stage = "concat(stream, ' ', stage, ' ', topic)"
    return [
        each_round(
            "Lag over time", stage, "sum(pending) AS messages", about="Messages that are not stored yet."
        ),
        each_round("Dead letters over time", stage, "sum(dead) AS letters"),
        each_round(
            "Partitions by what cut their last batch",
            "cut_by",
            "count() AS partitions",
            f"stage = '{SINK}' AND cut_by != ''",
            "A sample at each round: rows, bytes, age, ... Every batch is counted in the consumers' /metrics.",
        ),
        each_round("Missing or repeated over time", stage, "sum(missing) + sum(repeated) AS messages"),
    ]


def _of_parts(figures: str, which: str) -> str:
    return over_time("system.part_log", "event_time", figures, by="table", where=_new_parts(which))


def _new_parts(which: str) -> str:
    """What an INSERT has written; by day first, which is the order of that log."""
    return (
        "$__dateFilter(event_date) AND database = currentDatabase() "
        f"AND event_type = 'NewPart' AND error = 0 AND {which}"
    )


def _newest(which: str) -> str:
    """The row of the newest round of each partition and each transform."""
    return (
        f"SELECT * FROM {TABLE} WHERE $__timeFilter(time) AND {which} "
        "ORDER BY time DESC LIMIT 1 BY stream, stage, topic, partition"
    )
