"""Every part of the bench's worker runs to its end, so that it cannot rot beside the product."""

import pytest
from rich.console import Console

from tests.bench import worker
from tests.bench.bench import Bench

COVERED = {
    "fetch",
    "fetch + decode, pure reader",
    "sink",
    "sink without intents",
    "sink without addresses",
    "write",
}
"""The others run all that these run."""


@pytest.fixture(scope="module")
def bench(stack):
    return Bench(stack, Console(quiet=True), runs=1, scale=0.001)


@pytest.fixture(scope="module")
def topic(bench):
    return bench.fill("small", 2)


@pytest.mark.parametrize("mode", [mode for mode in worker.MODES if mode not in COVERED])
def test_a_worker_measures(bench, topic, mode):
    taken = bench.measure(mode, topic)
    assert taken["rows"] > 0
    assert taken["wall_s"] > 0
    assert taken["cpu_s"] > 0
    assert taken["rss_mib"] > 10
