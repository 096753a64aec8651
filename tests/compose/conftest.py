"""A real Docker engine, images that stand in for those of a registry, and our own images, built by build-all.sh.

Where no engine answers, what needs one is skipped; .ci/run starts one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from tests.compose.composes import compose_v1, compose_v2
from tests.compose.project import ROOT
from tests.compose.standins import StandIns

HERE = Path(__file__).parent
TEST_TIMEOUT_S = 600
ENGINE_TIMEOUT_S = 300
NO_ENGINE = "no Docker engine answers (docker info): .ci/run starts one where it may"
TAG = "penstock-test"
DURATIONS: dict[str, float] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.compose)
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S))
    in_need = [item for item in ours if "engine" in getattr(item, "fixturenames", ())]
    if in_need and not has_engine():
        for item in in_need:
            item.add_marker(pytest.mark.skip(NO_ENGINE))


def has_engine() -> bool:
    """Whether an engine answers. The program is asked: the SDK leaks its socket where it cannot connect."""
    if shutil.which("docker") is None:
        return False
    question = ["docker", "version", "--format", "{{.Server.Version}}"]
    return subprocess.run(question, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).returncode == 0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if DURATIONS:
        told = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in DURATIONS.items())
        terminalreporter.write_line(f"compose: {told}")


class Timed:
    """Notes how long a block took, for the last line of the run."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        self._started_s = time.monotonic()

    def __exit__(self, *_: object) -> None:
        DURATIONS[self._what] = time.monotonic() - self._started_s


@pytest.fixture(scope="session")
def project_name() -> str:
    """The same for each run of this checkout, so that what a killed run left is cleared away by the next."""
    return f"penstock-test-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:6]}"


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The engine."""
    with closing(docker.from_env(timeout=ENGINE_TIMEOUT_S)) as client:
        yield client


@pytest.fixture(scope="session")
def v1() -> Path:
    """Compose v1."""
    program = compose_v1()
    if program is None:
        pytest.skip("Compose v1 is not installed (Debian, Ubuntu: apt install docker-compose)")
    return program


@pytest.fixture(scope="session")
def v2() -> Path:
    """Compose v2."""
    with Timed("fetching Compose v2"):
        return compose_v2()


@pytest.fixture(scope="session")
def stand_ins(engine: docker.DockerClient) -> dict[str, str]:
    """Variable → image, for what a registry would hold."""
    builder = StandIns(engine)
    if obstacle := builder.obstacle():
        pytest.skip(obstacle)
    environment = builder.environment()
    DURATIONS.update({f"stand-in {name}": took_s for name, took_s in builder.took_s.items()})
    return environment


@pytest.fixture(scope="session")
def build(
    stand_ins: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> subprocess.CompletedProcess[str]:
    """./build-all.sh, run from elsewhere, under a tag of our own."""
    with Timed("build-all.sh"):
        return subprocess.run(
            [ROOT / "build-all.sh", "--tag", TAG],
            cwd=tmp_path_factory.mktemp("elsewhere"),
            env=os.environ | {"BASE_IMAGE": stand_ins["BASE_IMAGE"]},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TEST_TIMEOUT_S - 60,
        )


@pytest.fixture(scope="session")
def images(stand_ins: dict[str, str], build: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Variable → image, for everything that the compose file names."""
    assert build.returncode == 0, build.stdout + build.stderr
    ours = {f"{name.upper()}_IMAGE": f"{name}:{TAG}" for name in ("producer", "consumer", "api")}
    return stand_ins | ours
