"""Faults of the brokers: any, the coordinator, the controller, two at once."""

from __future__ import annotations

from infra.local.kafka import Broker
from tests.chaos.faults.servers import frozen, killed, restarted
from tests.chaos.schedule import Strike
from tests.chaos.world import World


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


FAULTS = {
    "broker-killed": killed(any_one),
    "broker-frozen": frozen(any_one),
    "broker-restarted": restarted(any_one),
    "coordinator-killed": killed(coordinator),
    "coordinator-frozen": frozen(coordinator),
    "controller-killed": killed(controller),
    "controller-frozen": frozen(controller),
    "two-brokers-killed": killed(any_two),
    "two-brokers-frozen": frozen(any_two),
}
