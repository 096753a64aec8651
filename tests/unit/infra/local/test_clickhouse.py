from __future__ import annotations

from xml.etree import ElementTree

from infra.local.clickhouse import server_config
from infra.local.settings import Ports


def test_the_server_listens_on_this_machine_only_and_keeps_utc():
    config = ElementTree.fromstring(server_config(Ports(clickhouse=1, http=2)))
    values = {element.tag: element.text for element in config}
    assert values == {"tcp_port": "1", "http_port": "2", "listen_host": "127.0.0.1", "timezone": "UTC"}
