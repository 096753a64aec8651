"""Faults of ClickHouse itself: killed, frozen, restarted, its disk full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.schedule import Strike
from tests.chaos.world import World


@contextmanager
def killed(world: World, strike: Strike) -> Iterator[str | None]:
    """SIGKILL, started again at the end."""
    pid = world.stack.clickhouse.pid
    world.stack.clickhouse.kill()
    try:
        yield f"clickhouse (pid {pid})"
    finally:
        world.stack.clickhouse.start()


@contextmanager
def frozen(world: World, strike: Strike) -> Iterator[str | None]:
    """SIGSTOP, SIGCONT at the end."""
    world.stack.clickhouse.freeze()
    try:
        yield f"clickhouse (pid {world.stack.clickhouse.pid}) for {strike.lasts_s:.1f} s"
    finally:
        world.stack.clickhouse.thaw()


@contextmanager
def restarted(world: World, strike: Strike) -> Iterator[str | None]:
    """SIGTERM, a clean end, started again."""
    pid = world.stack.clickhouse.pid
    world.stack.clickhouse.stop()
    try:
        yield f"clickhouse (pid {pid})"
    finally:
        world.stack.clickhouse.start()


@contextmanager
def disk_full(world: World, strike: Strike) -> Iterator[str | None]:
    """A file takes all the space of its disk, until the end."""
    try:
        taken_bytes = world.disk.fill()
        yield f"clickhouse's disk, for {strike.lasts_s:.1f} s, by a file of {taken_bytes:,} bytes"
    finally:
        world.disk.free()


FAULTS = {
    "clickhouse-killed": killed,
    "clickhouse-frozen": frozen,
    "clickhouse-restarted": restarted,
    "clickhouse-disk-full": disk_full,
}
