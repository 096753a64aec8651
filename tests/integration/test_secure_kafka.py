"""The whole slice over SASL_SSL with an own authority and no more rights than needed, and every way to be refused."""

from __future__ import annotations

import gc
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.distribution import Distribution
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.integration.certificates import Certificates
from tests.integration.commands import ROOT, Commands, Ended
from tests.integration.secure_broker import PASSWORDS, PLAIN_USER, SecureBroker
from tests.integration.sink_process import SinkProcess

pytestmark = pytest.mark.timeout(180)
CONNECT_S = 4.0
START_S = 8.0  # Python, imports and one attempt of three seconds, on a busy machine
RIGHTS = {
    "topics": {"topic": ("CREATE", "DESCRIBE"), "dead": ("CREATE", "DESCRIBE")},
    "producer": {"topic": ("WRITE",)},
    "sink": {"topic": ("READ",), "dead": ("WRITE",), "group": ("READ",), "selftest": ("READ",)},
    "audit": {"topic": ("READ",), "dead": ("READ",), "group": ("DESCRIBE",)},
    "status": {"topic": ("DESCRIBE",), "group": ("DESCRIBE",)},
    "adopt": {"topic": ("READ",), "dead": ("READ",), "group": ("READ",)},
}
"""What each command needs; the README's table says the same. READ and WRITE bring DESCRIBE."""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates") / "pem")


@pytest.fixture(scope="module")
def broker(
    tmp_path_factory: pytest.TempPathFactory, kafka_cache: Path, stack: Stack, certificates: Certificates
) -> Iterator[SecureBroker]:
    broker = SecureBroker(tmp_path_factory.mktemp("secure"), Distribution(kafka_cache), certificates)
    try:
        broker.start()
        broker.add_users()
        yield broker
        broker.admin.close()
    finally:
        broker.kill()
        gc.collect()


class Slice:
    """A topic, its table and its group of one test, and commands that may do only what RIGHTS gives them."""

    def __init__(self, stack: Stack, broker: SecureBroker, name: str, **environment: str) -> None:
        self.broker, self.name = broker, name
        self.resources = {
            "topic": f"topic:{name}",
            "dead": f"topic:{name}.dead",
            "group": f"group:{name}-sink",
            "selftest": "group:penstock-selftest",
        }
        self.folder = broker.folder / name
        self.folder.mkdir()
        self.environment = {
            "KAFKA_TOPIC_NAME": name,
            "CLICKHOUSE_TABLE": name,
            "KAFKA_GROUP_ID": name,
            "PARTITIONS": "2",
            "BATCH_AGE_S": "0.1",
            "KAFKA_SESSION_TIMEOUT_S": "6",
            "KAFKA_REQUEST_TIMEOUT_S": "3",
            "KAFKA_CONNECT_TIMEOUT_S": "10",
            "LOG_FORMAT": "json",
        } | environment
        self.commands = Commands(stack, **self.environment)
        self.sinks: list[SinkProcess] = []

    def allow(self, user: str, *commands: str) -> None:
        """Give a user the rights of commands."""
        for command in commands:
            for resource, operations in RIGHTS[command].items():
                self.broker.allow(user, self.resources[resource], *operations)

    def run(self, *arguments: str) -> Ended:
        """Run a command that has to succeed."""
        done = self.commands.run(*arguments)
        assert done.exit_code == 0, (arguments, done)
        return done

    def sink(self) -> SinkProcess:
        """Start a sink."""
        log = self.folder / f"sink{len(self.sinks)}.log"
        command = [os.sys.executable, "-m", "consumer", "sink", "collatz"]  # type: ignore[attr-defined]
        environment = self.commands.environment | {"PYTHONPATH": str(ROOT)}
        self.sinks.append(SinkProcess(command, environment, log))
        return self.sinks[-1]

    def make(self) -> None:
        """Topics, by the administrator, and the table."""
        plain = {"BOOTSTRAP_SERVERS": self.broker.address, "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}
        kept = {k: v for k, v in self.commands.environment.items() if not k.startswith(("KAFKA_S", "BOOT"))}
        saved, self.commands.environment = self.commands.environment, kept | plain
        self.run("common.topics")
        self.commands.environment = saved
        self.run("consumer", "migrate", "collatz")

    def produce(self, first: int, last: int) -> None:
        """Send the walks of first..last."""
        done = self.run("producer", "collatz", "--from", str(first), "--to", str(last))
        count = last - first + 1
        assert f"sent {count:,}, acknowledged {count:,}" in done.lines[-1]

    def audit(self) -> dict[str, int]:
        """The totals, once nothing lags."""
        done = self.run("consumer", "audit", "collatz", "--json", "--wait", "40")
        totals: dict[str, int] = json.loads(done.lines[0])["streams"]["collatz"]
        return totals


@pytest.fixture
def make_slice(stack: Stack, broker: SecureBroker, request: pytest.FixtureRequest) -> Iterator:
    """A Slice named after the test; its sinks are ended."""
    slices: list[Slice] = []

    def make(**environment: str) -> Slice:
        slices.append(
            Slice(stack, broker, request.node.name[:60].replace("[", "-").strip("]"), **environment)
        )
        return slices[-1]

    yield make
    for each in slices:
        for sink in each.sinks:
            sink.kill()


def whole_slice(each: Slice, last: int) -> None:
    each.run("common.topics")
    each.run("consumer", "migrate", "collatz")
    each.produce(1, last)
    sink = each.sink()
    totals = each.audit()
    assert (totals["messages"], totals["missing"], totals["repeated"], totals["lag"]) == (last, 0, 0, 0)
    assert "1 sink" in each.run("consumer", "status", "collatz").lines[-1]
    assert sink.stop() == 0, sink.log_text()
    assert "nothing to do" in each.run("consumer", "adopt", "collatz", "--yes").lines[-1]


def test_the_whole_slice_by_scram_with_the_least_rights_and_the_password_in_a_file(broker, make_slice):
    settings = broker.environment(broker.sasl)
    password = broker.folder / "password"
    password.write_text(settings.pop("KAFKA_SASL_PASSWORD") + "\n")
    each = make_slice(**settings, KAFKA_SASL_PASSWORD_FILE=str(password))
    each.allow("alice", *RIGHTS)
    whole_slice(each, 300)
