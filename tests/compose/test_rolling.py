"""What Kubernetes does to our services, done to containers of Compose.

They are replaced one at a time, under load; and the servers stand still for longer than a liveness probe would bear.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import requests

from tests.compose.conftest import DURATIONS
from tests.compose.project import UP_TIMEOUT_S, Project, await_, entered, pause

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

MEMBERS = {"consumer": 3, "transformer": 3}
PRODUCERS = 1
TABLES = {"data_series": "conjecture.data → table", "shadow": "dominate → shadow → table"}
"""Two whose partitions all get events all the time: one past the transformer, one through it."""
PARTITIONS = 4
PROBED = ("producer", "transformer", "consumer", "auditor", "api")
LONGEST_SILENCE_S = 10.0
STOP_S = 30  # terminationGracePeriodSeconds
SETTLED_S = 10  # minReadySeconds
LOOK_S = 0.5
READY_S = 240
OUTAGE_S = 75  # longer than a main loop may be silent (KAFKA_MAX_POLL_INTERVAL_S)
LIVENESS_FAILURES = 6  # failureThreshold
READY_PORT = 9100
PROBE_TIMEOUT_S = 5  # timeoutSeconds


@pytest.fixture(scope="module")
def stack(engine, v2, images, project_name):
    project = Project(engine, v2, f"{project_name}-rolling", images)
    project.down()
    try:
        scales = [f"--scale={name}={number}" for name, number in {"producer": PRODUCERS, **MEMBERS}.items()]
        project.do("up", "-d", *scales, *PROBED, timeout_s=UP_TIMEOUT_S)
        for service, number in MEMBERS.items():
            await_ready(project, service, number)
        await_(lambda: set(TABLES) <= set(advanced(project)), 120, "rows in every partition", project.tell)
        yield project
    finally:
        project.down()


def ends(stack: Project, table: str, known: Mapping[str, int] = {}) -> dict[str, int]:
    """Partition → the offset of its last row. What is known is not read again: looking should cost next to nothing."""
    sql = f"SELECT _tp, max(_off) FROM {table} GROUP BY _tp"
    if len(known) == PARTITIONS:
        sql = " UNION ALL ".join(
            f"SELECT {partition}, max(_off) FROM {table} WHERE _tp = {partition} AND _off >= {end}"
            for partition, end in known.items()
        )
    rows = stack.query(sql).split()
    return dict(zip(rows[::2], map(int, rows[1::2]), strict=True))


def advanced(stack: Project) -> list[str]:
    """The tables that have rows of each partition."""
    return [table for table in TABLES if len(ends(stack, table)) == PARTITIONS]


class Silence(threading.Thread):
    """Looks, until it is told to stop, how long each partition of a table goes without a new row."""

    def __init__(self, stack: Project, table: str) -> None:
        super().__init__(name=f"silence of {table}")
        self._stack, self._table, self._done = stack, table, threading.Event()
        self.longest_s: dict[str, tuple[float, str]] = {}
        """Partition → its longest silence, and when that began (UTC)."""

    def run(self) -> None:
        last: dict[str, tuple[int, float]] = {}
        while not self._done.wait(LOOK_S):
            try:
                found = ends(self._stack, self._table, {name: end for name, (end, _) in last.items()})
            except OSError:
                continue
            now_s = time.monotonic()
            for partition, end in found.items():
                before, since_s = last.setdefault(partition, (end, now_s))
                silent_s = now_s - since_s
                began = f"{datetime.now(UTC) - timedelta(seconds=silent_s):%H:%M:%S}"
                self.longest_s[partition] = max(self.longest_s.get(partition, (0.0, "")), (silent_s, began))
                if end > before:
                    last[partition] = end, now_s

    def stop(self) -> dict[str, tuple[float, str]]:
        """What was heard of each partition."""
        self._done.set()
        self.join()
        assert len(self.longest_s) == PARTITIONS
        return self.longest_s


@contextmanager
def listened_to(stack: Project, what: str) -> Iterator[dict[str, tuple[float, str]]]:
    """Table and partition → the longest silence and when it began, filled in at the end."""
    listeners = {table: Silence(stack, table) for table in TABLES}
    silences: dict[str, tuple[float, str]] = {}
    for listener in listeners.values():
        listener.start()
    try:
        yield silences
    finally:
        for table, listener in listeners.items():
            heard = {f"{table} {partition}": silence for partition, silence in listener.stop().items()}
            DURATIONS[f"{what}, silence of {table}"] = max(heard.values())[0]
            silences |= heard


def is_ready(container) -> bool:
    """What a readiness probe, which asks from the node, would say."""
    (network,) = container.attrs["NetworkSettings"]["Networks"].values()
    try:
        answer = requests.get(f"http://{network['IPAddress']}:{READY_PORT}/ready", timeout=PROBE_TIMEOUT_S)
    except requests.RequestException:
        return False
    return answer.status_code == 200


def scale(stack: Project, service: str, number: int) -> None:
    """Bring up what is missing, and nothing else."""
    scaled = f"{service}={number}"
    stack.do("up", "-d", "--no-deps", "--no-recreate", "--scale", scaled, service)


def await_ready(stack: Project, service: str, number: int) -> None:
    """Wait until as many are ready, and still are after a while."""

    def are_ready() -> bool:
        boxes = stack.containers(service)
        return len(boxes) == number and all(map(is_ready, boxes))

    await_(are_ready, READY_S, f"{number} of {service} ready", stack.tell)
    time.sleep(SETTLED_S)  # minReadySeconds is a time
    await_(are_ready, READY_S, f"{number} of {service} ready", stack.tell)


def take_away(container) -> None:
    """Stop and remove it as Kubernetes does: it must end by itself."""
    container.stop(timeout=STOP_S)
    container.reload()
    assert container.attrs["State"]["ExitCode"] == 0, container.logs(tail=20).decode()
    container.remove()


def old_one_first(stack: Project, service: str, victim) -> None:
    """maxSurge 0, maxUnavailable 1: fewer for a while."""
    take_away(victim)
    scale(stack, service, MEMBERS[service])
    await_ready(stack, service, MEMBERS[service])


def new_one_first(stack: Project, service: str, victim) -> None:
    """maxSurge 1, maxUnavailable 0: more for a while."""
    scale(stack, service, MEMBERS[service] + 1)
    await_ready(stack, service, MEMBERS[service] + 1)
    take_away(victim)
    await_ready(stack, service, MEMBERS[service])


@pytest.mark.parametrize("order", [new_one_first, old_one_first], ids=lambda order: order.__name__)
def test_members_are_replaced_one_at_a_time(stack, order: Callable[..., None]):
    victims = {service: stack.containers(service) for service in MEMBERS}
    with listened_to(stack, order.__name__) as silences:
        for each in zip(*victims.values(), strict=True):
            for service, victim in zip(victims, each, strict=True):
                order(stack, service, victim)
    for service, old in victims.items():
        assert not {box.id for box in old} & {box.id for box in stack.containers(service)}
    report = stack.audit()
    assert (report["missing"], report["repeated"]) == (0, 0), report
    assert max(silences.values())[0] <= LONGEST_SILENCE_S, silences


def is_alive(container) -> bool:
    """What a liveness probe makes of it: dead after as many failures in a row."""
    probe = ["sh", "-c", "exec python -m common.probe $HTTP_PORT"]
    return any(container.exec_run(probe).exit_code == 0 for _ in range(LIVENESS_FAILURES))


def test_nobody_counts_as_dead_while_the_servers_stand_still(stack):
    servers = [stack.container(name) for name in ("clickhouse-server", "kafka-1", "kafka-2", "kafka-3")]
    for server in servers:
        pause(server)
    try:
        time.sleep(OUTAGE_S)  # the outage is what is tried
        alive = {box.name: is_alive(box) for service in PROBED for box in stack.containers(service)}
    finally:
        for server in servers:
            server.unpause()
    assert len(alive) == PRODUCERS + sum(MEMBERS.values()) + 2
    assert all(alive.values()), f"{alive}\n{stack.tell()}"
    stack.await_more_rows()
    for service in PROBED:
        assert all(box.attrs["RestartCount"] == 0 for box in stack.containers(service)), service


def test_nothing_is_missing_or_repeated_after_all_that(stack):
    stack.do("stop", "producer")
    report = stack.audit("--wait", "180")
    sent, acknowledged, failed = stack.produced()
    assert (report["missing"], report["repeated"], report["exit_code"]) == (0, 0, 0), report
    assert acknowledged <= entered(report) <= sent
    assert failed or entered(report) == acknowledged
