"""The real servers for integration tests: one stack for the whole run, on free ports, in a temporary folder."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.settings import cache_folder
from infra.local.stack import Stack
from tests.support.face import Face
from tests.support.proof import Proof

FORGOTTEN_SOCKETS = "ignore:unclosed <socket:ResourceWarning"
HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    # kafka-python 3.0.12 forgets to close a socket whose connection was refused (kafka/net/inet.py).
    config.addinivalue_line("filterwarnings", FORGOTTEN_SOCKETS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def kafka_cache() -> Path:
    """Where downloads are kept between runs."""
    return cache_folder(os.environ)


@pytest.fixture(scope="session")
def stack(
    tmp_path_factory: pytest.TempPathFactory, kafka_cache: Path, request: pytest.FixtureRequest
) -> Iterator[Stack]:
    """Three brokers and a ClickHouse, ready. A test that hurts one of them leaves it healthy again."""
    servers = Stack.on_free_ports(tmp_path_factory.mktemp("stack"), kafka_cache, proxied=True)
    default = signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that SIGTERM tears down too
    try:
        with servers:
            yield servers
    finally:
        signal.signal(signal.SIGTERM, default)
        gc.collect()  # forgotten sockets go now, while the filter above still holds
    if not request.session.testsfailed:  # else data and logs may tell why
        servers.wipe()


@pytest.fixture(scope="module")
def own_stack(kafka_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Servers of the module's own, where no other group has written to the topics of the streams."""
    with Stack.on_free_ports(tmp_path_factory.mktemp("own"), kafka_cache) as servers:
        yield servers
    servers.wipe()


@pytest.fixture(scope="module")
def face(stack: Stack) -> Iterator[Face]:
    """All five streams under their own names, events flowing, and the api. A test that hurts it leaves it healthy."""
    with Face(stack) as face:
        yield face


@pytest.fixture
def proof(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Proof]:
    """A pipeline of the test's own, one partition, that knows what was acknowledged."""
    with Proof(stack, request.node.name[:60]) as proof:
        yield proof


@pytest.fixture
def wide(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Proof]:
    """The same with six partitions."""
    with Proof(stack, request.node.name[:60], partitions=6) as proof:
        yield proof
