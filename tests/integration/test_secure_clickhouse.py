"""The whole slice into a ClickHouse behind TLS (by a proxy that ends it), and every way to be refused."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from infra.local.stack import Stack
from tests.support.certificates import Certificates
from tests.support.pipeline import Pipeline
from tests.support.tls_front import TlsFront

BOUND_S = 12.0
QUICK_START = {"KAFKA_CONNECT_TIMEOUT_S": "2"}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates") / "pem")


@pytest.fixture(scope="module")
def fronts(stack: Stack, certificates: Certificates) -> Iterator[dict[str, int]]:
    """Ports: `right` is named localhost, `elsewhere` is not, `mutual` wants a certificate, `plain` has no TLS."""
    port = stack.clickhouse_port
    with (
        TlsFront(port, certificates.server_context(certificates.server)) as right,
        TlsFront(port, certificates.server_context(certificates.elsewhere)) as elsewhere,
        TlsFront(port, certificates.server_context(certificates.server, asks_client=True)) as mutual,
    ):
        yield {"right": right.port, "elsewhere": elsewhere.port, "mutual": mutual.port, "plain": port}


@pytest.fixture
def pipeline(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Pipeline]:
    with Pipeline(stack, request.node.name[:60]) as pipeline:
        yield pipeline


def secure(certificates: Certificates, port: int) -> dict[str, str]:
    return {
        "CLICKHOUSE_HOST": "localhost",
        "CLICKHOUSE_PORT": str(port),
        "CLICKHOUSE_SECURE": "true",
        "CLICKHOUSE_CA_CERTS": str(certificates.ca),
    }


@pytest.mark.parametrize("front", ["right", "mutual"])
def test_the_whole_slice_goes_over_tls(pipeline, certificates, fronts, front):
    pipeline.environment |= secure(certificates, fronts[front])
    if front == "mutual":
        ours = str(certificates.client)
        pipeline.environment |= {"CLICKHOUSE_CERTFILE": ours, "CLICKHOUSE_KEYFILE": ours}
    pipeline.create_topics()
    pipeline.migrate()
    sink = pipeline.sink()
    pipeline.produce(1, 200)
    audit = pipeline.audit(wait_s=30)
    assert audit.exit_code == 0, audit
    assert (audit.totals["messages"], audit.totals["missing"], audit.totals["lag"]) == (200, 0, 0)
    assert sink.stop() == 0, sink.log_text()


REFUSED = {
    "wrong CA": ("right", {"CLICKHOUSE_CA_CERTS": "{other_ca}"}, "check CLICKHOUSE_CA_CERTS"),
    "no CA": ("right", {"CLICKHOUSE_CA_CERTS": ""}, "check CLICKHOUSE_CA_CERTS"),
    "wrong host name": ("elsewhere", {}, "names another host: use the name it bears in CLICKHOUSE_HOST"),
    "wrong password": ("right", {"CLICKHOUSE_PASSWORD": "guess-me-not"}, "CLICKHOUSE_PASSWORD"),
    "plain to TLS": ("right", {"CLICKHOUSE_SECURE": "false", "CLICKHOUSE_CA_CERTS": ""}, "CLICKHOUSE_SECURE"),
    "TLS to plain": ("plain", {}, "CLICKHOUSE_SECURE"),
    "no client certificate": ("mutual", {}, "CLICKHOUSE_CERTFILE"),
}
HANG_UPS = ("plain to TLS", "no client certificate")
"""The server says nothing: it might be one that is about to start, so it is waited for, and a log line says so."""


@pytest.mark.parametrize("case", REFUSED)
def test_a_sink_that_is_refused_ends_with_one_line(pipeline, certificates, fronts, case):
    front, change, says = REFUSED[case]
    change = {name: value.format(other_ca=certificates.other_ca) for name, value in change.items()}
    start_s = time.monotonic()
    done = pipeline.run("sink", **QUICK_START | secure(certificates, fronts[front]) | change)
    assert time.monotonic() - start_s < BOUND_S
    assert done.returncode == 1, done
    *before, line = done.stderr.splitlines()
    assert all('"message": "waiting for a server to answer"' in each for each in before), before  # a log line
    assert len(before) <= (case in HANG_UPS)
    assert f"localhost:{fronts[front]}" in line
    assert says in line
    assert "guess-me-not" not in done.stderr
