"""Faults of the brokers: any, the coordinator, the controller, two at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from infra.local.kafka import Broker
from tests.chaos.schedule import Strike
from tests.chaos.world import World

Choose = Callable[[World, Strike], list[Broker]]


def any_one(world: World, strike: Strike) -> list[Broker]:
    """One by lot."""
    return [world.stack.brokers[int(strike.pick * 3)]]


def any_two(world: World, strike: Strike) -> list[Broker]:
    """All but one by lot."""
    spared = int(strike.pick * 3)
    return [broker for index, broker in enumerate(world.stack.brokers) if index != spared]


def coordinator(world: World, strike: Strike) -> list[Broker]:
    """The coordinator of the sinks' group."""
    return [world.stack.broker(world.cluster.coordinator())]


def controller(world: World, strike: Strike) -> list[Broker]:
    """The active controller."""
    return [world.stack.broker(world.cluster.controller())]


def killed(choose: Choose) -> Callable[[World, Strike], AbstractContextManager[str | None]]:
    """SIGKILL, started again at the end."""

    @contextmanager
    def fault(world: World, strike: Strike) -> Iterator[str | None]:
        chosen = choose(world, strike)
        said = _told(world, chosen)
        for broker in chosen:
            broker.kill()
        try:
            yield said
        finally:
            _start(chosen)

    return fault


def frozen(choose: Choose) -> Callable[[World, Strike], AbstractContextManager[str | None]]:
    """SIGSTOP, SIGCONT at the end."""

    @contextmanager
    def fault(world: World, strike: Strike) -> Iterator[str | None]:
        chosen = choose(world, strike)
        said = _told(world, chosen)
        for broker in chosen:
            broker.freeze()
        try:
            yield f"{said} for {strike.lasts_s:.1f} s"
        finally:
            for broker in chosen:
                broker.thaw()

    return fault


@contextmanager
def restarted(world: World, strike: Strike) -> Iterator[str | None]:
    """SIGTERM, a clean end, started again."""
    chosen = any_one(world, strike)
    said = _told(world, chosen)
    for broker in chosen:
        broker.stop()
    try:
        yield said
    finally:
        _start(chosen)


def _start(brokers: list[Broker]) -> None:
    for broker in brokers:
        if broker.pid is None:
            broker.launch()
    for broker in brokers:
        broker.await_ready()


def _told(world: World, brokers: list[Broker]) -> str:
    return ", ".join(f"{broker.name} (pid {broker.pid})" for broker in brokers)


FAULTS = {
    "broker-killed": killed(any_one),
    "broker-frozen": frozen(any_one),
    "broker-restarted": restarted,
    "coordinator-killed": killed(coordinator),
    "coordinator-frozen": frozen(coordinator),
    "controller-killed": killed(controller),
    "controller-frozen": frozen(controller),
    "two-brokers-killed": killed(any_two),
    "two-brokers-frozen": frozen(any_two),
}
