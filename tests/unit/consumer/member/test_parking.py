import pytest

from common.errors import ClickHouseRefused, ClickHouseUnavailable, FeedBlocked
from common.process.health import Health
from consumer.member.parking import Parking
from consumer.metrics import SinkMetrics
from consumer.sink.batch import Limits
from consumer.sink.lane import Lane
from tests.unit.consumer.material import BAD, HERE, STANDING, TP, feed, slab

REASON = "no such table"


class Place:
    """A parking with a clock to turn and notes of what was reopened."""

    def __init__(self):
        self.now_s, self.reopened, self.still = 100.0, [], None
        self.health, self.metrics = Health(0.0), SinkMetrics()
        self.health.set_ready(True, "working")
        self.parking = Parking(
            self.health,
            self.metrics,
            stop=lambda some_feed, reason: self.reopened.append((some_feed.topic, reason)),
            resume=self.resume,
            retry_every_s=30.0,
            dead_letter_limit=5,
            now_s=lambda: self.now_s,
            unix_s=lambda: 1_795_000_000.0 + self.now_s,
        )
        self.feed = feed()

    def resume(self, some_feed):
        """Open the feed again: `still` is what is in the way, an error of its own if it is no FeedBlocked."""
        if self.still is not None and not isinstance(self.still, FeedBlocked):
            raise self.still
        self.reopened.append((some_feed.topic, ""))
        return self.still

    def park(self, reason=REASON):
        self.parking.park(self.feed, FeedBlocked(reason))

    @property
    def gauge(self):
        return self.metrics.registry.get_sample_value("penstock_sink_parked", {"feed": "events"})


@pytest.fixture
def place():
    return Place()


def lane_with(bad, parked=""):
    limits = Limits(rows=1000, payload_bytes=1 << 30, age_s=1e9)
    made = Lane(feed(), HERE, TP, 40, STANDING, limits)
    made.pending.append(slab([BAD] * bad, 40))
    made.fill(0.0)
    made.buffer.decode()
    made.parked = parked
    return made


def test_a_feed_is_not_parked_to_begin_with(place):
    assert (place.parking.reason(place.feed), place.reopened) == ("", [])


def test_a_parked_feed_stands_still_with_the_reason(place):
    place.park()
    assert place.parking.reason(place.feed) == REASON
    assert place.reopened == [("events", REASON)]


def test_health_metrics_and_log_say_why_a_feed_is_parked_and_what_to_do(place, caplog):
    place.park()
    ready, answer = place.health.readiness()
    assert not ready
    assert answer["parked"] == [
        {
            "feed": "events",
            "reason": REASON,
            "todo": "remove the cause; it is tried again every 30 s",
            "since": "2026-11-18T11:08:20+00:00",
        }
    ]
    assert place.gauge == 1
    assert [(line.levelname, line.reason) for line in caplog.records] == [("ERROR", REASON)]


def test_parking_again_takes_the_newer_reason_and_a_later_retry(place):
    place.park()
    place.now_s += 20
    place.park("no right")
    assert place.parking.reason(place.feed) == "no right"
    place.parking.retry_due(place.now_s + 29)
    assert place.parking.reason(place.feed) == "no right"


@pytest.mark.parametrize(("later_s", "is_parked"), [(0, True), (29.9, True), (30, False), (1000, False)])
def test_a_parked_feed_is_tried_again_on_a_schedule(place, later_s, is_parked):
    place.park()
    place.parking.retry_due(100.0 + later_s)
    assert bool(place.parking.reason(place.feed)) is is_parked
    assert place.health.readiness()[0] is not is_parked
    assert place.gauge == is_parked
    assert place.reopened[1:] == ([] if is_parked else [("events", "")])


def test_a_feed_that_fails_again_is_parked_again(place):
    place.park()
    place.parking.retry_due(130.0)
    place.now_s = 131.0
    place.park()
    assert place.reopened == [("events", REASON), ("events", ""), ("events", REASON)]
    place.parking.retry_due(160.9)
    assert place.parking.reason(place.feed) == REASON


def test_a_feed_that_cannot_be_opened_again_stays_parked_and_never_looks_ready_meanwhile(place):
    place.park()
    place.still, place.now_s = FeedBlocked("no right"), 131.0
    place.parking.retry_due(130.0)
    assert place.parking.reason(place.feed) == "no right"
    assert place.reopened == [("events", REASON), ("events", ""), ("events", "no right")]
    assert (place.health.readiness()[0], place.gauge) == (False, 1)
    place.still = None
    place.parking.retry_due(160.9)
    assert place.parking.reason(place.feed) == "no right"
    place.parking.retry_due(161.0)
    assert place.parking.reason(place.feed) == ""


def test_a_try_that_no_server_answered_leaves_the_feed_parked_until_the_next_one(place):
    place.park()
    place.still = ClickHouseUnavailable("no answer")
    with pytest.raises(ClickHouseUnavailable):
        place.parking.retry_due(130.0)
    assert place.parking.reason(place.feed) == REASON
    place.still = None
    place.parking.retry_due(159.9)
    assert place.parking.reason(place.feed) == REASON
    place.parking.retry_due(160.0)
    assert place.parking.reason(place.feed) == ""


def test_the_other_feeds_are_not_touched(place):
    place.park()
    other = place.feed.__class__(topic="others", event=place.feed.event, tables=place.feed.tables)
    assert place.parking.reason(other) == ""


def test_a_new_assignment_forgets_everything_without_reopening(place):
    place.park()
    place.parking.clear()
    assert (place.parking.reason(place.feed), place.health.readiness()[0], place.gauge) == ("", True, 0)
    assert place.reopened == [("events", REASON)]
    place.parking.retry_due(1e9)
    assert len(place.reopened) == 1


def test_as_many_bad_messages_in_a_row_as_allowed_are_no_flood(place):
    place.parking.check_flood(lane_with(bad=5))
    assert place.reopened == []


def test_a_flood_of_bad_messages_parks_the_feed_and_says_how_to_go_on(place):
    place.parking.check_flood(lane_with(bad=6))
    reason = place.parking.reason(place.feed)
    assert reason.startswith(
        "events/0: more than 5 bad messages in a row from offset 40 on (the first: not JSON: "
    )
    assert "raise DEAD_LETTER_LIMIT and start the sink again" in reason


def test_a_lane_that_is_parked_already_is_not_checked(place):
    place.parking.check_flood(lane_with(bad=6, parked="no such table"))
    assert place.reopened == []


def test_a_refusal_of_clickhouse_is_a_reason_to_park(place):
    place.parking.park(place.feed, ClickHouseRefused("INSERT x refuses for good"))
    assert place.parking.reason(place.feed) == "INSERT x refuses for good"


def test_a_feed_that_fails_again_says_since_when_it_has_stood_still(place):
    place.park()
    since = place.health.readiness()[1]["parked"][0]["since"]
    place.parking.retry_due(130.0)
    place.now_s = 131.0
    place.park()
    assert place.health.readiness()[1]["parked"][0]["since"] == since
