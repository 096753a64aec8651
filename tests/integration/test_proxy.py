"""The proxy itself: what it breaks, and that it breaks nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clickhouse_driver import Client, errors

from infra.local.stack import Stack
from tests.support.proxy import Proxy

ROWS = [(number, f"text {number}") for number in range(50_000)]
BROKEN = (errors.NetworkError, errors.SocketTimeoutError, OSError, EOFError)


@pytest.fixture
def table(stack: Stack) -> Iterator[str]:
    direct = Client("127.0.0.1", port=stack.clickhouse_port)
    direct.execute(
        "CREATE TABLE through_proxy (number UInt64, text String) ENGINE = MergeTree ORDER BY number"
    )
    yield "through_proxy"
    direct.execute("DROP TABLE through_proxy SYNC")
    direct.disconnect()


@pytest.fixture
def proxy(stack: Stack) -> Iterator[Proxy]:
    with Proxy(stack.clickhouse_port) as proxy:
        yield proxy


@pytest.fixture(params=["plain", "lz4"])
def client(proxy: Proxy, request: pytest.FixtureRequest) -> Iterator[Client]:
    compressed = request.param == "lz4"
    settings = {"network_compression_method": "lz4"} if compressed else {}
    client = Client("127.0.0.1", port=proxy.port, compression=compressed, settings=settings)
    yield client
    client.disconnect()


def insert(client: Client, table: str) -> None:
    client.execute(f"INSERT INTO {table} (number, text) VALUES", ROWS)


def stored(stack: Stack, table: str) -> int:
    direct = Client("127.0.0.1", port=stack.clickhouse_port)
    try:
        return int(direct.execute(f"SELECT count() FROM {table}")[0][0])
    finally:
        direct.disconnect()


def test_passes_everything_on(stack, proxy, client, table):
    insert(client, table)
    insert(client, table)
    assert client.execute(f"SELECT count(), sum(number) FROM {table}") == [(100_000, 2 * sum(range(50_000)))]
    assert proxy.counters.inserts == 2
    assert proxy.counters.connections == 1


def test_a_lost_acknowledgement_is_an_error_for_the_client_and_rows_for_the_server(
    stack, proxy, client, table
):
    proxy.lose_acknowledgements(1)
    assert client.execute("SELECT 1") == [(1,)]  # only INSERTs are hurt
    with pytest.raises(BROKEN):
        insert(client, table)
    assert stored(stack, table) == 50_000
    assert proxy.counters.lost_acknowledgements == 1
    insert(client, table)
    assert stored(stack, table) == 100_000


@pytest.mark.parametrize("after_bytes", [0, 10, 300, 100_000])
def test_a_cut_request_stores_nothing(stack, proxy, client, table, after_bytes):
    proxy.cut_requests(after_bytes, times=1)
    with pytest.raises(BROKEN):
        insert(client, table)
    assert proxy.counters.cut_requests == 1
    assert stored(stack, table) == 0
    insert(client, table)
    assert stored(stack, table) == 50_000


def test_refuses_connections_until_it_passes_on_again(stack, proxy, client, table):
    insert(client, table)
    proxy.refuse()
    with pytest.raises(BROKEN):
        insert(client, table)
    proxy.pass_on()
    insert(client, table)
    assert stored(stack, table) == 100_000


def test_holds_traffic_until_it_passes_on_again(proxy):
    proxy.hold()
    impatient = Client("127.0.0.1", port=proxy.port, send_receive_timeout=0.3)
    with pytest.raises(BROKEN):
        impatient.execute("SELECT 1")
    proxy.pass_on()
    assert impatient.execute("SELECT 1") == [(1,)]
    impatient.disconnect()


def test_delays_until_it_passes_on_again(proxy):
    impatient = Client("127.0.0.1", port=proxy.port, send_receive_timeout=0.3)
    assert impatient.execute("SELECT 1") == [(1,)]
    proxy.delay(0.5)
    with pytest.raises(BROKEN):
        impatient.execute("SELECT 1")
    proxy.pass_on()
    assert impatient.execute("SELECT 1") == [(1,)]
    impatient.disconnect()


def test_trickles_until_it_passes_on_again(stack, proxy, client, table):
    proxy.trickle(piece_bytes=5_000, pause_s=0.002)
    insert(client, table)
    assert (proxy.counters.inserts, proxy.counters.slow_inserts) == (1, 1)
    pieces = proxy.counters.slow_pieces
    assert pieces > 30
    proxy.pass_on()
    insert(client, table)
    assert proxy.counters.slow_pieces == pieces
    assert (proxy.counters.inserts, proxy.counters.slow_inserts) == (2, 1)
    assert stored(stack, table) == 100_000


def test_an_exception_of_the_server_is_passed_on(proxy, client, table):
    proxy.lose_acknowledgements(1)
    with pytest.raises(errors.ServerException):
        client.execute(f"INSERT INTO {table} (number, text) SELECT throwIf(1), ''")
    with pytest.raises(errors.ServerException):
        client.execute("INSERT INTO no_such_table (number) VALUES", [(1,)])
    assert proxy.counters.lost_acknowledgements == 0
