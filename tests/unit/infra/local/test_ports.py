from __future__ import annotations

import socket

import pytest

from common.errors import SettingError
from infra.local.ports import SAFE_RANGE, check_free, is_free, pick_free


def test_a_taken_port_is_named_with_the_variable_that_moves_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(SettingError, match=f"^LOCAL_X: port {port} .* is taken .* set LOCAL_X to"):
            check_free(port, "LOCAL_X")
    check_free(port, "LOCAL_X")


def test_a_taken_port_that_no_variable_moves_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            SettingError, match=f"^port {port} .* is taken by another program; stop that program$"
        ):
            check_free(port, None)


def test_picked_ports_are_free_different_and_never_those_of_outgoing_connections():
    ports = pick_free()
    numbers = [*ports.brokers, *ports.controllers, ports.clickhouse, ports.http]
    assert len(set(numbers)) == 8
    assert all(port in SAFE_RANGE and is_free(port) for port in numbers)
    assert ports.proxied == ports.behind == ()


def test_a_stack_with_proxies_gets_two_more_ports_a_broker():
    ports = pick_free(proxied=True)
    assert len({*ports.brokers, *ports.controllers, *ports.proxied, *ports.behind}) == 12
    assert all(port in SAFE_RANGE and is_free(port) for port in (*ports.proxied, *ports.behind))
