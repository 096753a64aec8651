"""The stack without Docker keeps what it promises: real servers that come back, and no process left behind."""

from __future__ import annotations

import fcntl
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clickhouse_driver import Client
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from common.errors import SettingError
from infra.local.errors import StackFailed
from infra.local.probes import brokers_seen_by
from infra.local.settings import (
    CACHE,
    CLICKHOUSE_PORT,
    CONTROLLER_PORTS,
    HTTP_PORT,
    KAFKA_PORTS,
    REPOSITORY,
    Ports,
)
from infra.local.stack import Stack
from infra.local.waiting import wait_until

ALL_BROKERS = frozenset({1, 2, 3})
FAST = {"request_timeout_ms": 5000, "retry_backoff_ms": 50, "reconnect_backoff_max_ms": 500}


@pytest.fixture(scope="module")
def topic(stack: Stack) -> str:
    admin = KafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    admin.create_topics({"stack-test": {"num_partitions": 3, "replication_factor": 3}})
    admin.wait_for_topics(["stack-test"], timeout_ms=5000)
    admin.close()
    return "stack-test"


@pytest.fixture
def clickhouse(stack: Stack) -> Iterator[Client]:
    client = Client(stack.clickhouse_host, port=stack.clickhouse_port)
    yield client
    client.disconnect()


