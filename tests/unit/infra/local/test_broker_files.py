from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.local.broker_files import broker_properties, format_data, id_from
from infra.local.settings import Ports

PORTS = Ports(brokers=(101, 102, 103), controllers=(201, 202, 203), clickhouse=301, http=302)


def as_dict(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_a_broker_listens_on_its_own_ports_and_knows_all_controllers(tmp_path):
    properties = as_dict(broker_properties(2, PORTS, tmp_path))
    assert properties["node.id"] == "2"
    assert properties["listeners"] == "BROKER://127.0.0.1:102,CONTROLLER://127.0.0.1:202"
    assert properties["advertised.listeners"] == "BROKER://127.0.0.1:102"
    assert properties["controller.quorum.voters"] == "1@127.0.0.1:201,2@127.0.0.1:202,3@127.0.0.1:203"
    assert properties["log.dirs"] == str(tmp_path)


def test_with_proxies_a_broker_listens_behind_one_and_tells_its_clients_of_the_proxy(tmp_path):
    ports = replace(PORTS, proxied=(401, 402, 403), behind=(501, 502, 503))
    properties = as_dict(broker_properties(2, ports, tmp_path))
    assert properties["listeners"].endswith(",CONTROLLER://127.0.0.1:202,PROXIED://127.0.0.1:502")
    assert properties["advertised.listeners"] == "BROKER://127.0.0.1:102,PROXIED://127.0.0.1:402"
    assert properties["listener.security.protocol.map"].endswith(",PROXIED:PLAINTEXT")
    assert properties["inter.broker.listener.name"] == "BROKER"
    assert "PROXIED" not in broker_properties(2, PORTS, tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("default.replication.factor", "3"),
        ("min.insync.replicas", "2"),
        ("offsets.topic.replication.factor", "3"),
        ("transaction.state.log.replication.factor", "3"),
        ("transaction.state.log.min.isr", "2"),
        ("auto.create.topics.enable", "false"),
        ("listener.security.protocol.map", "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT"),
        ("broker.session.timeout.ms", "2000"),
        ("broker.heartbeat.interval.ms", "400"),
        ("controller.quorum.fetch.timeout.ms", "1000"),
        ("group.initial.rebalance.delay.ms", "0"),
    ],
)
def test_every_broker_keeps_the_promises_that_tests_rely_on(key, value, tmp_path):
    assert as_dict(broker_properties(1, PORTS, tmp_path))[key] == value


def test_no_property_is_named_twice(tmp_path):
    lines = [line for line in broker_properties(1, PORTS, tmp_path).splitlines() if "=" in line]
    assert len(lines) == len(as_dict("\n".join(lines)))


def test_an_id_is_16_bytes_that_depend_on_the_seed_alone():
    assert len(id_from("a")) == 22
    assert id_from("a") == id_from("a") != id_from("b")


def test_formatted_folders_differ_in_the_node_only(tmp_path):
    first_records = tmp_path / "first"
    first_records.write_bytes(b"records")
    written: list[dict[str, str]] = []
    for node in (1, 2):
        data: Path = tmp_path / str(node)
        data.mkdir()
        format_data(data, node, "cluster", first_records)
        assert (data / "bootstrap.checkpoint").read_bytes() == b"records"
        written.append(as_dict((data / "meta.properties").read_text()))
    assert [one.pop("node.id") for one in written] == ["1", "2"]
    assert len({one.pop("directory.id") for one in written}) == 2
    assert written == [{"version": "1", "cluster.id": "cluster"}] * 2
