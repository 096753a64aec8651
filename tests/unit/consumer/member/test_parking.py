import pytest

from common.errors import ClickHouseRefused, FeedBlocked
from common.process.health import Health
from consumer.member.parking import Parking
from consumer.metrics import MemberMetrics

REASON = "no such table"


class Place:
    """A parking with a clock to turn."""

    def __init__(self):
        self.now_s = 100.0
        self.health, self.metrics = Health(0.0), MemberMetrics("sink")
        self.health.set_ready(True, "working")
        self.parking = Parking(
            self.health,
            self.metrics,
            retry_every_s=30.0,
            now_s=lambda: self.now_s,
            unix_s=lambda: 1_795_000_000.0 + self.now_s,
        )

    def park(self, reason=REASON):
        self.parking.park("events", FeedBlocked(reason))

    def due(self, now_s):
        return list(self.parking.due(now_s))

    @property
    def reason(self):
        return self.parking.reason("events")

    @property
    def gauge(self):
        return self.metrics.registry.get_sample_value("penstock_sink_parked", {"feed": "events"})


@pytest.fixture
def place():
    return Place()


def test_a_topic_is_not_parked_to_begin_with(place):
    assert (place.reason, place.parking.is_any_parked) == ("", False)


def test_a_parked_topic_has_its_reason(place):
    place.park()
    assert (place.reason, place.parking.is_any_parked) == (REASON, True)


def test_health_metrics_and_log_say_why_a_topic_is_parked_and_what_to_do(place, caplog):
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
    assert place.reason == "no right"
    assert place.due(place.now_s + 29) == []
    assert place.due(place.now_s + 30) == ["events"]


@pytest.mark.parametrize(("later_s", "due"), [(0, []), (29.9, []), (30, ["events"]), (1000, ["events"])])
def test_a_parked_topic_is_due_on_a_schedule(place, later_s, due):
    place.park()
    assert place.due(100.0 + later_s) == due
    assert place.reason == REASON


def test_a_topic_that_goes_on_is_ready_and_due_no_more(place, caplog):
    caplog.set_level("INFO")
    place.park()
    place.parking.resume("events")
    assert (place.reason, place.health.readiness()[0], place.gauge, place.due(1e9)) == ("", True, 0, [])
    assert (caplog.records[-1].message, caplog.records[-1].was) == ("a parked feed goes on", REASON)


def test_a_topic_that_was_due_is_due_again_later_whatever_came_of_it(place):
    place.park()
    assert place.due(130.0) == ["events"]
    assert place.due(159.9) == []
    assert place.due(160.0) == ["events"]


def test_of_several_topics_each_is_tried_in_its_turn_also_when_the_first_try_fails(place):
    place.park()
    place.parking.park("others", FeedBlocked(REASON))
    first = next(place.parking.due(130.0))  # … and the try raises
    assert place.due(130.0) == [({"events", "others"} - {first}).pop()]


def test_a_topic_looks_never_ready_while_it_is_tried(place):
    place.park()
    for topic in place.parking.due(130.0):
        assert (place.parking.reason(topic), place.health.readiness()[0], place.gauge) == (REASON, False, 1)


def test_the_other_topics_are_not_touched(place):
    place.park()
    assert place.parking.reason("others") == ""


def test_a_new_assignment_forgets_everything(place):
    place.park()
    place.parking.clear()
    assert (place.reason, place.health.readiness()[0], place.gauge, place.due(1e9)) == ("", True, 0, [])


def test_a_refusal_of_clickhouse_is_a_reason_to_park(place):
    place.parking.park("events", ClickHouseRefused("INSERT x refuses for good"))
    assert place.reason == "INSERT x refuses for good"


def test_a_topic_that_fails_again_says_since_when_it_has_stood_still(place):
    place.park()
    since = place.health.readiness()[1]["parked"][0]["since"]
    place.due(130.0)
    place.parking.resume("events")
    place.now_s = 131.0
    place.park()
    assert place.health.readiness()[1]["parked"][0]["since"] == since