def send(stack: Stack, topic: str, texts: list[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=stack.bootstrap_servers, acks="all", **FAST)
    sent = [producer.send(topic, text) for text in texts]
    producer.flush(30)
    assert all(future.succeeded() for future in sent)
    producer.close()


def received(stack: Stack, topic: str) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=stack.bootstrap_servers, **FAST)
    partitions = [TopicPartition(topic, number) for number in range(3)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    ends = consumer.end_offsets(partitions)
    found: list[bytes] = []

    def complete() -> bool:
        for records in consumer.poll(timeout_ms=500).values():
            found.extend(record.value for record in records)
        return all(consumer.position(partition) >= end for partition, end in ends.items())

    assert wait_until(complete, timeout_s=20)
    consumer.close()
    return sorted(found)


def test_three_brokers_answer_and_count_each_other(stack):
    assert [brokers_seen_by(broker.port) for broker in stack.brokers] == [ALL_BROKERS] * 3
    assert [server.state for server in stack.status()] == ["ready"] * 4


def test_a_topic_has_three_replicas(stack, topic):
    admin = KafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    (found,) = admin.describe_topics([topic])
    admin.close()
    assert [set(partition["replica_nodes"]) for partition in found["partitions"]] == [ALL_BROKERS] * 3


def test_a_broker_that_was_killed_comes_back_with_its_data(stack, topic):
    before = received(stack, topic)
    send(stack, topic, [b"before"])
    broker = stack.broker(2)
    broker.kill()
    assert broker.pid is None
    send(stack, topic, [b"while away"])
    broker.start()
    assert wait_until(lambda: all(one.sees(ALL_BROKERS) for one in stack.brokers), timeout_s=20)
    assert received(stack, topic) == sorted([*before, b"before", b"while away"])


def test_a_frozen_broker_is_missed_and_taken_back(stack):
    broker = stack.broker(3)
    broker.freeze()
    try:
        others = frozenset({1, 2})
        assert wait_until(lambda: brokers_seen_by(stack.broker(1).port) == others, timeout_s=10)
    finally:
        broker.thaw()
    assert wait_until(lambda: all(one.sees(ALL_BROKERS) for one in stack.brokers), timeout_s=20)


def test_clickhouse_survives_being_killed(stack, clickhouse):
    clickhouse.execute("CREATE TABLE kept (number UInt64) ENGINE = MergeTree ORDER BY number")
    clickhouse.execute("INSERT INTO kept VALUES", [(1,), (2,), (3,)])
    stack.clickhouse.kill()
    stack.clickhouse.start()
    clickhouse.disconnect()
    assert clickhouse.execute("SELECT sum(number) FROM kept") == [(6,)]
    clickhouse.execute("DROP TABLE kept SYNC")


def test_clickhouse_stops_cleanly(stack):
    stack.clickhouse.stop()
    assert stack.clickhouse.log_file.read_text().rstrip().endswith("stopped cleanly")
    stack.clickhouse.start()


def test_clickhouse_serves_utc_and_tab_separated(stack, clickhouse):
    assert clickhouse.execute("SELECT timezone()") == [("UTC",)]


def test_a_second_up_adopts_what_runs_and_starts_what_does_not(stack, kafka_cache):
    pids = [service.pid for service in stack.services]
    stack.clickhouse.kill()
    second = Stack(stack.folder, stack.ports, kafka_cache).up()
    assert [broker.pid for broker in second.brokers] == pids[:3]
    assert second.clickhouse.pid not in (None, pids[3])
    assert stack.clickhouse.pid == second.clickhouse.pid


def test_up_on_other_ports_is_refused_while_it_runs(stack, kafka_cache):
    with pytest.raises(StackFailed, match="runs on other ports"):
        Stack(stack.folder, Ports(), kafka_cache).up()


def test_a_port_behind_a_proxy_is_checked_before_a_start_and_the_proxys_own_is_not(tmp_path, kafka_cache):
    servers = Stack.on_free_ports(tmp_path, kafka_cache, proxied=True)
    (at_proxy, behind), *_ = servers.proxied_ports.items()
    with socket.create_server(("127.0.0.1", at_proxy)):
        servers.broker(1).check_ports()
    with socket.create_server(("127.0.0.1", behind)), pytest.raises(SettingError, match=f"^port {behind} "):
        servers.broker(1).check_ports()


def test_the_ports_of_proxies_are_found_again_in_the_folder(stack, kafka_cache):
    assert Stack(stack.folder, cache=kafka_cache).proxied_ports == stack.proxied_ports


class Elsewhere:
    """A stack of its own that `python -m infra.local` is let loose on."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.stack = Stack.on_free_ports(folder, cache)
        self.folder = folder
        self.cache = cache

    def run(self, *arguments: str) -> subprocess.Popen[str]:
        ports = self.stack.ports
        environ = {
            "PATH": "/usr/bin:/bin",
            CACHE: str(self.cache),
            KAFKA_PORTS: ",".join(map(str, ports.brokers)),
            CONTROLLER_PORTS: ",".join(map(str, ports.controllers)),
            CLICKHOUSE_PORT: str(ports.clickhouse),
            HTTP_PORT: str(ports.http),
        }
        line = [sys.executable, "-m", "infra.local", *arguments, "--folder", str(self.folder)]
        return subprocess.Popen(
            line, cwd=REPOSITORY, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def processes(self) -> list[str]:
        """The command lines that name the folder."""
        listed = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True, check=True).stdout
        return [line for line in listed.splitlines() if str(self.folder) in line]


@pytest.fixture
def elsewhere(tmp_path: Path, kafka_cache: Path) -> Iterator[Elsewhere]:
    elsewhere = Elsewhere(tmp_path / "stack", kafka_cache)
    yield elsewhere
    elsewhere.stack.down()
    elsewhere.stack.wipe()


MOMENTS: dict[str, Callable[[Stack], bool]] = {
    "before a server runs": lambda stack: stack.folder.exists(),
    "when the first server runs": lambda stack: stack.broker(1).pid is not None,
    "when all servers run": lambda stack: stack.clickhouse.pid is not None,
    "when ClickHouse is ready": lambda stack: stack.clickhouse.answers(),
}
BY_SIGNAL = pytest.mark.parametrize(
    ("signal_", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)


@BY_SIGNAL
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_interrupted_up_leaves_no_process(stack, elsewhere, moment, signal_, code):
    up = elsewhere.run("up")
    assert wait_until(lambda: MOMENTS[moment](elsewhere.stack), timeout_s=30)
    up.send_signal(signal_)
    said, _ = up.communicate(timeout=20)
    assert elsewhere.processes() == []
    assert up.returncode == code
    assert "Traceback" not in said


@BY_SIGNAL
@pytest.mark.parametrize("command", ["up", "down"])
def test_one_that_waits_for_another_can_be_interrupted(elsewhere, command, signal_, code):
    elsewhere.folder.mkdir()
    with (elsewhere.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = elsewhere.run(command)
        assert waiting.stdout.readline() == "waiting for another `up` or `down` to finish\n"
        waiting.send_signal(signal_)
        said, _ = waiting.communicate(timeout=20)
    assert waiting.returncode == code
    assert "Traceback" not in said


def test_servers_left_by_an_up_that_was_killed_are_adopted(elsewhere):
    up = elsewhere.run("up")
    assert wait_until(lambda: elsewhere.stack.clickhouse.answers(), timeout_s=30)
    up.kill()
    up.communicate()
    left = [service.pid for service in elsewhere.stack.services]
    elsewhere.stack.up()
    assert elsewhere.stack.clickhouse.pid == left[3]
    assert [server.state for server in elsewhere.stack.status()] == ["ready"] * 4
    down = elsewhere.run("down", "--wipe")
    assert "deleted" in down.communicate(timeout=60)[0]
    assert elsewhere.processes() == []
    assert not elsewhere.stack.clickhouse.data.exists()


def test_a_taken_port_is_one_line_that_names_port_and_variable(stack, elsewhere):
    port = elsewhere.stack.ports.clickhouse
    with socket.create_server(("127.0.0.1", port)):
        up = elsewhere.run("up")
        said, _ = up.communicate(timeout=20)
    assert up.returncode == 2
    assert re.fullmatch(rf"error: {CLICKHOUSE_PORT}: port {port} .*", said.splitlines()[-1])
    assert elsewhere.processes() == []


def test_commands_before_any_up_say_that_nothing_runs(elsewhere):
    status = elsewhere.run("status")
    assert status.communicate(timeout=20)[0].count("stopped") == 4
    assert status.returncode == 1
    down = elsewhere.run("down")
    down.communicate(timeout=20)
    assert down.returncode == 0
