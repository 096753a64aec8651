"""A Compose project of our own docker-compose.yml: runs Compose, looks at containers, asks ClickHouse and the audit."""

from __future__ import annotations

import json
import os
import re
import resource
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
PORTS = (
    "KAFKA_1_PORT",
    "KAFKA_2_PORT",
    "KAFKA_3_PORT",
    "CLICKHOUSE_HTTP_PORT",
    "CLICKHOUSE_NATIVE_PORT",
    "KAFKA_UI_PORT",
    "API_PORT",
    "GRAFANA_PORT",
    "METABASE_PORT",
)
SERVICES = (
    "kafka-1",
    "kafka-2",
    "kafka-3",
    "clickhouse-server",
    "producer",
    "transformer",
    "consumer",
    "auditor",
    "api",
    "kafka-ui",
    "grafana",
)
SHARED = {"consumer": "conjecture.data", "transformer": "dominate"}
"""Members of groups, and a topic whose partitions they share."""
ONE_SHOTS = ("check", "topics", "migrate")
METABASE = ("metabase", "metabase-db")
METABASE_SETUP = "metabase-setup"
PROFILE = "metabase"
"""Under which these run."""
LOOK_S = 0.25
UP_TIMEOUT_S = 400
COMMAND_TIMEOUT_S = 180


