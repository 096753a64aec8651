"""Faults of ClickHouse itself: killed, frozen, restarted, its disk full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from infra.local.service import Service
from tests.chaos.faults.servers import frozen, killed, restarted
from tests.chaos.schedule import Strike
from tests.chaos.world import World


def the_server(world: World, strike: Strike) -> list[Service]:
    """There is one."""
    return [world.stack.clickhouse]


@contextmanager
def disk_full(world: World, strike: Strike) -> Iterator[str | None]:
    """A file takes all the space of its disk, until the end."""
    try:
        taken_bytes = world.disk.fill()
        yield f"clickhouse's disk, for {strike.lasts_s:.1f} s, by a file of {taken_bytes:,} bytes"
    finally:
        world.disk.free()


FAULTS = {
    "clickhouse-killed": killed(the_server),
    "clickhouse-frozen": frozen(the_server),
    "clickhouse-restarted": restarted(the_server),
    "clickhouse-disk-full": disk_full,
}
