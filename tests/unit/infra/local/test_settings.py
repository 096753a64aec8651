from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.errors import SettingError
from infra.local.settings import Ports, cache_folder


def test_ports_have_defaults():
    ports = Ports.from_env({})
    assert ports == Ports()
    assert ports.brokers == (29092, 29093, 29094)
    assert (ports.clickhouse, ports.http) == (19000, 18123)


def test_ports_come_from_the_mapping():
    environ = {
        "LOCAL_KAFKA_PORTS": "1, 2,3",
        "LOCAL_CONTROLLER_PORTS": "4,5,6",
        "LOCAL_CLICKHOUSE_PORT": "7",
        "LOCAL_CLICKHOUSE_HTTP_PORT": "8",
    }
    assert Ports.from_env(environ) == Ports((1, 2, 3), (4, 5, 6), 7, 8)


@pytest.mark.parametrize("text", ["1,2", "1,2,2", "1,2,x", "1,2,70000", "0,1,2", "1;2;3", "-1,2,3", "1,2,³"])
def test_a_wrong_value_is_refused_with_variable_and_value(text):
    with pytest.raises(SettingError, match=f"LOCAL_KAFKA_PORTS='{text}': expected 3 different ports"):
        Ports.from_env({"LOCAL_KAFKA_PORTS": text})


def test_a_record_of_ports_reads_back():
    ports = Ports((1, 2, 3), (4, 5, 6), 7, 8)
    assert Ports.from_record(ports.record()) == ports
    assert ports.record().keys() == {"brokers", "controllers", "clickhouse", "http"}


def test_a_record_of_ports_with_proxies_reads_back_from_json():
    ports = Ports((1, 2, 3), (4, 5, 6), 7, 8, (9, 10, 11), (12, 13, 14))
    assert Ports.from_record(json.loads(json.dumps(ports.record()))) == ports


def test_the_cache_folder_can_be_named():
    assert cache_folder({"PENSTOCK_CACHE": "/somewhere/else"}) == Path("/somewhere/else")
    assert cache_folder({}) == Path.home() / ".cache" / "penstock"
