from common.process.health import Health


def test_a_service_that_starts_is_alive_and_not_ready():
    health = Health(now_s=100.0)
    assert health.liveness(100.0) == (True, {"live": True, "last_beat_s_ago": 0.0})
    assert health.readiness() == (False, {"ready": False, "detail": "starting", "parked": []})


def test_it_is_dead_when_its_loop_has_been_silent_for_too_long():
    health = Health(now_s=100.0, max_silence_s=60.0)
    assert health.liveness(160.0)[0]
    live, answer = health.liveness(160.1)
    assert not live
    assert answer["detail"] == "the main loop has not come round for more than 60 s"
    health.beat(161.0)
    assert health.liveness(200.0)[0]


def test_it_is_ready_when_it_says_so():
    health = Health(now_s=0.0)
    health.set_ready(True, "4 partitions")
    assert health.readiness() == (True, {"ready": True, "detail": "4 partitions", "parked": []})
    health.set_ready(False, "no partitions assigned yet")
    assert health.readiness()[1]["detail"] == "no partitions assigned yet"


def test_a_parked_feed_says_why_since_when_and_what_to_do_until_it_goes_on():
    health = Health(now_s=0.0)
    health.set_ready(True, "4 partitions")
    health.park("visits", "no table visits", "python -m consumer migrate", since_s=1_795_000_000.0)
    health.park("visits", "no right to insert", "GRANT INSERT", since_s=1_795_000_060.0)
    ready, answer = health.readiness()
    assert not ready
    assert answer["parked"] == [
        {
            "feed": "visits",
            "reason": "no right to insert",
            "todo": "GRANT INSERT",
            "since": "2026-11-18T11:06:40+00:00",
        }
    ]
    health.unpark("visits")
    health.unpark("visits")
    assert health.readiness()[0]