class Project:
    """`docker-compose` in `folder`, under a project name of its own and on free ports."""

    def __init__(
        self,
        engine: docker.DockerClient,
        program: Path,
        name: str,
        environment: Mapping[str, str],
        folder: Path = INFRA,
    ) -> None:
        self.engine, self.program, self.name, self.folder = engine, program, name, folder
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        nofile = min(262_144, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            **{name: os.environ[name] for name in ("DOCKER_HOST",) if name in os.environ},
            **environment,
            **{name: str(port) for name, port in self.ports.items()},
            "COMPOSE_PROJECT_NAME": name,
            "NOFILE": str(nofile),
        }

    def run(self, *arguments: str, timeout_s: float = COMMAND_TIMEOUT_S) -> subprocess.CompletedProcess[str]:
        """Run Compose to its end."""
        return subprocess.run(
            [self.program, "--env-file", ".env.example", *arguments],  # not the .env of whoever runs this
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def do(self, *arguments: str, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        """Run Compose; it must succeed. Returns what it wrote to stdout."""
        done = self.run(*arguments, timeout_s=timeout_s)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}\n{self.tell()}"
        return done.stdout

    def up(self, *profile: str, **scale: int) -> None:
        """`up -d`, with --scale SERVICE=N for each argument; under a profile, if one is named."""
        scales = [word for service, number in scale.items() for word in ("--scale", f"{service}={number}")]
        profiles = [word for name in profile for word in ("--profile", name)]
        self.do(*profiles, "up", "-d", *scales, timeout_s=UP_TIMEOUT_S)

    def down(self) -> None:
        """`--profile metabase down -v`: nothing of the project is left."""
        self.do("--profile", PROFILE, "down", "-v", "--remove-orphans")

    def containers(self, service: str, *, also_stopped: bool = False) -> list[Any]:
        """The containers of a service, in the order of their names."""
        labels = [f"com.docker.compose.project={self.name}", f"com.docker.compose.service={service}"]
        found = self.engine.containers.list(all=also_stopped, filters={"label": labels})
        return sorted(found, key=lambda container: str(container.name))

    def container(self, service: str) -> Any:
        """The one container of a service, running or not."""
        (container,) = self.containers(service, also_stopped=True)
        return container

    def health(self, service: str) -> list[str]:
        """What the engine says of the health of each running container of a service."""
        return [container.attrs["State"]["Health"]["Status"] for container in self.containers(service)]

    def await_healthy(
        self, timeout_s: float = 240, services: tuple[str, ...] = SERVICES, **numbers: int
    ) -> None:
        """Wait until each service has as many containers as told (default 1), all of them healthy."""
        for service in services:
            wanted = ["healthy"] * numbers.get(service, 1)
            is_healthy = partial(lambda name, like: self.health(name) == like, service, wanted)
            await_(is_healthy, timeout_s, f"{service} healthy", self.tell)

    def rows(self) -> int:
        """Rows in the table, 0 while ClickHouse is away."""
        try:
            return int(self.query("SELECT count() FROM data_series"))
        except OSError:
            return 0

    def await_more_rows(self, timeout_s: float = 120) -> None:
        """Wait until there are more rows than now."""
        await_(lambda: self.rows() > 0, timeout_s, "rows", self.tell)
        before = self.rows()
        await_(lambda: self.rows() > before, timeout_s, f"more than {before} rows", self.tell)

    def query(self, sql: str, user: str = "reader") -> str:
        """Ask ClickHouse from this machine, as one of its users."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['CLICKHOUSE_HTTP_PORT']}/?database=penstock", data=sql.encode()
        )
        request.add_header("X-ClickHouse-User", user)
        request.add_header("X-ClickHouse-Key", self.password(user))
        with urllib.request.urlopen(request, timeout=20) as answer:
            return str(answer.read().decode())

    def password(self, user: str) -> str:
        """Of a user of ClickHouse, as build-all.sh wrote it."""
        return (self.folder / "secrets" / f"clickhouse_{user}_password").read_text()

    def shares(self, service: str = "consumer") -> list[set[str] | None]:
        """The partitions of its SHARED topic that each container has, by the last line that tells; None before."""
        return [share_of(words_of(container), SHARED[service]) for container in self.containers(service)]

    def await_shares(self, sizes: list[int], timeout_s: float = 120, service: str = "consumer") -> None:
        """Wait until all partitions of the topic are shared out, so many to each container (in any order)."""

        def are_shared() -> bool:
            shares = [share for share in self.shares(service) if share is not None]
            return sorted(map(len, shares)) == sorted(sizes) and len(set().union(*shares)) == sum(sizes)

        await_(are_shared, timeout_s, f"shares {sizes}", lambda: f"{self.shares(service)}\n{self.tell()}")

    def audit(self, *arguments: str) -> dict[str, Any]:
        """`audit --json` inside a consumer."""
        done = self.run("exec", "-T", "consumer", "python", "-m", "consumer", "audit", "--json", *arguments)
        assert done.stdout, f"{done.stderr}\n{self.tell()}"
        report: dict[str, Any] = json.loads(done.stdout)
        return report | {"exit_code": done.returncode, "said": done.stderr}

    def produced(self) -> tuple[int, int, int]:
        """Events sent, acknowledged and failed, over every run of every producer that has ended."""
        sums = [0, 0, 0]
        for container in self.containers("producer", also_stopped=True):
            for found in SUMMARY.finditer(container.logs().decode()):
                sums = [
                    so_far + int(count.replace(",", ""))
                    for so_far, count in zip(sums, found.groups(), strict=True)
                ]
        return sums[0], sums[1], sums[2]

    def tell(self) -> str:
        """State and last words of every container, for a failed test."""
        lines = []
        for service in (*ONE_SHOTS, *SERVICES, *METABASE, METABASE_SETUP):
            for container in self.containers(service, also_stopped=True):
                state = container.attrs["State"]
                words = container.logs(tail=6).decode(errors="replace")
                health = state.get("Health", {}).get("Status", "")
                lines.append(f"-- {container.name}: {state['Status']} {state['ExitCode']} {health}\n{words}")
        return "\n".join(lines)

    def left(self) -> list[str]:
        """Containers, networks and volumes that the engine still has of the project."""
        label = {"label": f"com.docker.compose.project={self.name}"}
        return [
            *(str(container.name) for container in self.engine.containers.list(all=True, filters=label)),
            *(str(network.name) for network in self.engine.networks.list(filters=label)),
            *(str(volume.name) for volume in self.engine.volumes.list(filters=label)),
        ]


SUMMARY = re.compile(r"^sent ([\d,]+), acknowledged ([\d,]+), failed ([\d,]+)", re.MULTILINE)


def words_of(container: Any) -> str:
    """What a container said since it was last started."""
    return str(container.logs(since=started_at(container)).decode(errors="replace"))


def started_at(container: Any) -> datetime:
    """When it was last started; the engine looks at whole seconds."""
    text = container.attrs["State"]["StartedAt"]
    return datetime.fromisoformat(text[:19])


def pause(container: Any, timeout_s: float = 60) -> None:
    """`docker pause`. An engine gives up on a container that is busy with its disk ("unable to freeze"): ask again."""

    def is_paused() -> bool:
        try:
            container.pause()
        except APIError as error:
            if "unable to freeze" not in str(error):
                raise
            return False
        return True

    await_(is_paused, timeout_s, f"{container.name} paused", lambda: "")


def entered(report: dict[str, Any]) -> int:
    """The events that an audit found in the topics that producers write, each topic once."""
    stages = [stage for stream in report["streams"].values() for stage in stream["stages"]]
    made = {stage["to"] for stage in stages}
    return sum({stage["from"]: stage["entered"] for stage in stages if stage["from"] not in made}.values())


def share_of(log: str, topic: str) -> set[str] | None:
    """The partitions of a topic that a container's last word about its partitions names."""
    share = None
    for line in log.splitlines():
        if '"partitions": ' in line and line.startswith("{"):
            share = {name for name in json.loads(line)["partitions"] if name.startswith(f"{topic}/")}
    return share


def await_(
    condition: Callable[[], object], timeout_s: float, what: str, tell: Callable[[], str] = lambda: ""
) -> None:
    """Ask until the condition holds; fail, and tell what there is, when it does not in time."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"after {timeout_s:g} s still not: {what}\n{tell()}"
        time.sleep(LOOK_S)


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
