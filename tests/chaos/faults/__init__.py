"""The faults by name. Each is a context: entering makes it and gives what it hit (None: nothing), leaving heals."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.chaos.faults import brokers, clickhouse, data, distance, network, sinks
from tests.chaos.schedule import Strike
from tests.chaos.world import World

Make = Callable[[World, Strike], AbstractContextManager[str | None]]

FAULTS: dict[str, Make] = {
    **sinks.FAULTS,
    **brokers.FAULTS,
    **clickhouse.FAULTS,
    **network.FAULTS,
    **distance.FAULTS,
    **data.FAULTS,
}
