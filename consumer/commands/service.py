"""What the long-running services of the consumer have in common: signals, log, health, metrics, endpoint, loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from common.model.stream import Stream
from common.process.clock import Clock
from common.process.endpoint import Endpoint
from common.process.health import Health
from common.process.log import instance_name, quieten_kafka, setup_logging
from common.process.run import stop_on_signals
from common.settings.config import Settings
from consumer.member.loop import Loop
from consumer.metrics import MemberMetrics

Metrics = TypeVar("Metrics", bound=MemberMetrics)


class Assembled(Protocol):
    """A member of a group that is ready to run."""

    @property
    def loop(self) -> Loop:
        """Its main loop."""


Assemble = Callable[
    [Settings, Sequence[Stream], Health, Metrics, str, Clock], AbstractContextManager[Assembled]
]
Check = Callable[[Settings, Sequence[Stream], Clock], None]


def serve(
    service: str,
    settings: Settings,
    streams: Sequence[Stream],
    clock: Clock,
    *,
    metrics: Metrics,
    check_start: Check,
    assembled: Assemble[Metrics],
) -> int:
    """Check, put together and run until SIGTERM or SIGINT. Raises what `check_start` and `assembled` raise."""
    log = logging.getLogger(f"consumer.commands.{service}")
    stop = stop_on_signals()
    setup_logging(service, settings.service)
    health = Health(clock.now_s(), max_silence_s=settings.kafka.max_poll_interval_s)
    endpoint = Endpoint.of(settings.service, health, metrics.registry, clock.now_s)
    check_start(settings, streams, clock)
    instance = instance_name(settings.service)
    names = ",".join(stream.name for stream in streams)
    with assembled(settings, streams, health, metrics, instance, clock) as member:
        quieten_kafka()
        log.info("started", extra={"streams": names})
        member.loop.run(stop.is_set)
    if endpoint:
        endpoint.close()
    log.info("stopped")
    return 0
