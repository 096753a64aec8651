"""The whole slice over SASL_SSL with an own authority and no more rights than needed, and every way to be refused."""

from __future__ import annotations

import gc
import itertools
import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from infra.local.distribution import Distribution
from infra.local.ports import pick_free
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from tests.support.certificates import Certificates
from tests.support.commands import ROOT, Commands, Ended, ended
from tests.support.secure_broker import PASSWORDS, PLAIN_USER, SecureBroker
from tests.support.sink_process import SinkProcess

pytestmark = pytest.mark.timeout(180)
CONNECT_S = 4.0
AT_ONCE = 3
REFUSED_S = 20.0  # each of a few at once: start of Python, a whole connect timeout, and a busy machine
NUMBERS = itertools.count(1)
RIGHTS: dict[str, dict[str, tuple[str, ...]]] = {
    "topics": {"topic": ("CREATE", "DESCRIBE"), "dead": ("CREATE", "DESCRIBE")},
    "producer": {"topic": ("WRITE",)},
    "sink": {"topic": ("READ",), "dead": ("WRITE",), "group": ("READ",), "selftest": ("READ",)},
    "audit": {"topic": ("READ",), "dead": ("READ",), "group": ("DESCRIBE",)},
    "status": {"topic": ("DESCRIBE",), "group": ("DESCRIBE",)},
    "letters": {"dead": ("READ",)},
    "api": {"topic": ("DESCRIBE",), "dead": ("READ",), "group": ("DESCRIBE",)},
    "adopt": {"topic": ("READ",), "dead": ("READ",), "group": ("READ",)},
}
"""What each command needs; docs/operations.md says the same. READ and WRITE bring DESCRIBE."""


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
        command = [sys.executable, "-m", "consumer", "sink", "collatz"]
        environment = self.commands.environment | {"PYTHONPATH": str(ROOT)}
        self.sinks.append(SinkProcess(command, environment, log))
        return self.sinks[-1]

    def make(self) -> None:
        """Topics, by the administrator, and the table."""
        plain = {"BOOTSTRAP_SERVERS": self.broker.address, "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}
        kept = {k: v for k, v in self.commands.environment.items() if not k.startswith(("KAFKA_S", "BOOT"))}
        saved, self.commands.environment = self.commands.environment, kept | plain
        self.run("common.topics", "collatz")
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
def make_slice(stack: Stack, broker: SecureBroker) -> Iterator:
    """Slices with names of their own; their sinks are ended."""
    slices: list[Slice] = []

    def make(**environment: str) -> Slice:
        slices.append(Slice(stack, broker, f"secure{next(NUMBERS)}", **environment))
        return slices[-1]

    yield make
    for each in slices:
        for sink in each.sinks:
            sink.kill()


def whole_slice(each: Slice, last: int) -> None:
    each.run("common.topics", "collatz")
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


def test_a_shorter_slice_by_plain(broker, make_slice):
    each = make_slice(**broker.environment(broker.sasl, PLAIN_USER, "PLAIN"))
    each.allow(PLAIN_USER, *RIGHTS)
    whole_slice(each, 20)


def test_a_client_certificate_is_a_login_too(broker, certificates, make_slice):
    each = make_slice(
        BOOTSTRAP_SERVERS=broker.mutual,
        KAFKA_SECURITY_PROTOCOL="SSL",
        KAFKA_SSL_CAFILE=str(certificates.ca),
        KAFKA_SSL_CERTFILE=str(certificates.client),
        KAFKA_SSL_KEYFILE=str(certificates.client),
        REPLICATION_FACTOR="1",
        MIN_INSYNC_REPLICAS="1",
    )
    each.allow("client", "topics", "producer")
    each.run("common.topics", "collatz")
    each.produce(1, 10)


REFUSED: dict[str, tuple[str | dict[str, str], str]] = {
    "wrong password": ({"KAFKA_SASL_PASSWORD": "guess-me-not"}, "KAFKA_SASL_MECHANISM"),
    "unknown user": ({"KAFKA_SASL_USERNAME": "mallory"}, "KAFKA_SASL_MECHANISM"),
    "mechanism off": ({"KAFKA_SASL_MECHANISM": "SCRAM-SHA-256"}, "KAFKA_SASL_MECHANISM"),
    "wrong CA": ({"KAFKA_SSL_CAFILE": "{other_ca}"}, "KAFKA_SSL_CAFILE"),
    "no CA": ({"KAFKA_SSL_CAFILE": ""}, "KAFKA_SSL_CAFILE"),
    "a CA file that is none": ({"KAFKA_SSL_CAFILE": "{password}"}, "KAFKA_SSL_CAFILE"),
    "wrong host name": ({"BOOTSTRAP_SERVERS": "{misnamed}"}, "names another host: use the name"),
    "plain to TLS": ("PLAINTEXT {sasl}", "KAFKA_SECURITY_PROTOCOL"),
    "TLS to plain": ({"BOOTSTRAP_SERVERS": "{address}"}, "does not speak SASL_SSL|KAFKA_SECURITY_PROTOCOL"),
    "a login where none is taken": ("SASL_PLAINTEXT {address}", "takes no login|KAFKA_SECURITY_PROTOCOL"),
    "no client certificate": ("SSL {mutual}", "set KAFKA_SSL_CERTFILE"),
    "no right on the topic": ({"KAFKA_SASL_USERNAME": "carol"}, "deny .*|grant a right"),
}


def refused_settings(
    broker: SecureBroker, certificates: Certificates, change: str | dict[str, str]
) -> dict[str, str]:
    """The settings of one case: alice's, changed; or a protocol and an address, with no more than they need."""
    in_time = {"KAFKA_CONNECT_TIMEOUT_S": f"{CONNECT_S:g}"}
    if isinstance(change, dict):
        settings = broker.environment(broker.sasl) | in_time | change
        return (
            settings | {"KAFKA_SASL_PASSWORD": PASSWORDS["carol"]} if "carol" in change.values() else settings
        )
    protocol, _, at = change.partition(" ")
    settings = in_time | {"BOOTSTRAP_SERVERS": at, "KAFKA_SECURITY_PROTOCOL": protocol}
    if protocol == "SSL":
        settings["KAFKA_SSL_CAFILE"] = str(certificates.ca)
    if protocol.startswith("SASL"):
        login = broker.environment(at).items()
        settings |= {name: value for name, value in login if name.startswith("KAFKA_SASL")}
    return settings


@pytest.fixture(scope="module")
def refusals(
    stack: Stack, broker: SecureBroker, certificates: Certificates
) -> dict[str, tuple[float, Ended]]:
    """What `producer` does in each case of REFUSED, and how long it took; a few at once."""
    (broker.folder / "not-a-ca").write_text("nothing\n")
    places = {
        "sasl": broker.sasl,
        "address": broker.address,
        "misnamed": broker.misnamed,
        "mutual": broker.mutual,
        "other_ca": certificates.other_ca,
        "password": broker.folder / "not-a-ca",
    }
    commands, cases = Commands(stack), iter(REFUSED)
    ends: dict[str, tuple[float, Ended]] = {}
    while few := list(itertools.islice(cases, AT_ONCE)):
        start_s, processes = time.monotonic(), {}
        for case in few:
            settings = refused_settings(broker, certificates, REFUSED[case][0])
            settings = {name: value.format(**places) for name, value in settings.items()}
            processes[case] = commands.start("producer", "collatz", "--events", "5", **settings)
        for case, process in processes.items():
            with process:
                done = ended(process)
            ends[case] = time.monotonic() - start_s, done
    return ends


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_one_line_that_says_where_and_what_to_do(refusals, case):
    took_s, done = refusals[case]
    assert done.exit_code == 1, done
    (line,) = [line for line in done.said.splitlines() if not line.startswith("sent")]
    assert all(part in line or re.search(part, line) for part in REFUSED[case][1].split("|")), line
    assert not any(password in done.said for password in (*PASSWORDS.values(), "guess-me-not"))
    assert took_s < REFUSED_S


DENIED = {
    "the topic": ("topic", "WRITE", "consumer sink", r"deny .*{name}"),
    "the dead-letter topic's sight": (
        "dead",
        "",
        "consumer sink",
        r"missing.*: {name}\.dead\..*grant DESCRIBE",
    ),
    "the group": ("group", "", "consumer sink", r"deny .*{name}-sink"),
    "the self-test group": ("selftest", "", "consumer sink", r"deny .*penstock-selftest"),
}


@pytest.mark.parametrize("case", DENIED)
def test_a_sink_without_a_right_says_which_at_its_start(broker, make_slice, case):
    without, instead, command, says = DENIED[case]
    user = f"{case}-user".replace("'", "").replace(" ", "-")
    broker.add_user(user)
    each = make_slice(**broker.environment(broker.sasl, user))
    each.make()
    for resource, operations in RIGHTS["sink"].items():
        if resource != without:
            broker.allow(user, each.resources[resource], *operations)
        elif instead:
            broker.allow(user, each.resources[resource], instead)
    start_s = time.monotonic()
    done = each.commands.run(*command.split(), "collatz")
    assert done.exit_code == 1, done
    assert "Traceback" not in done.said
    (line,) = [line for line in done.said.splitlines() if not line.startswith("{")]  # the log is JSON
    assert re.search(says.format(name=each.name), line), line
    assert time.monotonic() - start_s < REFUSED_S


@pytest.mark.parametrize("resource", ["topic", "group"])
def test_a_right_taken_while_a_sink_runs_is_told_and_given_back_it_goes_on(broker, make_slice, resource):
    each = make_slice(**broker.environment(broker.sasl))
    each.make()
    each.allow("alice", "producer", "sink", "audit")
    sink = each.sink()
    each.produce(1, 20)
    assert each.audit()["messages"] == 20
    broker.forbid("alice", each.resources[resource], "READ")
    each.produce(21, 40)
    assert wait_until(lambda: sink.has_said("permission denied, retrying until it is granted"), 30), (
        sink.log_text()
    )
    assert sink.is_running
    assert sink.log_text().count("permission denied, retrying") == 1
    broker.allow("alice", each.resources[resource], "READ")
    totals = each.audit()
    assert (totals["messages"], totals["missing"], totals["repeated"]) == (40, 0, 0)
    assert sink.stop() == 0, sink.log_text()


def test_a_dead_letter_that_is_denied_parks_the_feed_until_the_right_is_there(broker, make_slice):
    broker.add_user("dora")
    each = make_slice(**broker.environment(broker.sasl, "dora"), PARK_RETRY_S="1")
    each.make()
    each.allow("dora", "sink", "producer", "audit")
    broker.forbid("dora", each.resources["dead"], "WRITE")
    sink = each.sink()
    broker.send(each.name, b"no JSON")
    assert wait_until(lambda: sink.has_said("a feed is parked"), 30), sink.log_text()
    assert f"{each.name}.dead does not take a message" in sink.log_text()
    broker.allow("dora", each.resources["dead"], "WRITE")
    totals = each.audit()
    assert (totals["dead"], totals["missing"]) == (1, 0)
    assert sink.stop() == 0, sink.log_text()


def test_the_api_says_which_right_it_lacks_and_goes_on_when_it_is_there(broker, make_slice):
    broker.add_user("erin")
    each = make_slice(**broker.environment(broker.sasl, "erin"))
    each.make()
    each.allow("erin", "sink", "producer")
    sink = each.sink()
    each.produce(1, 30)
    broker.send(each.name, b"no JSON")
    assert wait_until(lambda: sink.has_said("messages go to the dead-letter topic"), 30), sink.log_text()
    assert sink.stop() == 0, sink.log_text()

    for resource, operations in (RIGHTS["sink"] | RIGHTS["producer"]).items():
        broker.forbid("erin", each.resources[resource], *operations)
    each.allow("erin", "api", "letters")
    assert f"{each.name}.dead" in "\n".join(each.run("consumer", "letters", "collatz").lines)
    with api_of(each) as url:
        assert wait_until(lambda: "DESCRIBE" in kafka_at(url), 30), kafka_at(url)
        broker.allow("erin", "topic:*", "DESCRIBE")
        broker.allow("erin", "group:*", "DESCRIBE")
        assert wait_until(lambda: collatz_at(url)["lag"] == 0, 30), collatz_at(url)
        assert [each["letters"] for each in collatz_at(url)["dead"]] == [1]


def kafka_at(url: str) -> str:
    """What the api says of Kafka."""
    said: str = requests.get(f"{url}/streams", timeout=10).json()["kafka"]["detail"]
    return said


def collatz_at(url: str) -> dict[str, Any]:
    """What the api says of the stream."""
    streams = requests.get(f"{url}/streams", timeout=10).json()["streams"]
    found: dict[str, Any] = next(stream for stream in streams if stream["name"] == "collatz")
    return found


@contextmanager
def api_of(each: Slice) -> Iterator[str]:
    """An api with the rights of the slice; its address."""
    port = pick_free().clickhouse
    environment = each.commands.environment | {"PYTHONPATH": str(ROOT), "HTTP_PORT": str(port)}
    api = SinkProcess([sys.executable, "-m", "api"], environment, each.folder / "api.log")
    url = f"http://127.0.0.1:{port}"
    try:
        assert wait_until(lambda: answers(url), 60), api.log_text()
        yield url
    finally:
        api.kill()


def answers(url: str) -> bool:
    """Whether somebody answers there."""
    try:
        return requests.get(f"{url}/health", timeout=5).ok
    except requests.RequestException:
        return False
