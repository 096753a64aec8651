"""What each stream's own dashboard shows, from its declaration: the one place of Grafana's that knows streams by name.

A stream that is not listed here has a dashboard all the same, of how it is carried.
"""

from __future__ import annotations

from common.model.identifiers import literal
from common.model.question import Question
from common.model.stream import Stream
from common.streams import collatz, quotes, ratings, sensors, visits
from infra.grafana import panels
from infra.grafana.panels import Panel
from infra.grafana.query import over_time

BOXES = {collatz.STREAM.name: {"through": "40"}}
"""Stream → what can be typed in above its panels, ${name} in their SQL: name → what it is at first."""

MID_PRICE = "(ask_01 + bid_01) / 2"
MID_PRICE_TITLE = f"Mid price against {quotes.THRESHOLD:g}"


def own_panels(stream: Stream) -> list[Panel]:
    """The panels of a stream; none if nobody has drawn any."""
    drawn = {
        quotes.STREAM.name: _quotes,
        collatz.STREAM.name: _collatz,
        ratings.STREAM.name: _ratings,
        sensors.STREAM.name: _sensors,
        visits.STREAM.name: _visits,
    }
    return drawn[stream.name]() if stream.name in drawn else []


def mid_price(value: str) -> str:
    """A query for the mid price over time, as one value an interval: max, avg, ..."""
    return over_time(quotes.METRICS.name, "time", f"{value}({MID_PRICE}) AS mid_price")


def _quotes() -> list[Panel]:
    metrics, limit = quotes.METRICS.name, quotes.THRESHOLD
    above = f"countIf({MID_PRICE} > {limit:g})"
    return [
        panels.limited_lines(
            MID_PRICE_TITLE,
            over_time(metrics, "time", f"avg({MID_PRICE}) AS mean, max({MID_PRICE}) AS highest"),
            limit,
            about=f"(ask_01 + bid_01) / 2 of the reports of each interval. An alert watches it: above {limit:g}.",
            span=16,
        ),
        panels.number(
            "Newest mid price",
            f"SELECT argMax({MID_PRICE}, time) AS mid_price FROM {metrics} WHERE $__timeFilter(time)",
            height=panels.HEIGHT,
            colors=((None, "green"), (limit, "red")),
        ),
        panels.number(
            f"Share of reports above {limit:g}",
            f"SELECT {above} / greatest(count(), 1) AS share FROM {metrics} WHERE $__timeFilter(time)",
            unit="percentunit",
            height=panels.HEIGHT,
        ),
        *_quotes_in_full(),
    ]


def _quotes_in_full() -> list[Panel]:
    metrics = quotes.METRICS.name
    return [
        panels.lines(
            "Mean of the bids, mean of the asks",
            over_time(metrics, "time", "avg(bid_mean) AS bids, avg(ask_mean) AS asks"),
        ),
        panels.bars(
            "The newest report, level by level",
            f"""
            SELECT toString(level) AS level_of, bids[level] AS bid, asks[level] AS ask
            FROM (
                SELECT array(COLUMNS('^bid_[0-9]+$')) AS bids, array(COLUMNS('^ask_[0-9]+$')) AS asks
                FROM {metrics} WHERE $__timeFilter(time) ORDER BY time DESC LIMIT 1
            )
            ARRAY JOIN arrayEnumerate(bids) AS level
            ORDER BY level
            """,
            "level_of",
        ),
    ]


def _collatz() -> list[Panel]:
    table, records = collatz.DATA_SERIES.name, _sql(collatz.STREAM, "records")
    return [
        panels.rows(
            "Records so far",
            f"SELECT longest, steps, highest, toString(value) AS value FROM ({records})",
            about="The number with the longest walk, and the one that rises highest.",
            span=8,
        ),
        panels.walk(
            "The longest walk",
            f"""
            SELECT step, toFloat64(any(value)) AS height
            FROM {table}
            WHERE number = (SELECT longest FROM ({records}))
            GROUP BY step ORDER BY step
            """,
            "step",
            span=16,
        ),
        panels.rows(
            "Numbers whose walk passes through $through",
            f"""
            SELECT number
            FROM {table}
            WHERE value = toUInt128OrZero(${{through:sqlstring}})
            GROUP BY number ORDER BY number LIMIT 1000
            SETTINGS optimize_read_in_order = 0, optimize_aggregation_in_order = 0
            """,
            about="The first thousand.",
            span=24,
        ),
    ]


def _ratings() -> list[Panel]:
    shadow = ratings.SHADOW.name
    return [
        panels.lines(
            "People by type",
            over_time(shadow, "emit_timestamp", "count() AS people", by="type"),
            span=16,
        ),
        panels.bars(
            "People of each type",
            f"""
            SELECT type, count() AS people
            FROM {shadow}
            WHERE $__timeFilter(emit_timestamp)
            GROUP BY type ORDER BY people DESC
            """,
            "type",
            span=8,
        ),
    ]


def _sensors() -> list[Panel]:
    measured, histogram = sensors.MEASURED[0].tables[0].name, _sql(sensors.STREAM, "histogram")
    figures = "min(measurement) AS lowest, avg(measurement) AS mean, max(measurement) AS highest"
    found = []
    for each in sensors.SENSORS:
        kind = literal(each.topic)
        found += [
            panels.lines(
                each.topic.capitalize(),
                over_time(measured, "measurement_time", figures, where=f"kind = {kind}"),
                span=14,
            ),
            panels.bars(
                f"{each.topic.capitalize()}: histogram of all measurements",
                "SELECT toString(round(from, 2)) AS above, number FROM ("
                + histogram.replace("{kind:String}", kind)
                + ")",
                "above",
                about="As the transform counts it: its newest counts of each partition, added up.",
                span=10,
            ),
        ]
    return found


def _visits() -> list[Panel]:
    visitors = visits.ACTIVE_VISITORS.name
    return [
        panels.lines(
            "Different visits in each window",
            f"""
            SELECT start AS at, concat(account_id, ' ', store_id) AS store, max(visits) AS visits
            FROM {visitors}
            WHERE $__timeFilter(start)
            GROUP BY at, store ORDER BY at
            """,
            about="By account and store. The newest window is still open: its count grows.",
            span=16,
        ),
        panels.lines(
            "Visits that came too late",
            f"""
            SELECT start AS at, sum(late) AS late
            FROM {visitors}
            WHERE $__timeFilter(start)
            GROUP BY at ORDER BY at
            """,
            about="After the final count of their window.",
            span=8,
        ),
        panels.rows(
            "Newest windows",
            _sql(visits.STREAM, "counts").replace("{rows:UInt16}", "100"),
            span=24,
        ),
    ]


def _sql(stream: Stream, name: str) -> str:
    """The SQL of a question of the stream, its table filled in."""
    question: Question = next(each for each in stream.questions if each.name == name)
    return question.sql.replace("{table}", stream.feeds[question.feed].tables[0].name)
