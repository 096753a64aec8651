"""The wire to brokers far away: all of it arrives, in order, later; clients stay on it."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from infra.local.ports import HOST, pick_free
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.latency import BrokersFarAway, LatencyProxy

TIMEOUT_S = 20
DELAY_S = 0.1


class Echo:
    """A server that sends back what it is sent, and ends a connection when its client does."""

    def __init__(self) -> None:
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client:
            try:
                while data := client.recv(4096):
                    client.sendall(data)
            except OSError:
                return  # broken by the client

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[LatencyProxy]:
    with LatencyProxy({pick_free().http: echo.port}) as proxy:
        yield proxy


def connected(proxy: LatencyProxy) -> socket.socket:
    return socket.create_connection((HOST, next(iter(proxy._ports))), TIMEOUT_S)


def all_of(client: socket.socket) -> bytes:
    """What arrives until the other side ends."""
    with client.makefile("rb") as answer:
        return answer.read()


def send_and_end(client: socket.socket, data: bytes) -> None:
    client.sendall(data)
    client.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("most_s", [0.0, 0.02])
def test_everything_arrives_in_order_whatever_the_delays(proxy, most_s):
    proxy.set_delay(0.0, most_s)
    sent = random.Random(5).randbytes(1_000_000)
    with connected(proxy) as client:
        sender = threading.Thread(target=send_and_end, args=(client, sent))
        sender.start()
        assert all_of(client) == sent
        sender.join()


def test_a_way_there_and_back_takes_at_least_two_delays(proxy):
    proxy.set_delay(DELAY_S, DELAY_S)
    with connected(proxy) as client:
        begun_s = time.monotonic()
        client.sendall(b"there and back")
        assert client.recv(100) == b"there and back"
        assert time.monotonic() - begun_s >= 2 * DELAY_S
    assert proxy.delayed_chunks >= 2


def test_a_new_delay_holds_for_open_connections(proxy):
    with connected(proxy) as client:
        client.sendall(b"at once")
        assert client.recv(100) == b"at once"
        assert proxy.delayed_chunks == 0
        proxy.set_delay(DELAY_S, 2 * DELAY_S)
        begun_s = time.monotonic()
        client.sendall(b"later")
        assert client.recv(100) == b"later"
        assert time.monotonic() - begun_s >= 2 * DELAY_S


def test_a_delay_is_a_long_wire_and_not_a_narrow_one(proxy):
    proxy.set_delay(DELAY_S, DELAY_S)
    sent = bytes(5_000_000)
    with connected(proxy) as client:
        begun_s = time.monotonic()
        sender = threading.Thread(target=send_and_end, args=(client, sent))
        sender.start()
        assert all_of(client) == sent
        sender.join()
        assert time.monotonic() - begun_s < len(sent) / 65536 * DELAY_S  # as long as chunks one by one take


def test_many_connections_go_side_by_side(proxy):
    proxy.set_delay(0.0, 0.05)
    clients = [connected(proxy) for _ in range(60)]
    for number, client in enumerate(clients):
        send_and_end(client, b"client %d" % number)
    for number, client in enumerate(clients):
        assert all_of(client) == b"client %d" % number
        client.close()
    assert proxy.connections == 60


def test_a_dead_target_is_a_closed_connection_and_the_next_one_may_live(proxy, echo):
    alone = pick_free()
    with LatencyProxy({alone.http: alone.clickhouse}) as nowhere:
        with connected(nowhere) as client:
            assert client.recv(100) == b""
        with socket.create_server((HOST, alone.clickhouse)) as late, connected(nowhere) as client:
            server, _ = late.accept()
            with server:
                server.sendall(b"here now")
                assert client.recv(100) == b"here now"


def test_a_side_that_breaks_breaks_the_other():
    ports = pick_free()
    with socket.create_server((HOST, ports.clickhouse)) as listener:
        with LatencyProxy({ports.http: ports.clickhouse}) as proxy, connected(proxy) as client:
            server, _ = listener.accept()
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            server.close()  # a reset, as of a process that was killed with bytes unread
            assert client.recv(100) == b""


def test_closing_ends_every_connection_and_the_thread(echo):
    threads = threading.active_count()
    with LatencyProxy({pick_free().http: echo.port}) as proxy:
        proxy.set_delay(5.0, 5.0)
        client = connected(proxy)
        client.sendall(b"on its way")
        assert wait_until(lambda: proxy.delayed_chunks > 0, TIMEOUT_S)
    with client:
        assert client.recv(100) == b""
    assert wait_until(lambda: threading.active_count() <= threads, TIMEOUT_S)


@pytest.fixture(scope="module")
def topic(stack: Stack) -> str:
    admin = KafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    admin.create_topics({"far-away": {"num_partitions": 3, "replication_factor": 3}})
    admin.wait_for_topics(["far-away"], timeout_ms=5000)
    admin.close()
    return "far-away"


def known_ports(client: KafkaConsumer | KafkaProducer) -> set[int]:
    """Those of the brokers, as the client was told."""
    cluster = getattr(client, "_metadata", None) or client._client.cluster
    return {broker.port for broker in cluster.brokers()}


def test_stock_clients_work_far_away_and_never_go_past_the_proxies(stack, topic):
    with BrokersFarAway(stack) as far:
        far.set_delay(0.02, 0.06)
        producer = KafkaProducer(bootstrap_servers=far.bootstrap_servers, acks="all")
        consumer = KafkaConsumer(topic, bootstrap_servers=far.bootstrap_servers, group_id="far-away",
                                 auto_offset_reset="earliest")  # fmt: skip
        begun_s = time.monotonic()
        producer.send(topic, b"first", partition=0).get(TIMEOUT_S)
        assert time.monotonic() - begun_s >= 2 * 0.02
        for number in range(30):
            producer.send(topic, b"%d" % number, partition=number % 3)
        producer.flush(TIMEOUT_S)
        found: list[bytes] = []

        def all_found() -> bool:
            found.extend(each.value for records in consumer.poll(200).values() for each in records)
            return len(found) == 31

        assert wait_until(all_found, TIMEOUT_S)
        consumer.commit()
        assert consumer.committed(TopicPartition(topic, 0)) == 11
        assert known_ports(producer) == known_ports(consumer) == set(stack.proxied_ports)
        consumer.close()
        producer.close()


def test_other_clients_and_the_brokers_go_on_without_proxies(stack):
    admin = KafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    told = {broker["port"] for broker in admin.describe_cluster()["brokers"]}
    admin.close()
    assert told == set(stack.ports.brokers)
