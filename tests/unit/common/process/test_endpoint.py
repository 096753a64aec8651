import http.client
import json
from contextlib import closing

import pytest

from common.errors import SettingError
from common.process.endpoint import Endpoint
from common.process.health import Health
from common.settings.parts import ServiceSettings
from consumer.metrics import SinkMetrics


class Clock:
    """A clock that the test sets."""

    now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture(scope="module")
def service():
    """Health, metrics and clock of a service, and a function that asks its endpoint over HTTP."""
    health, metrics, clock = Health(now_s=0.0), SinkMetrics(), Clock()
    endpoint = Endpoint(health, metrics.registry, clock, "127.0.0.1", 0)

    def ask(path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=10)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()

    yield health, metrics, clock, ask, endpoint
    endpoint.close()


def test_health_is_503_once_the_loop_is_silent(service):
    health, _, clock, ask, _ = service
    assert ask("/health")[0] == 200
    clock.now_s = 61.0
    status, body, headers = ask("/health")
    assert status == 503
    assert json.loads(body)["live"] is False
    assert headers["Content-Type"].startswith("application/json")
    health.beat(61.0)
    assert ask("/health")[0] == 200


def test_ready_is_503_until_ready_and_says_which_feed_is_parked(service):
    health, _, _, ask, _ = service
    health.set_ready(False, "no partitions assigned yet")
    status, body, _ = ask("/ready")
    assert (status, json.loads(body)["detail"]) == (503, "no partitions assigned yet")
    health.set_ready(True, "4 partitions")
    assert ask("/ready?verbose=1")[0] == 200
    health.park("visits", "no table", "migrate", 0.0)
    status, body, _ = ask("/ready")
    assert (status, json.loads(body)["parked"][0]["feed"]) == (503, "visits")
    health.unpark("visits")


def test_metrics_shows_what_was_counted(service):
    _, metrics, _, ask, _ = service
    metrics.rows.labels("collatz").inc(5)
    metrics.lag.labels("conjecture.data", "0").set(7)
    metrics.dead_letters.labels("collatz", "not JSON").inc()
    metrics.insert_seconds.labels("collatz").observe(0.2)
    metrics.rebalances.inc()
    status, body, _ = ask("/metrics")
    assert status == 200
    lines = body.splitlines()
    assert 'penstock_sink_rows_total{feed="collatz"} 5.0' in lines
    assert 'penstock_sink_lag_messages{partition="0",topic="conjecture.data"} 7.0' in lines
    assert 'penstock_sink_dead_letters_total{feed="collatz",reason="not JSON"} 1.0' in lines
    assert 'penstock_sink_insert_seconds_bucket{feed="collatz",le="0.25"} 1.0' in lines
    assert "penstock_sink_rebalances_total 1.0" in lines
    assert any(line.startswith("process_resident_memory_bytes") for line in lines)


def test_another_path_is_404_and_lists_the_paths(service):
    status, body, _ = service[3]("/")
    assert (status, json.loads(body)["paths"]) == (404, ["/health", "/ready", "/metrics"])


def test_head_has_no_body(service):
    assert service[3]("/health", "HEAD")[:2] == (200, "")


def test_a_taken_port_is_one_line(service):
    endpoint = service[4]
    with pytest.raises(SettingError) as caught:
        Endpoint(Health(0.0), SinkMetrics().registry, Clock(), "127.0.0.1", endpoint.port)
    assert str(caught.value).startswith(
        f"HTTP_PORT={endpoint.port} cannot be used on HTTP_HOST=127.0.0.1 (Address"
    )
    assert len(str(caught.value).splitlines()) == 1


def test_a_host_that_is_not_here_is_one_line():
    with pytest.raises(SettingError, match="HTTP_HOST=256.0.0.1"):
        Endpoint(Health(0.0), SinkMetrics().registry, Clock(), "256.0.0.1", 0)


def test_settings_say_whether_and_where_it_listens():
    health, metrics, clock = Health(now_s=0.0), SinkMetrics(), Clock()
    assert Endpoint.of(ServiceSettings(http_port=None), health, metrics.registry, clock) is None
    endpoint = Endpoint.of(ServiceSettings(http_port=0), health, metrics.registry, clock)
    assert endpoint is not None
    with closing(endpoint):
        connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=10)
        with closing(connection):
            connection.request("GET", "/health")
            assert connection.getresponse().status == 200
