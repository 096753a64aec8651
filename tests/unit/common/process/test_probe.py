"""The probe against a real endpoint."""

import pytest
from prometheus_client import CollectorRegistry

from common.process.endpoint import Endpoint
from common.process.health import Health
from common.process.probe import is_alive


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def endpoint(clock):
    endpoint = Endpoint(Health(0.0, max_silence_s=60), CollectorRegistry(), lambda: clock[0], "127.0.0.1", 0)
    yield endpoint
    endpoint.close()


def test_a_service_whose_loop_turns_is_alive(endpoint):
    assert is_alive(endpoint.port)


def test_a_service_whose_loop_stands_still_is_not(endpoint, clock):
    clock[0] = 61.0
    assert not is_alive(endpoint.port)


def test_where_nobody_listens_nothing_is_alive(endpoint):
    port = endpoint.port
    endpoint.close()
    assert not is_alive(port)
